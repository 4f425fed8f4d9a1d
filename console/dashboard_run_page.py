"""The page of one run: its DAG, when what ran, joins, input and result; live."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from argosy.console.dashboard_asks import MOST as MOST_ASKS
from argosy.console.dashboard_asks import Ask, asks
from argosy.console.dashboard_graph import Drawing, draw
from argosy.console.dashboard_joins import joins
from argosy.console.dashboard_log_rows import log_items, step_link, task_link
from argosy.console.dashboard_page import Asked, Item, Region, View
from argosy.console.dashboard_progress import progress_of
from argosy.console.dashboard_scale import Scale, scale_of
from argosy.console.dashboard_states import Shown, shown
from argosy.console.dashboard_task import Value, value_of
from argosy.console.dashboard_waterfall import KINDS, Row, by_step
from argosy.console.moments import length, moment
from argosy.console.numbers import counted, short
from argosy.console.run_history import History, trace_id
from argosy.console.timer_words import DEADLINE, timer_words
from argosy.schemas.asking import RAISED_FIELD, budget_now
from argosy.schemas.errors import NotFound
from argosy.schemas.ids import is_run_id

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk
    from argosy.console.dashboard_histories import Kept
    from argosy.schemas.payload import Payload

LAST: Final = 12
"""Records of the log that the page shows."""
_TIMERS: Final = 5


@dataclass(frozen=True, slots=True)
class DagFacts:
    """A drawing; `link` is the run's page, or nothing."""

    drawing: Drawing
    link: str


@dataclass(frozen=True, slots=True)
class Head:
    """How the run stands."""

    state: Shown
    pipeline: str
    length: str
    tenant: str
    fault: str
    broken: str
    asks: tuple[Ask, ...]
    more_asks: int


@dataclass(frozen=True, slots=True)
class Named:
    """A figure or a fact."""

    name: str
    value: str
    more: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class StepFacts:
    """A row of the table of steps."""

    row: Row
    href: str
    tries: str
    tokens: str


@dataclass(frozen=True, slots=True)
class Ticks:
    """The scale of a table."""

    ticks: tuple[tuple[int, str], ...]
    length: str
    """Of it all; empty: it grows."""
    breaks: tuple[str, ...] = ()
    """What isn't drawn at its length: how long each is."""


@dataclass(frozen=True, slots=True)
class Shell:
    """A value with the page that it leads to."""

    value: Value
    href: str


@dataclass(frozen=True, slots=True)
class Buttons:
    """What may be done now."""

    run_id: str
    actions: tuple[tuple[str, str], ...]


async def kept_of(desk: "Desk", run_id: str) -> "Kept":
    """Find a run's history. Raises NotFound for one that the log doesn't hold, Unreachable."""
    if not is_run_id(run_id):
        raise NotFound(
            f"no run can be called {run_id[:200]}", "an id has letters, digits and ._-", "/runs lists all"
        )
    kept = await desk.history(run_id)
    if kept.history.accepted is None:
        raise NotFound(
            f"no run {run_id} in the run log",
            "it was never accepted, is still in the inbox, or retention has passed",
            "look for it in the list of runs; argosy why RUN asks the inbox too",
        )
    return kept


