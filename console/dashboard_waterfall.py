"""When what ran: a row for each step or task, its bars on one scale. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from argosy.console.dag import Named, named_steps, runs_of
from argosy.console.dashboard_graph import is_one
from argosy.console.dashboard_progress import NOTHING, WAITS, Progress
from argosy.console.dashboard_scale import Bar, Kind, Scale
from argosy.console.dashboard_timeline import StepTimes, Timeline, Try
from argosy.console.numbers import counted
from argosy.console.run_history import History
from argosy.coordinator.state import RunState
from argosy.schemas.pipeline import LoopStep, MapStep, PlanStep

KINDS: Final[dict[Kind, str]] = {
    "queue": "waits for a worker",
    "run": "runs",
    "many": "tasks of a map or a loop",
    "bad": "runs, and does not succeed",
    "backoff": "waits before the next attempt",
    "wait": "waits for somebody, or for a time",
    "open": "under way",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A step, or a task."""

    name: str
    said: str
    bars: tuple[Bar, ...]
    progress: Progress
    one: bool = False
    """It is one task, which has been ordered."""
    breaks: tuple[int, ...] = ()
    """Where its scale is drawn short; how long those times are stands above: one that goes on would change each row."""

    @property
    def says(self) -> str:
        """For those who can't see it."""
        return "; ".join(bar.says for bar in self.bars) or "has not begun"


def by_step(history: History, times: Timeline, progress: dict[str, Progress], scale: Scale) -> Iterator[Row]:
    """Make a row for each step of the plan; all tasks of a map or a loop are one bar."""
    accepted, state = history.accepted, history.state
    if accepted is None or state is None:
        return
    for named in named_steps(accepted.pipeline):
        many = "*" in named.name or isinstance(named.step, MapStep | LoopStep | PlanStep)
        found = times.steps.get(named.name)
        bars = _many(named, state, found, scale) if many else _single(named, state, times, scale)
        made = progress.get(named.name, NOTHING)
        said = runs_of(named.step)
        yield Row(
            named.name,
            "" if said == named.name else said,
            tuple(bars),
            made,
            is_one(named.step, named.name, made),
            scale.marks,
        )


def by_task(state: RunState, times: Timeline, locals_: Iterable[str], scale: Scale) -> Iterator[Row]:
    """Make a row for each of these tasks."""
    for local in locals_:
        tries = times.tasks.get(local, [])
        said = counted(len(tries), "attempt") if tries else ""
        yield Row(local, said, tuple(_task(state, times, local, scale)), NOTHING, breaks=scale.marks)


def _many(named: Named, state: RunState, found: StepTimes | None, scale: Scale) -> Iterator[Bar]:
    if found is None:
        return
    over = "*" not in named.name and state.step(named.name).letter not in "wr"
    what = f"{counted(found.tries, 'attempt')}, {found.failed} of them without success, in"
    if over or state.st != "active":
        yield scale.bar("many", found.first_ms, found.last_ms, what)
    else:
        yield scale.bar("many", found.first_ms, found.last_ms, what)
        yield scale.open(found.last_ms)


def _single(named: Named, state: RunState, times: Timeline, scale: Scale) -> Iterator[Bar]:
    kind = runs_of(named.step)
    if kind in WAITS:
        yield from _wait(named, state, times, scale)
        return
    if named.step.agent is None:
        lead = f"{named.name}/"
        inner = [each for name, each in times.steps.items() if name.startswith(lead)]
        if inner:
            first, last = min(each.first_ms for each in inner), max(each.last_ms for each in inner)
            yield scale.bar("many", first, last, "its steps, in")
        return
    yield from _task(state, times, named.name, scale)
    below = times.steps.get(named.name)
    if below is not None and not times.tasks.get(named.name):  # pages of it alone, so far
        yield scale.bar("many", below.first_ms, below.last_ms, "pages and merges, in")


def _wait(named: Named, state: RunState, times: Timeline, scale: Scale) -> Iterator[Bar]:
    step = state.step(named.name)
    if step.letter in "ws" or any(state.step(name).letter in "sx" for name in named.parents):
        return  # it never came to wait
    parents = [found.last_ms for name in named.parents if (found := times.steps.get(name)) is not None]
    parents += [times.answers[name] for name in named.parents if name in times.answers]
    begun = max(parents, default=times.accepted_ms)
    if step.letter == "r" and not times.ended_ms:
        yield scale.open(begun, "wait", WAITS[runs_of(named.step)])
    else:
        yield scale.bar("wait", begun, times.answers.get(named.name, times.ended_ms or begun), "waited")


def _task(state: RunState, times: Timeline, local: str, scale: Scale) -> Iterator[Bar]:
    tries = times.tasks.get(local, [])
    yield from _tries(tries, scale)
    task = state.task(local)
    if task is None or task.letter not in "rba" or times.ended_ms:
        return
    last = tries[-1].settled_ms if tries else times.accepted_ms
    if task.letter == "b":
        yield scale.open(last, "backoff", "waits for its next attempt")
    elif task.letter == "a":
        yield scale.open(last, "wait", "waits for the budget to be raised")
    elif (ordered := times.time_at(task.cause)) is not None:
        if tries and ordered > last:
            yield scale.bar("backoff", last, ordered, "waited for its next attempt")
        yield scale.open(max(ordered, last))


def _tries(tries: Sequence[Try], scale: Scale) -> Iterator[Bar]:
    before: Try | None = None
    for each in tries:
        if before is not None and each.ordered_ms > before.settled_ms:
            yield scale.bar("backoff", before.settled_ms, each.ordered_ms, "waited for its next attempt")
        number = f"attempt {each.attempt}"
        if each.begun_ms > each.ordered_ms:
            yield scale.bar("queue", each.ordered_ms, each.begun_ms, f"{number}: queued")
        what = f"{number}: {each.settled.outcome} after"
        yield scale.bar("run" if each.ok else "bad", each.begun_ms, each.settled_ms, what)
        before = each
