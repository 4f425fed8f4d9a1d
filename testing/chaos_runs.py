"""What the topics say of each run of a chaos run, kept small: half a million tasks must fit into memory."""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256

from pydantic import JsonValue

from argosy.schemas.payload import Inline, Payload
from argosy.schemas.runlog import RunEnded, TaskSettled
from argosy.schemas.task import TaskDispatched
from argosy.testing.outside import Line

Order = tuple[int | None, bytes]
"""The offset that an order answers, and a digest of its inputs."""


@dataclass(slots=True)
class TaskSeen:
    """One task."""

    settled: dict[int, int] = field(default_factory=dict[int, int])
    """Attempt -> offset of its first settle."""
    failed: set[int] = field(default_factory=set[int])
    fault: str = ""
    """The code of what it last failed with."""
    value: str | None = None
    """What its first success answered, as our own app answers; dropped once its run has ended."""
    order: Order | None = None
    """The order of the first attempt."""


@dataclass(slots=True)
class RunSeen:
    """One run."""

    accepted: int | None = None
    accepted_ms: int = 0
    """By the broker's clock, as `ended_ms`."""
    pipeline: str = ""
    given: JsonValue = None
    """Its input, if the record has it; dropped once it has ended."""
    replay_of: str = ""
    """The run that it takes results over from."""
    reused: dict[str, str] = field(default_factory=dict[str, str])
    """By task: what it takes over; dropped once it has ended."""
    took: bytes = b""
    """A digest of what took effect in it before its last step."""
    lane: int = -1
    data_hashes: set[str] = field(default_factory=set[str])
    ended: RunEnded | None = None
    ended_at: int = -1
    ended_ms: int = 0
    answered_ms: int = 0
    """When its first result was published; 0: none was."""
    budget: int | None = None
    spent: int = 0
    """Tokens of all attempts that were settled."""
    end_digest: bytes = b""
    refused: int = 0
    busy: int = 0
    """Refusals for want of room: whoever submitted was told to come again."""
    results: set[bytes] = field(default_factory=set[bytes])
    tasks: dict[str, TaskSeen] = field(default_factory=dict[str, TaskSeen])

    def task(self, task_id: str) -> TaskSeen:
        """Return what was seen of a task; made if it is new."""
        found = self.tasks.get(task_id)
        if found is None:
            found = self.tasks[task_id] = TaskSeen()
        return found


@dataclass
class Tally:
    """Counts over everything; duplicates are no defect, hidden ones would be."""

    settled: Counter[int] = field(default_factory=Counter[int])
    """Tasks that succeeded first, by second of the broker's clock."""
    tasks: int = 0
    settles_again: int = 0
    orders: int = 0
    orders_again: int = 0
    ends_again: int = 0
    results_again: int = 0
    accepted_again: int = 0
    turned_away: int = 0
    """Runs that were refused for want of room when the client was stopped: it would have come again."""


def digest(body: bytes) -> bytes:
    """Return a short fingerprint."""
    return sha256(body).digest()[:12]


def order_of(line: Line, order: TaskDispatched) -> Order:
    """Return what all orders of one attempt must have in common."""
    inputs = order.model_dump_json(include={"inputs", "inputs_ref"}).encode()
    return line.envelope.cause, digest(inputs)


def value_of(settled: TaskSettled) -> str | None:
    """Return what a step of our own app answered."""
    found = inline(settled.result)
    value = found.get("value") if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def inline(payload: Payload | None) -> JsonValue:
    """Return a payload's value, if it lies in the record itself."""
    return payload.value if isinstance(payload, Inline) else None
