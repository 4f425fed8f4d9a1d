"""A run's tasks as rows: agent, state, attempts, wall time, tokens; from its history alone."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from argosy.console.dag import named_steps, runs_of
from argosy.console.loop_words import forgotten
from argosy.console.planned_words import planned_ever
from argosy.console.run_history import History
from argosy.console.system_words import place_of, words
from argosy.coordinator.step_plan import shards_in, template_of
from argosy.schemas.ids import step_of, task_id
from argosy.schemas.pipeline import LoopStep, PlanStep
from argosy.schemas.taint import UNTAINTED, Taint, united

if TYPE_CHECKING:
    from argosy.schemas.runlog import TaskSettled

WORDS: Final = {
    "w": "waiting",
    "r": "out",
    "b": "backing off",
    "p": "in pages",
    "a": "waits for budget",
    "k": "succeeded",
    "f": "failed",
    "s": "skipped",
    "x": "cancelled",
    "e": "expired",
}
"""A task's letter in the run's hash, in words."""

_WAITING: Final = {"approval": "waits for approval", "signal": "waits for a signal", "sleep": "asleep"}

COLUMNS: Final = (
    "TASK",
    "AGENT",
    "STATE",
    "ATTEMPTS",
    "DELIVERIES",
    "WALL",
    "TOKENS IN",
    "TOKENS OUT",
    "WHY",
)


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task of a run. `wall_ms` and tokens are sums over its attempts; each attempt counts once."""

    task: str
    agent: str
    state: str
    attempts: int
    deliveries: int
    wall_ms: int
    input_tokens: int
    output_tokens: int
    why: str
    worker: str = ""
    """Who settled it last."""
    what: str = ""
    """Of a task that was made for one that is too large: which page, merge or summary it is."""
    taint: Taint = UNTAINTED
    """Marks of its result: whose words it may hold."""

    def cells(self) -> tuple[object, ...]:
        """Give the row as `COLUMNS` has it."""
        wall = f"{self.wall_ms / 1000:.1f} s"
        tokens = (self.input_tokens, self.output_tokens)
        return (self.task, self.agent, self.state, self.attempts, self.deliveries, wall, *tokens, self.why)


def rows(history: History) -> list[TaskRow]:
    """Make the rows, in the order of the plan; a step that was never ordered stands as one row."""
    accepted, state = history.accepted, history.state
    if accepted is None or state is None:
        return []
    made: list[TaskRow] = []
    by_step: dict[str, list[str]] = {}
    under: dict[str, list[str]] = {}
    for local in (*state.tasks(), *forgotten(history)):
        place = place_of(history, local) if "/p" in local else None
        if place is not None and place.system is not None:
            under.setdefault(place.system.above.local, []).append(local)
            continue
        by_step.setdefault(template_of(step_of(local)[0]), []).append(local)
    for named in named_steps(accepted.pipeline):
        shards = sorted(by_step.get(named.name, ()), key=lambda local: list(map(int, shards_in(local))))
        agent = runs_of(named.step)
        if isinstance(named.step, LoopStep) and named.step.agent is not None:
            shards += sorted(
                by_step.get(f"{named.name}~*", ()), key=lambda local: list(map(int, shards_in(local)))
            )
            shards = [named.name, *shards] if "*" not in named.name else shards
        for local in shards or [named.name]:
            made.append(_row(history, local, agent))
            made.extend(_row(history, one, agent) for one in _under(under, local))
            for planned, runs in (
                planned_ever(history, local).items() if isinstance(named.step, PlanStep) else ()
            ):
                made.append(_row(history, planned, runs))
                made.extend(_row(history, one, runs) for one in _under(under, planned))
    return made


def _under(under: Mapping[str, list[str]], local: str) -> Iterator[str]:
    """Name the system tasks of a task, in the order in which they may run."""
    for name in sorted(
        under.get(local, ()), key=lambda name: [int(part) for part in re.findall(r"\d+", name)]
    ):
        yield name
        yield from _under(under, name)


def row_of(history: History, local: str) -> TaskRow | None:
    """Make the row of one task, or of a step that waits; None if its run has no such step, or never began."""
    place = place_of(history, local)
    return None if place is None else _row(history, local, place.agent)


def is_look(settled: "TaskSettled") -> bool:
    """Say whether this is the lane's own look at a value, which nobody attempted: a step may still wait after it."""
    return not settled.worker and not settled.deliveries and settled.outcome == "succeeded"


def last_fault(history: History, local: str) -> str:
    """Say what the last attempt of a task that failed said; empty if none did."""
    settles = history.settles(task_id(history.run_id, local))
    return next((settled.fault.message for settled in reversed(settles) if settled.fault), "")


def _row(history: History, local: str, agent: str) -> TaskRow:
    state = history.state
    task = state.task(local) if state else None
    place = place_of(history, local) if "/p" in local else None
    is_system = state is not None and place is not None and place.system is not None
    step = state.step(local) if state and not is_system else None
    first_of: dict[int, TaskSettled] = {}
    looks: list[TaskSettled] = []
    for settled in history.settles(task_id(history.run_id, local)):
        if is_look(settled):
            looks.append(settled)
        else:
            first_of.setdefault(settled.attempt, settled)
    settles = list(first_of.values())
    letter = task.letter if task else step.letter if step else "w"
    if task is None and any(settled.outcome == "succeeded" for settled in settles):
        letter = "k"  # forgotten, with its iteration
    faults = [settled.fault.message for settled in settles if settled.fault]
    cause = step.cause.fault.message if step and step.cause else ""
    accepted = history.accepted
    if accepted is not None and accepted.replay_of is not None and not settles and local in accepted.reused:
        cause = cause or (f"reused of {accepted.replay_of.run_id}" if letter in "kf" else "")
    return TaskRow(
        task=local,
        agent=place.agent if is_system and place is not None else agent,
        state=_WAITING.get(agent, "running") if letter == "r" and task is None else WORDS[letter],
        attempts=task.attempt if task else max(first_of, default=0),
        deliveries=sum(settled.deliveries for settled in settles),
        wall_ms=sum(settled.duration_ms for settled in settles),
        input_tokens=sum(settled.usage.input_tokens for settled in settles),
        output_tokens=sum(settled.usage.output_tokens for settled in settles),
        why=faults[-1] if faults and letter != "k" else cause,
        worker=settles[-1].worker if settles else "",
        what=words(state, place) if is_system and state is not None and place is not None else "",
        taint=_taint(history, local, (*looks, *settles)),
    )


def _taint(history: History, local: str, settles: "Iterable[TaskSettled]") -> Taint:
    """Unite the marks of what a task gave, or was given for it in a replay."""
    payloads = [settled.result for settled in settles if settled.outcome == "succeeded"]
    if history.accepted is not None and local in history.accepted.reused:
        payloads.append(history.accepted.reused[local].payload)
    return united(*(payload.taint for payload in payloads if payload is not None))
