"""What fold decides, as data. The shell turns decisions into one commit; nothing here does anything.

Nobody changes one. They are not frozen because that makes a dataclass four times as dear, and each task takes ten.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Ready:
    """These tasks may go out: the whole step (`first` None), or the shards first … first+count-1 of it.

    The shell keeps one entry per (run, step); ranges of one step arrive in order and are joined.
    """

    step: str
    agent: str
    attempt: int
    first: int | None = None
    count: int = 1
    ready_at_ms: int = 0
    priority: int = 5


@dataclass(slots=True)
class Withdraw:
    """The task (its local part) goes out no more. What waits in a ready range is asked about at its release."""

    local: str
    agent: str


@dataclass(slots=True)
class Unclaim:
    """Delete the task's key: claim, result, memos. Its result is in the run (or the run is over)."""

    local: str


@dataclass(slots=True)
class WriteMemo:
    """A logged memo becomes readable: written by the commit, first offset wins."""

    local: str
    name: str
    value: bytes
    """Canonical JSON."""
    offset: int


@dataclass(slots=True)
class Arm:
    """Set a timer of this run; a timer of the same name is replaced."""

    name: str
    due_ms: int
    armed: int


@dataclass(slots=True)
class Disarm:
    """Remove a timer of this run, which the event at offset `armed` had set."""

    name: str
    armed: int


@dataclass(slots=True)
class Send:
    """An outbox entry: `end:<run>`, `result:<run>`, `refused:<partition>/<offset>` or `look:<run>/<local>`."""

    entry: str


@dataclass(slots=True)
class Entomb:
    """The run is a tombstone now: delete its key, write `changes`, set the TTL; drop its timers, ready, out.

    `changes` names no removed field after this: they are gone with the key.
    """


@dataclass(slots=True)
class Waited:
    """What a step waited for, since when, and the trace of its run."""

    what: Literal["approval", "signal", "sleep"]
    since_ms: int
    traceparent: str | None


@dataclass(slots=True)
class Changed:
    """Something that people want to hear of: logged and put on `argosy.events`. Nothing depends on it."""

    state: Literal[
        "accepted",
        "ready",
        "waiting",
        "signal_refused",
        "backing_off",
        "asking",
        "budget_raised",
        "budget_denied",
        "budget_kept",
        "succeeded",
        "failed",
        "skipped",
        "cancelled",
        "expired",
        "ended",
    ]
    local: str | None = None
    agent: str | None = None
    attempt: int | None = None
    reason: str = ""
    waited: Waited | None = None
    """Of a step that waited and has ended."""
    invocations: int | None = None
    """Of a run that has ended: attempts that were settled, at least."""


Decision = Ready | Withdraw | Unclaim | WriteMemo | Arm | Disarm | Send | Entomb | Changed
