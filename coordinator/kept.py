"""What stands in the fields of a run's hash: tasks, steps, what tasks left, what the run pinned."""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, Field, StrictInt

from argosy.schemas.facts import Fact, Facts
from argosy.schemas.fault import Fault
from argosy.schemas.hole import HoleOutcome
from argosy.schemas.payload import Payload
from argosy.schemas.runlog import OnSpent, RunOutcome

Letter = Literal["w", "r", "b", "p", "a", "k", "f", "s", "x", "e"]
"""waiting, ready or out, backing off, cut into pages that run, waiting for the run's budget to be raised; succeeded,
failed, skipped, cancelled, expired."""

TERMINAL: Final = frozenset("kfsxe")
OPEN: Final = frozenset("rbpa")
"""Of tasks that were ordered, or whose pages were."""

_LETTERS: Final[dict[str, Letter]] = {
    "w": "w", "r": "r", "b": "b", "p": "p", "a": "a", "k": "k", "f": "f", "s": "s", "x": "x", "e": "e"
}  # fmt: skip


class Cause(BaseModel, frozen=True):
    """Why something did not succeed: the task where it began, and its fault."""

    local: str
    outcome: HoleOutcome
    fault: Fault


@dataclass(slots=True)
class TaskResult:
    """What a task left behind. Nobody changes one."""

    payload: Payload | None = None
    facts: Facts = field(default_factory=dict[str, Fact])
    fault: Fault | None = None
    traceparent: str | None = None


class Pinned(BaseModel, frozen=True):
    """What run.accepted fixed for the whole life of the run (the pipeline has its own field)."""

    rules: int
    identity: str
    """SHA-256 of the pipeline's field: the key of the plan cache."""
    input: Payload
    facts: Facts = Field(default_factory=dict[str, Fact])
    data_hash: str
    submitted_ms: int
    accepted_ms: int
    deadline_ms: int
    priority: int = 5
    tenant: str | None = None
    budget: int | None = None
    budget_micros: int | None = None
    on_spent: OnSpent = "fail"
    ask_ms: int | None = None
    """How long tasks that the budget refused wait for an answer."""
    windows: dict[str, int] = Field(default_factory=dict[str, int])
    factors: dict[str, int] = Field(default_factory=dict[str, int])
    reuses: bool = False
    """Results of some tasks were given with the run."""
    traceparent: str | None = None


class Ruled(BaseModel, frozen=True):
    """The one thing that is read of a run's beginning which can't be read: newer rules may have changed the rest."""

    rules: StrictInt


class Outcome(BaseModel, frozen=True):
    """How the run is to end."""

    outcome: RunOutcome
    fault: Fault | None = None


class TaskState(NamedTuple):
    """An ordered task. `seen` has bit n when attempt n has settled; offset `cause` ordered the attempt.

    Of its attempts `refused` were refused by the budget of the run: they are not used up.
    """

    letter: Letter
    attempt: int
    seen: int
    cause: int
    earlier: str | None = None
    refused: int = 0

    def become(self, letter: Letter) -> "TaskState":
        """Give the same attempt under another letter."""
        return TaskState(letter, self.attempt, self.seen, self.cause, self.earlier, self.refused)

    def encode(self) -> bytes:
        """Letter and attempt first: scripts read those two. Refused attempts last, where there are any."""
        text = f"{self.letter} {self.attempt} {self.seen:x} {self.cause} {self.earlier or '-'}"
        return (f"{text} {self.refused}" if self.refused else text).encode()

    @staticmethod
    def decode(raw: bytes) -> "TaskState":
        """Read what `encode` wrote; a ValueError or KeyError is a damaged hash."""
        letter, attempt, seen, cause, earlier, *more = raw.decode().split(" ")
        before, refused = None if earlier == "-" else earlier, int(more[0]) if more else 0
        return TaskState(_LETTERS[letter], int(attempt), int(seen, 16), int(cause), before, refused)


class Totals(NamedTuple):
    """What a run has used so far, and how many tasks it has."""

    input_tokens: int = 0
    output_tokens: int = 0
    tasks: int = 0
    micros: int = 0

    def encode(self) -> bytes:
        """Three numbers; a fourth one where money is counted."""
        return b"%d %d %d %d" % self if self.micros else b"%d %d %d" % self[:3]

    @staticmethod
    def decode(raw: bytes) -> "Totals":
        """Read what `encode` wrote; a ValueError is a damaged hash."""
        given, made, tasks, *money = map(int, raw.split(b" "))
        return Totals(given, made, tasks, *money[:1])


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
    held: int = 0
    """Of a planner's step: tasks that could start and had to wait until fewer ran, so far."""
    freed: int = 0
    """Of those, the ones whose turn has come."""
    looking: bool = False
    """The lane was asked to look: at the list that a map made, or at what a shard is given."""
    cause: Cause | None = None
    """Of a step that ended without success: the first cause."""
