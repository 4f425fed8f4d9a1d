"""What is told of a group and of a partition: the shapes that `argosy lag --json`, `top` and the dashboard show."""

from dataclasses import dataclass

from argosy.console.lag_amount import NONE_HELD, NONE_IN_RETRY, Amount
from argosy.console.lag_rates import Trend
from argosy.console.lag_status import Status


@dataclass(frozen=True, slots=True)
class PartitionStanding:
    """One partition. `unfinished` is the sum of what waits, is in flight and parked."""

    partition: int
    start: int
    end: int
    committed: int | None
    unfinished: Amount
    waiting: Amount
    in_flight: Amount
    parked: Amount
    dead: Amount
    status: Status
    owner: str | None
    """The worker that says it is its; None: nobody says so."""
    lost: int
    """Offsets that retention took before the group came to them."""
    beyond: bool
    """The commit lies behind the log's end: the group begins again at the log's start."""
    arriving: float
    """Messages a second, in the last minute."""
    finishing: float | None
    drain_seconds: float | None
    trend: Trend | None


@dataclass(frozen=True, slots=True)
class SilentWorker:
    """A process that fell silent so many seconds ago."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DispatchWindow:
    """How many tasks of an agent may be out at once, before its workers, as that stands now."""

    tasks: int
    """In all lanes together."""
    lanes: int
    """That have, or had, tasks of it."""
    smallest: int
    """Of a lane."""
    largest: int


@dataclass(frozen=True, slots=True)
class Queued:
    """What the coordinators keep of an agent's work: held back by the window of its topic, and in retry.

    `retry_due_seconds`: until the first of these is due. `window` None: no lane had a task of it.
    """

    held: Amount = NONE_HELD
    retry: Amount = NONE_IN_RETRY
    retry_due_seconds: float | None = None
    window: DispatchWindow | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One group on one topic. What its workers have in hand is as they said last, some seconds ago at most."""

    group: str
    topic: str
    agent: str | None
    members: int
    status: Status
    """See `lag_status`."""
    workers: tuple[str, ...]
    silent: tuple[SilentWorker, ...]
    """Those that neither say anything nor left: killed, cut off from Redis, or with a loop that stands still."""
    balancing: bool
    """The group is just sharing out its partitions."""
    slots: int
    """Tasks that its workers may run at once, all together."""
    unfinished: Amount
    """What lies in the topic unfinished: `waiting`, `in_flight` and `parked` together."""
    waiting: Amount
    in_flight: Amount
    parked: Amount
    held: Amount
    """Ready in the coordinators, and not in the topic yet: its window is full."""
    window: DispatchWindow | None
    """None: no lane had a task of the agent, or Redis can't be asked."""
    retry: Amount
    """Failed, and to be tried again later."""
    retry_due_seconds: float | None
    dead: Amount
    arriving: float
    """Messages a second that came in the last minute."""
    finishing: float | None
    """Messages a second that were finished in the last minute; None: not known."""
    pace: float | None
    """The same of the time in which there was something to do."""
    drain_seconds: float | None
    """How long all that lies in the topic or is held takes at this pace; None: nothing was finished lately."""
    trend: Trend | None
    partitions: tuple[PartitionStanding, ...]
