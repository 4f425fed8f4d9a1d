"""What happened to a run, in the order of cause and effect: its records, and what each one led to. Pure.

The log is folded once more, so that orders, retries, timers, holes and waits stand after the record that caused them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from argosy.console.run_history import History, folded
from argosy.console.run_story import story
from argosy.console.system_words import plan_in
from argosy.console.timer_words import timer_words
from argosy.coordinator.decision import Arm, Changed, Decision, Disarm, Ready
from argosy.coordinator.state import RunState
from argosy.coordinator.system_tasks import inputs_for
from argosy.schemas.ids import local_part
from argosy.schemas.runlog import LogMessage, RunEnded, SignalReceived, StepRecorded, TaskSettled, TimerFired
from argosy.schemas.task import HoleInput


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened. What follows from a record has its offset too.

    Sorted by (offset, follows): the run's logical clock, whatever clocks said. `cause` is the offset that it answers.
    """

    offset: int
    follows: int
    """0 of a record; what follows from it counts from 1."""
    cause: int | None
    ordinal: int
    """Of a record: its place among what one worker did between two offsets."""
    time_ms: int
    kind: str
    """A record's kind; `ready`, `hole`, `armed` and so on of what follows."""
    task: str
    source: str
    what: str
    effect: bool
    """False: a record that changed nothing, a repeat or an answer that came too late."""


def causal_history(history: History, task: str = "") -> list[Entry]:
    """Tell everything; of `task` (its name in the run, or its id) only what concerns it and what lies under it."""
    wanted = task.removeprefix(f"{history.run_id}/")
    return [entry for entry in _entries(history) if not wanted or _concerns(entry.task, wanted)]


def _concerns(task: str, wanted: str) -> bool:
    return task == wanted or task.startswith((f"{wanted}/", f"{wanted}.", f"{wanted}~"))


def _entries(history: History) -> Iterator[Entry]:
    happened = {each.offset: each for each in story(history)}
    state: RunState | None = None
    for logged in history.records:
        told = happened[logged.offset]
        tries = _tries(logged.message)
        yield Entry(
            told.offset,
            0,
            told.cause,
            told.ordinal,
            told.time_ms,
            told.kind,
            told.task or _named(logged.message),
            told.source,
            f"{told.what}{tries}",
            told.effect,
        )
        if isinstance(logged.message, RunEnded):
            continue
        after = folded(history.run_id, state, logged)
        if isinstance(after, Exception):
            return  # `history.broken` tells of it
        state, decisions = after
        follows = (found for each in decisions for found in _follows(each, state))
        for number, (kind, local, what) in enumerate(follows, start=1):
            yield Entry(
                logged.offset, number, logged.offset, 0, told.time_ms, kind, local, "", what, effect=True
            )


def _named(message: LogMessage) -> str:
    """Name the task, or the step, that a timer or a signal is for."""
    match message:
        case TimerFired():
            return _task_of(message.name)
        case SignalReceived():
            return message.name
        case _:
            return ""


def _tries(message: LogMessage) -> str:
    if isinstance(message, TaskSettled) and message.deliveries > 1:
        return f", at delivery {message.deliveries}"
    if isinstance(message, StepRecorded):
        return f" recorded for {local_part(message.task_id)}"
    return ""


def _follows(decision: Decision, state: RunState | None) -> Iterator[tuple[str, str, str]]:
    match decision:
        case Ready(step, agent, attempt, None):
            yield "ordered", step, f"attempt {attempt} for {agent}"
            yield from _holes(state, step)
        case Ready(step, agent, attempt, int(first), count):
            for shard in range(first, first + count):
                yield "ordered", f"{step}.{shard}", f"attempt {attempt} for {agent}"
            yield from _holes(state, f"{step}.{first}")
        case Changed(word, local) if word not in ("ready", "accepted"):
            yield word, local or "", decision.reason
        case Arm(name):
            yield "armed", _task_of(name), timer_words(name)
        case Disarm(name, armed):
            yield "disarmed", _task_of(name), f"no longer: {timer_words(name)}, armed at {armed}"
        case _:
            return


def _task_of(timer: str) -> str:
    return timer.partition(":")[2].partition("@")[0]


def _holes(state: RunState | None, local: str) -> Iterator[tuple[str, str, str]]:
    """Tell what a task that goes out goes on without."""
    if state is None or state.get("plan") is None:
        return
    plan = plan_in(state)
    place = plan.find(local)
    try:
        inputs = () if place is None else inputs_for(state, plan, place)
    except (LookupError, TypeError):
        return
    for given in inputs:
        for entry in (given.source, *(given.gathered or ())):
            if isinstance(entry, HoleInput):
                hole = entry.hole
                yield (
                    "hole",
                    local,
                    f"{given.name} goes on without {local_part(hole.task_id)}, {hole.outcome}: {hole.reason}",
                )
