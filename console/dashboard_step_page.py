"""The tasks of one step of a run, by the page."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from argosy.console.dag import in_words, named_steps
from argosy.console.dashboard_asks import Ask, asks
from argosy.console.dashboard_joins import JoinShown, joins
from argosy.console.dashboard_log_rows import task_link
from argosy.console.dashboard_page import Asked, Item, Region, View
from argosy.console.dashboard_progress import NOTHING, Progress, progress_of
from argosy.console.dashboard_run_page import Shell, kept_of, shell, ticks_of
from argosy.console.dashboard_scale import Scale, scale_of
from argosy.console.dashboard_states import Shown, shown
from argosy.console.dashboard_timeline import step_template
from argosy.console.dashboard_waterfall import KINDS, Row, by_task
from argosy.console.numbers import short
from argosy.console.task_table import WORDS
from argosy.coordinator.kept import TERMINAL
from argosy.coordinator.step_plan import template_of
from argosy.schemas.errors import NotFound

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk
    from argosy.console.dashboard_histories import Kept

TASKS: Final = 50
_FILTERS: Final = (
    "out",
    "backing off",
    "in pages",
    "waits for budget",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
)


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A row of the table of a step's tasks."""

    row: Row
    href: str
    state: Shown
    why: str
    tries: str
    tokens: str


def tasks_of(kept: "Kept", step: str, state: str = "") -> list[str]:
    """Name the tasks of a step, all shards and iterations, in their order. Costs as much as the run has tasks."""
    history = kept.history
    accepted, found = history.accepted, history.state
    if accepted is None or found is None:
        return []
    names = {named.name for named in named_steps(accepted.pipeline)}
    if step not in names:
        raise NotFound(f"run {history.run_id} has no step {step[:200]}", "", "its page lists its steps")
    known = dict.fromkeys((*found.tasks(), *kept.times.tasks))
    ours = [local for local in known if step_template(local, names) == step]
    if state:
        ours = [local for local in ours if word_of(kept, local) == state]
    return sorted(ours, key=_order)


def _order(local: str) -> list[tuple[int, str]]:
    parts = local.replace("~", ".").replace("/", ".").split(".")
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def word_of(kept: "Kept", local: str) -> str:
    """Name the state of a task."""
    state = kept.history.state
    task = state.task(local) if state is not None else None
    if task is not None:
        return WORDS[task.letter]
    tries = kept.times.tasks.get(local, [])
    return "succeeded" if any(each.ok for each in tries) else "failed"


async def look_tasks(desk: "Desk", asked: Asked) -> View:
    """Show a step's tasks, a page of them."""
    run_id, step = asked.params["run_id"], template_of(asked.params["step"])
    kept = await kept_of(desk, run_id)
    wanted = asked.query.get("state", "")
    wanted = wanted if wanted in _FILTERS else ""
    return tasks_view(kept, step, wanted, number_of(asked), time.time_ns() // 1_000_000)


def tasks_view(kept: "Kept", step: str, state: str, page: int, now_ms: int) -> View:
    """Make the page of a step's tasks. Pure."""
    run_id = kept.history.run_id
    every = tasks_of(kept, step, state)
    pages = max(1, -(-len(every) // TASKS))
    page = min(page, pages)
    some = every[(page - 1) * TASKS : page * TASKS]
    found = kept.history.state
    scale = _scale(kept, step, now_ms)
    rows = [] if found is None else list(by_task(found, kept.times, some, scale))
    ticks = Item("ticks", ticks_of(scale))
    accepted = kept.history.accepted
    named = {} if accepted is None else {each.name: each for each in named_steps(accepted.pipeline)}
    return View(
        f"{step} of {run_id}",
        (
            Region("head", "run_items.html:step_head", (Item("head", step_facts(kept, step)),)),
            Region("ticks", "run_items.html:ticks", (ticks,)),
            Region("rows", "run_items.html:task_row", tuple(_task_row(kept, row) for row in rows)),
        ),
        {
            "run_id": run_id,
            "step": step,
            "words": in_words(named[step].step) if step in named else "",
            "waits": step in named and named[step].step.WAITS,
            "states": _FILTERS,
            "state": state,
            "count": len(every),
            "page": page,
            "pages": pages,
            "path_of": f"/runs/{run_id}/steps/{quote(step)}?state={quote(state)}&",
            "kinds": {kind: said for kind, said in KINDS.items() if kind != "many"},
        },
    )


def _scale(kept: "Kept", step: str, now_ms: int) -> Scale:
    """Choose the scale of a step's tasks: the run's, up to its last task's end if the step is over."""
    state, times = kept.history.state, kept.times.steps.get(step)
    if state is None or times is None or "*" in step or state.step(step).letter not in TERMINAL:
        return scale_of(kept.times, now_ms, state)
    return scale_of(kept.times, now_ms, until_ms=times.last_ms)


@dataclass(frozen=True, slots=True)
class StepHead:
    """How a step stands; `value` of one that has a value without a task of its own: an answer, a loop's last."""

    progress: Progress
    join: JoinShown | None
    value: Shell | None
    asks: tuple[Ask, ...]


def step_facts(kept: "Kept", step: str) -> StepHead:
    """Find how a step stands, what it waits for, and its value."""
    history, progress = kept.history, progress_of(kept.history, kept.times)
    join = next((each for each in joins(history, progress) if each.name == step), None)
    state = history.state
    known = state is not None and "*" not in step and state.has_result(step)
    value = shell(history.run_id, state.result(step).payload) if state is not None and known else None
    asked = tuple(each for each in asks(history) if each.step == step)
    return StepHead(progress.get(step, NOTHING), join, value, asked)


def _task_row(kept: "Kept", row: Row) -> Item:
    tries = kept.times.tasks.get(row.name, [])
    given = sum(each.settled.usage.input_tokens for each in tries)
    made = sum(each.settled.usage.output_tokens for each in tries)
    fault = tries[-1].settled.fault if tries else None
    facts = TaskFacts(
        row,
        task_link(kept.history.run_id, row.name),
        shown(word_of(kept, row.name)),
        fault.said if fault is not None else "",
        str(len(tries) or ""),
        f"{short(given)} / {short(made)}",
    )
    return Item(row.name, facts)


def number_of(asked: Asked) -> int:
    """Read the number of the page that is asked for."""
    text = asked.query.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1  # noqa: PLR2004 - digits