async def look_run(desk: "Desk", asked: Asked) -> View:
    """Show a run."""
    run_id = asked.params["run_id"]
    kept = await kept_of(desk, run_id)
    return run_view(kept, time.time_ns() // 1_000_000)


def run_view(kept: "Kept", now_ms: int) -> View:
    """Make the page; costs as much as the pipeline has steps, not tasks. Pure."""
    history, times = kept.history, kept.times
    progress = progress_of(history, times)
    scale = scale_of(times, now_ms, history.state)
    run_id = history.run_id
    accepted = history.accepted
    rows = [
        Item(row.name, StepFacts(row, _row_link(run_id, row), *_sums(kept, row.name)))
        for row in by_step(history, times, progress, scale)
    ]
    drawing = (
        ()
        if accepted is None
        else (Item("dag", DagFacts(draw(accepted.pipeline, progress), f"/runs/{run_id}/")),)
    )
    ended = history.ended
    found = [
        Region("head", "run_items.html:head", (Item("head", _head(kept, now_ms)),)),
        Region("actions", "run_items.html:actions", (Item("actions", Buttons(run_id, _actions(history))),)),
        Region("figures", "run_items.html:figure", tuple(Item(each.name, each) for each in _figures(kept))),
        Region("dag", "run_items.html:dag", drawing),
        Region("ticks", "run_items.html:ticks", (Item("ticks", ticks_of(scale)),)),
        Region("rows", "run_items.html:step_row", tuple(rows)),
        Region(
            "joins",
            "run_items.html:join_item",
            tuple(Item(each.name, each) for each in joins(history, progress)),
        ),
        Region(
            "facts", "run_items.html:fact", tuple(Item(each.name, each) for each in _facts(history, now_ms))
        ),
        Region(
            "input",
            "run_items.html:answer",
            (Item("input", shell(run_id, accepted.input if accepted else None)),),
        ),
        Region(
            "result",
            "run_items.html:answer",
            (Item("result", shell(run_id, ended.result if ended else None)),),
        ),
        Region("log", "run_items.html:log_row", tuple(log_items(history, history.records[-LAST:][::-1]))),
    ]
    return View(f"Run {run_id}", tuple(found), {"run_id": run_id, "kinds": KINDS, "other": _other(history)})


def shell(run_id: str, payload: "Payload | None") -> Shell | None:
    """Show a payload with its page; None: there is none."""
    return None if payload is None else Shell(value_of(payload), f"/runs/{run_id}/values/")


def ticks_of(scale: Scale) -> Ticks:
    """Name the points of a scale."""
    breaks = tuple(each.says for each in scale.breaks)
    return Ticks(tuple(scale.ticks()), "" if scale.is_open else length(scale.span_ms / 1000), breaks)


def _row_link(run_id: str, row: Row) -> str:
    return task_link(run_id, row.name) if row.one else step_link(run_id, row.name)


def _sums(kept: "Kept", name: str) -> tuple[str, str]:
    found = kept.times.steps.get(name)
    if found is None:
        return "", ""
    tries = str(found.tries) + (f" ({found.failed} lost)" if found.failed else "")
    return tries, f"{short(found.input_tokens)} / {short(found.output_tokens)}"


def _head(kept: "Kept", now_ms: int) -> Head:
    history, times, accepted, ended = kept.history, kept.times, kept.history.accepted, kept.history.ended
    fault = ended.fault.beside(ended.outcome) if ended is not None and ended.fault is not None else ""
    at = (
        f" (began in {ended.fault.task_id})"
        if ended is not None and ended.fault and ended.fault.task_id
        else ""
    )
    asked = asks(history)
    seconds = max(0, (times.ended_ms or now_ms) - times.accepted_ms) // 1000
    return Head(
        shown("active" if ended is None else ended.outcome),
        f"{accepted.pipeline.name}@{accepted.pipeline.version}" if accepted is not None else "",
        f"took {length((times.ended_ms - times.accepted_ms) / 1000)}"
        if times.ended_ms
        else f"for {length(float(seconds))}",
        (accepted.tenant or "") if accepted is not None else "",
        f"{fault}{at}" if fault else "",
        history.broken,
        asked[:MOST_ASKS],
        max(0, len(asked) - MOST_ASKS),
    )


def _actions(history: History) -> tuple[tuple[str, str], ...]:
    if history.ended is None:
        return (("cancel", "Cancel …"),)
    again = (("replay", "Replay …"),)
    return again if history.ended.outcome == "succeeded" else (("redrive", "Redrive …"), *again)


def _figures(kept: "Kept") -> Iterator[Named]:
    steps = kept.times.steps.values()
    done, failed = sum(each.succeeded for each in steps), sum(each.failed for each in steps)
    state = kept.history.state
    known = state.totals()[1] if state is not None else 0
    accepted = kept.history.accepted
    given = {} if accepted is None else accepted.reused
    taken = min(sum(each.payload is not None for each in given.values()), max(0, known - done))
    more = f"have succeeded, {taken} of them reused" if taken else "have succeeded"
    yield Named("Tasks", f"{done + taken} of {max(known, done)}", more)
    yield Named(
        "Attempts lost", str(failed), counted(sum(each.repeats for each in steps), "repeat") + " caught"
    )
    yield Named("Tokens in", short(sum(each.input_tokens for each in steps)))
    yield Named("Tokens out", short(sum(each.output_tokens for each in steps)))
    yield Named("Queued", length(sum(each.queue_ms for each in steps) / 1000), "all attempts together")
    yield Named("Ran", length(sum(each.run_ms for each in steps) / 1000), "all attempts together")


def _facts(history: History, now_ms: int) -> Iterator[Named]:
    accepted = history.accepted
    if accepted is None:
        return
    first = next(each for each in history.records if each.message is accepted)
    yield Named("Accepted", moment(first.time_ms))
    yield Named("Deadline", moment(accepted.deadline_ms))
    yield Named("Lane, offset", f"{first.lane}, {first.offset}")
    yield Named("Priority", str(accepted.priority))
    yield Named("Rules", str(accepted.rules))
    raised = None if history.state is None else history.state.get(RAISED_FIELD)
    budget, micros = budget_now(accepted.budget, accepted.budget_micros, raised)
    if budget is not None:
        yield Named("Budget", counted(budget, "token"))
    if micros is not None:
        yield Named("Budget, money", f"{micros / 1_000_000:g}")
    if accepted.replay_of is not None:
        old = accepted.replay_of.run_id
        yield Named(
            "Replay of", f"{old}, {counted(len(accepted.reused), 'result')} reused", href=f"/runs/{old}"
        )
    if (trace := trace_id(history)) is not None:
        yield Named("Trace", trace)
    timers = {} if history.ended is not None else history.timers
    ours = ((due_ms, name) for name, due_ms in timers.items() if name != DEADLINE)
    for due_ms, name in sorted(ours)[:_TIMERS]:
        yield Named(timer_words(name), f"{moment(due_ms)}{', overdue' if due_ms < now_ms else ''}")


def _other(history: History) -> str:
    accepted = history.accepted
    return "" if accepted is None or accepted.replay_of is None else accepted.replay_of.run_id
