"""The state of one run: the fields of its Redis hash, read and written through typed views.

The hash *is* the state. Nothing that fold relies on lives outside it, so what was loaded folds like what was
kept in memory. A settle touches a handful of fields, whatever the size of the run.

Fields (all values are text):

| field | holds |
|---|---|
| `st` | `active`, `ending` (outcome decided), `ended` (tombstone), `cancel` (came before its run) |
| `dl` | the run's deadline, epoch milliseconds |
| `t:<local>` | an ordered task: letter, attempt, attempts seen (bits), ordering offset, earlier traceparent |
| `v:<local>` | what a task left: payload and facts, or its fault |
| `s:<step>` | a step that has begun to change: `StepState` |
| `a:<timer>` | the offset that armed the timer |
| `g:<signal id>`, `gn` | signals that wait for their step, and how many there are |
| `n` | input tokens, output tokens, tasks |
| `run`, `plan` | what run.accepted pinned, written once |
| `end` | the decided outcome; of a tombstone: the whole `run.ended` |
| `hash`, `off`, `tp` | of a tombstone: data hash, offset and traceparent of `run.ended` |
| `why` | of a `cancel` tombstone: the reason |
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, TypeAdapter

from argosy.schemas.chat import Usage
from argosy.schemas.facts import Facts
from argosy.schemas.fault import Fault
from argosy.schemas.hole import HoleOutcome
from argosy.schemas.payload import Payload
from argosy.schemas.runlog import LogMessage, RunOutcome

Letter = Literal["w", "r", "b", "k", "f", "s", "x", "e"]
"""waiting, ready or out, backing off; succeeded, failed, skipped, cancelled, expired."""

TERMINAL: Final = frozenset("kfsxe")

_LETTERS: Final[dict[str, Letter]] = {
    "w": "w", "r": "r", "b": "b", "k": "k", "f": "f", "s": "s", "x": "x", "e": "e"
}  # fmt: skip

_FIELD_BYTES: Final = 120
"""What a field costs in memory beside its name and value, roughly."""


@dataclass(frozen=True, slots=True)
class Event:
    """A record of the run log as fold sees it; `time_ms` is the broker's append time."""

    offset: int
    time_ms: int
    run_id: str
    message: LogMessage
    traceparent: str | None = None


class Cause(BaseModel, frozen=True):
    """Why something did not succeed: the task where it began, and its fault."""

    local: str
    outcome: HoleOutcome
    fault: Fault


class TaskResult(BaseModel, frozen=True):
    """What a task left behind."""

    payload: Payload | None = None
    facts: Facts = {}
    fault: Fault | None = None
    traceparent: str | None = None


class Pinned(BaseModel, frozen=True):
    """What run.accepted fixed for the whole life of the run (the pipeline has its own field)."""

    rules: int
    identity: str
    """SHA-256 of the pipeline's field: the key of the plan cache."""
    input: Payload
    facts: Facts = {}
    data_hash: str
    submitted_ms: int
    accepted_ms: int
    deadline_ms: int
    priority: int = 5
    tenant: str | None = None
    budget: int | None = None
    windows: dict[str, int] = {}
    factors: dict[str, int] = {}
    traceparent: str | None = None


class Outcome(BaseModel, frozen=True):
    """How the run is to end."""

    outcome: RunOutcome
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class TaskState:
    """An ordered task. `seen` has bit n when attempt n has settled; offset `cause` ordered the attempt."""

    letter: Letter
    attempt: int
    seen: int
    cause: int
    earlier: str | None = None

    def encode(self) -> bytes:
        """Letter and attempt first: scripts read those two."""
        return f"{self.letter} {self.attempt} {self.seen:x} {self.cause} {self.earlier or '-'}".encode()

    @staticmethod
    def decode(raw: bytes) -> "TaskState":
        """Read what `encode` wrote; a ValueError or KeyError is a damaged hash."""
        letter, attempt, seen, cause, earlier = raw.decode().split(" ")
        before = None if earlier == "-" else earlier
        return TaskState(_LETTERS[letter], int(attempt), int(seen, 16), int(cause), before)


@dataclass(slots=True)
class StepState:
    """A step: counters over its parents while it waits, counters over its shards while it runs.

    The run owns it: who changes it puts it back at once.
    """

    letter: Letter = "w"
    parents: int = 0
    """Parents that ended."""
    required: int = 0
    """Of those, parents without which it can't run."""
    holes: int = 0
    """Inputs that may be holes and whose parent ended."""
    whole: int = 0
    """Of those, inputs whose parent succeeded."""
    late: bool = False
    """The join's time is up."""
    absent: tuple[str, ...] = ()
    """Parents that the join went on without."""
    due_ms: int | None = None
    """The step's own deadline."""
    length: int = 0
    """Shards; the rest counts them."""
    next: int = 0
    """The first shard that was not ordered yet."""
    open: int = 0
    """Shards that were ordered and have not ended."""
    succeeded: int = 0
    missing: int = 0
    """Shards that ended otherwise."""
    first: Cause | None = None
    """The first shard that did not succeed."""
    tokens: int = 0
    """Of the results so far."""
    cause: Cause | None = None
    """Of a step that ended without success: the first cause."""


_STEP: Final = TypeAdapter(StepState)


