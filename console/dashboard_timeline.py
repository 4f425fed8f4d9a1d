"""When a run's attempts waited and ran, by step and by task; taken record by record, at the same cost for each. Pure.

Times are the log's append times; how long a handler ran is what its worker measured. Before that it waited: for its
dispatch, for a worker, for its turn.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from argosy.console.dag import named_steps
from argosy.console.run_history import Logged
from argosy.coordinator.step_plan import template_of
from argosy.schemas.ids import local_part, step_of
from argosy.schemas.runlog import RunAccepted, RunEnded, SignalReceived, TaskSettled, TimerFired

LEAST_GAP_MS: Final = 5_000
"""A shorter time in which nothing runs is no gap."""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt that has settled. Times in epoch milliseconds; `ordered` <= `begun` <= `settled`."""

    attempt: int
    ordered_ms: int
    begun_ms: int
    settled_ms: int
    settled: TaskSettled
    offset: int

    @property
    def ok(self) -> bool:
        """Say whether it succeeded."""
        return self.settled.outcome == "succeeded"


@dataclass(slots=True)
class StepTimes:
    """What a step's tasks did, of all shards and iterations together."""

    first_ms: int
    last_ms: int
    succeeded: int = 0
    failed: int = 0
    """Attempts."""
    repeats: int = 0
    """Settles of an attempt that had settled: caught, and counted nowhere else."""
    deliveries: int = 0
    queue_ms: int = 0
    run_ms: int = 0
    longest_ms: int = -1
    longest: str = ""
    """The task of the longest attempt."""
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tries(self) -> int:
        """Count attempts that settled."""
        return self.succeeded + self.failed


@dataclass(slots=True)
class Timeline:
    """All times of one run that its log tells."""

    accepted_ms: int = 0
    ended_ms: int = 0
    """0: it goes on."""
    steps: dict[str, StepTimes] = field(default_factory=dict[str, StepTimes])
    """By template: `c.*/x` for all shards; what was made for a task that is too large counts with that task's step."""
    tasks: dict[str, list[Try]] = field(default_factory=dict[str, list[Try]])
    answers: dict[str, int] = field(default_factory=dict[str, int])
    """When a step that waited last had a signal, or its time was up."""
    busy: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """When handlers ran that have settled, and the moments in which a wait ended; what lies between are gaps."""
    _times: dict[int, int] = field(default_factory=dict[int, int])
    _names: frozenset[str] = frozenset()

    def take(self, logged: Logged) -> None:
        """Take the run's next record."""
        self._times[logged.offset] = logged.time_ms
        match logged.message:
            case RunAccepted() if not self.accepted_ms:
                self.accepted_ms = logged.time_ms
                self._names = frozenset(each.name for each in named_steps(logged.message.pipeline))
            case RunEnded() if not self.ended_ms:
                self.ended_ms = logged.time_ms
            case TaskSettled():
                self._settled(logged, logged.message)
            case SignalReceived():
                self.answers[logged.message.name] = logged.time_ms
                self._ran(logged.time_ms, logged.time_ms)
            case TimerFired():
                kind, _, name = logged.message.name.partition(":")
                if kind in {"sleep", "wait"}:
                    self.answers[name] = logged.time_ms
                    self._ran(logged.time_ms, logged.time_ms)
            case _:
                pass

    def _settled(self, logged: Logged, settled: TaskSettled) -> None:
        if not settled.worker and not settled.deliveries and settled.outcome == "succeeded":
            return  # the lane's own look at a value
        local = local_part(settled.task_id)
        tries = self.tasks.setdefault(local, [])
        known = any(each.attempt == settled.attempt for each in tries)
        cause = logged.envelope.cause
        ordered = min(self._times.get(-1 if cause is None else cause, self.accepted_ms), logged.time_ms)
        begun = max(ordered, logged.time_ms - settled.duration_ms)
        self._ran(begun, logged.time_ms)
        step = self._step(local, ordered)
        step.last_ms = max(step.last_ms, logged.time_ms)
        step.first_ms = min(step.first_ms, ordered)
        if known:
            step.repeats += 1
            return
        tries.append(Try(settled.attempt, ordered, begun, logged.time_ms, settled, logged.offset))
        if settled.outcome == "succeeded":
            step.succeeded += 1
        else:
            step.failed += 1
        step.deliveries += settled.deliveries
        step.queue_ms += begun - ordered
        step.run_ms += logged.time_ms - begun
        if logged.time_ms - begun > step.longest_ms:
            step.longest_ms, step.longest = logged.time_ms - begun, local
        step.input_tokens += settled.usage.input_tokens
        step.output_tokens += settled.usage.output_tokens

    def _ran(self, begin_ms: int, end_ms: int) -> None:
        while self.busy and begin_ms - self.busy[-1][1] < LEAST_GAP_MS:
            before = self.busy.pop()
            begin_ms, end_ms = min(begin_ms, before[0]), max(end_ms, before[1])
        self.busy.append((begin_ms, end_ms))

    def _step(self, local: str, ordered: int) -> StepTimes:
        name = step_template(local, self._names)
        step = self.steps.get(name)
        if step is None:
            step = self.steps[name] = StepTimes(ordered, ordered)
        return step

    def time_at(self, offset: int) -> int | None:
        """Say when a record of the run was appended; None for an offset that isn't the run's."""
        return self._times.get(offset)


def step_template(local: str, names: Collection[str]) -> str:
    """Name the step, of those in `names`, that a task belongs to: `c.*/x` of `c.7/x`, `c` of `c.7`, `x` of `x/p1.3`."""
    lead = local
    while True:
        name = template_of(step_of(lead)[0]).removesuffix("~*")
        if name in names or "/" not in lead:
            return name
        lead = lead.rpartition("/")[0]  # it was made for this task