class RunState:
    """One run. Mutable; knows which fields changed since the last `changes`."""

    __slots__ = ("_bytes", "_changed", "_fields", "_pinned", "_steps", "run_id")

    def __init__(self, run_id: str, fields: dict[str, bytes] | None = None) -> None:
        """Start from the fields of a hash; none is a run that is just being made."""
        self.run_id = run_id
        self._fields: dict[str, bytes] = {} if fields is None else fields
        self._changed: dict[str, None] = {}
        self._bytes = sum(len(name) + len(value) + _FIELD_BYTES for name, value in self._fields.items())
        self._pinned: Pinned | None = None
        self._steps: dict[str, StepState] = {}
        """Steps as they were read or put last: a copy of their fields, never ahead of them."""

    # -- the hash

    def get(self, name: str) -> bytes | None:
        """Read a field."""
        return self._fields.get(name)

    def put(self, name: str, value: bytes) -> None:
        """Write a field."""
        old = self._fields.get(name)
        self._bytes += len(value) - len(old) if old is not None else len(name) + len(value) + _FIELD_BYTES
        self._fields[name] = value
        self._changed[name] = None

    def drop(self, name: str) -> None:
        """Remove a field, if it is there."""
        old = self._fields.pop(name, None)
        if old is not None:
            self._bytes -= len(name) + len(old) + _FIELD_BYTES
            self._changed[name] = None

    def clear(self) -> None:
        """Forget everything. The names are not listed as changed: who entombs deletes the key."""
        self._fields, self._changed, self._bytes = {}, {}, 0
        self._pinned, self._steps = None, {}

    def changes(self) -> dict[str, bytes | None]:
        """Take the fields to set, and (None) to remove, since the last call. Call it once per commit."""
        taken: dict[str, bytes | None] = {name: self._fields.get(name) for name in self._changed}
        self._changed = {}
        return taken

    def dump(self) -> dict[str, bytes]:
        """Copy all fields."""
        return dict(self._fields)

    def bytes_estimate(self) -> int:
        """Estimate what this run takes in memory."""
        return self._bytes

    # -- typed views

    @property
    def st(self) -> str:
        """`active`, `ending`, `ended` or `cancel`; empty for a run that is just being made."""
        return self._fields.get("st", b"").decode()

    @property
    def pinned(self) -> Pinned:
        """What run.accepted fixed; KeyError in a tombstone."""
        if self._pinned is None:
            self._pinned = Pinned.model_validate_json(self._fields["run"])
        return self._pinned

    @property
    def data_hash(self) -> str:
        """SHA-256 of the client's own data; empty if a cancel came before the run."""
        kept = self._fields.get("hash")
        if kept is not None:
            return kept.decode()
        return self.pinned.data_hash if "run" in self._fields else ""

    def task(self, local: str) -> TaskState | None:
        """Look up a task; None if it was never ordered."""
        raw = self._fields.get(f"t:{local}")
        return None if raw is None else TaskState.decode(raw)

    def is_open(self, local: str) -> bool:
        """Say whether a task was ordered and has not ended."""
        return self._fields.get(f"t:{local}", b"k")[:1] in b"rb"

    def succeeded(self, local: str) -> bool:
        """Say whether a task succeeded."""
        return self._fields.get(f"t:{local}", b"w")[:1] == b"k"

    def put_task(self, local: str, task: TaskState) -> None:
        """Write a task."""
        self.put(f"t:{local}", task.encode())

    def tasks(self) -> Iterator[str]:
        """Name all ordered tasks, sorted."""
        return iter(sorted(name[2:] for name in self._fields if name.startswith("t:")))

    def result(self, local: str) -> TaskResult:
        """Read what a task left; KeyError if it has not ended or was never ordered."""
        return TaskResult.model_validate_json(self._fields[f"v:{local}"])

    def put_result(self, local: str, result: TaskResult) -> None:
        """Keep what a task left."""
        self.put(f"v:{local}", result.model_dump_json(exclude_defaults=True).encode())

    def step(self, name: str) -> StepState:
        """Look up a step; one without a field waits and none of its parents has ended."""
        step = self._steps.get(name)
        if step is None:
            raw = self._fields.get(f"s:{name}")
            step = self._steps[name] = StepState() if raw is None else _STEP.validate_json(raw)
        return step

    def put_step(self, name: str, step: StepState) -> None:
        """Write a step."""
        self._steps[name] = step
        self.put(f"s:{name}", _STEP.dump_json(step, exclude_defaults=True))

    def armed(self, timer: str) -> int | None:
        """Return the offset that armed a timer, None if it isn't armed."""
        raw = self._fields.get(f"a:{timer}")
        return None if raw is None else int(raw)

    def timers(self) -> Iterator[str]:
        """Name all armed timers, sorted."""
        return iter(sorted(name[2:] for name in self._fields if name.startswith("a:")))

    def totals(self) -> tuple[Usage, int]:
        """Return the usage so far, and how many tasks there are."""
        given, made, tasks = (int(part) for part in self._fields.get("n", b"0 0 0").split(b" "))
        return Usage(input_tokens=given, output_tokens=made), tasks

    def put_totals(self, usage: Usage, tasks: int) -> None:
        """Write usage and the number of tasks."""
        self.put("n", f"{usage.input_tokens} {usage.output_tokens} {tasks}".encode())


def load(run_id: str, fields: Mapping[str, str | bytes]) -> RunState | None:
    """Make the state from a hash as Redis gives it, in any order; an empty one is no run."""
    if not fields:
        return None
    return RunState(
        run_id,
        {name: value.encode() if isinstance(value, str) else value for name, value in fields.items()},
    )
