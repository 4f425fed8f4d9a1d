"""What the run log says of runs: lanes are scanned and folded again, without Redis or coordinator."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from argosy.broker.log import Cluster, Partition, Record
from argosy.broker.topics import TopicNames
from argosy.coordinator.decision import Arm, Disarm, Unclaim
from argosy.coordinator.event import Event
from argosy.coordinator.fold import Folded, fold
from argosy.coordinator.state import RunState
from argosy.schemas.codec import decode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion, NotFound
from argosy.schemas.ids import lane_of
from argosy.schemas.runlog import LogMessage, RunAccepted, RunEnded, TaskSettled, TimerFired
from argosy.schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Logged:
    """One record of the run log, decoded."""

    lane: int
    offset: int
    time_ms: int
    envelope: Envelope
    message: LogMessage


@dataclass(slots=True)
class History:
    """All that the log holds of one run, in its order, and the state that it folds to."""

    run_id: str
    records: list[Logged] = field(default_factory=list[Logged])
    state: RunState | None = None
    """As of now; `run.ended` isn't folded, since it would cut the state to a tombstone."""
    timers: dict[str, int] = field(default_factory=dict[str, int])
    """Armed timers: when each is due, epoch milliseconds."""
    moot: set[int] = field(default_factory=set[int])
    """Offsets of records that changed nothing: repeats, and answers that came too late."""
    by_task: dict[str, list[TaskSettled]] = field(default_factory=dict[str, list[TaskSettled]])
    """All settles of each task, in log order."""
    broken: str = ""
    """The error that folding raised, and where; what came later is not in `state`."""

    @property
    def accepted(self) -> RunAccepted | None:
        """The record that is the run."""
        return next((each.message for each in self.records if isinstance(each.message, RunAccepted)), None)

    @property
    def ended(self) -> RunEnded | None:
        """The final outcome, if there is one yet."""
        return next((each.message for each in self.records if isinstance(each.message, RunEnded)), None)

    def as_of_now(self) -> "History":
        """Give a history for another thread: what comes later isn't in its records, but its `state` goes on."""
        return replace(
            self,
            records=list(self.records),
            timers=dict(self.timers),
            moot=set(self.moot),
            by_task={task: list(settles) for task, settles in self.by_task.items()},
        )

    def settles(self, task_id: str) -> list[TaskSettled]:
        """All settles of a task, in log order; repeats included."""
        return self.by_task.get(task_id, [])


async def scan_lane(cluster: Cluster, settings: Settings, lane: int) -> AsyncIterator[Logged]:
    """Yield a lane's records up to its end as of now; what can't be decoded is passed over."""
    partition = Partition(TopicNames(settings.kafka.topic_prefix).runs, lane)
    start, _ = await cluster.edges(partition)
    async for record in cluster.scan(partition, start):
        if (logged := decode(lane, record)) is not None:
            yield logged


async def history(cluster: Cluster, settings: Settings, run_id: str) -> History:
    """Read one run's history; empty if the log doesn't know it."""
    found = History(run_id)
    async for logged in scan_lane(cluster, settings, lane_of(run_id, settings.fleet.lanes)):
        if logged.envelope.subject == run_id:
            take(found, logged)
    return found


def must_be_known(found: History) -> None:
    """Raise NotFound of a run that the log doesn't hold."""
    if found.accepted is None:
        raise NotFound(
            f"no run {found.run_id} in the run log",
            "it was never accepted, or retention has passed",
            f"argosy why {found.run_id}, or argosy runs list",
        )


def take(found: History, logged: Logged) -> None:
    """Take the run's next record."""
    found.records.append(logged)
    if isinstance(logged.message, TaskSettled):
        found.by_task.setdefault(logged.message.task_id, []).append(logged.message)
    if not isinstance(logged.message, RunEnded) and not found.broken:
        _fold(found, logged)


def folded(run_id: str, state: RunState | None, logged: Logged) -> Folded | Exception:
    """Fold one more record; give what the fold raises, which sets a run aside."""
    event = Event(logged.offset, logged.time_ms, run_id, logged.message, logged.envelope.traceparent)
    try:
        return fold(state, event)
    except Exception as error:  # noqa: BLE001 - whatever it is: who looks at such a run wants to see the rest
        return error


def _fold(found: History, logged: Logged) -> None:
    after = folded(found.run_id, found.state, logged)
    if isinstance(after, Exception):
        found.broken = f"at offset {logged.offset}: {type(after).__name__}: {after}"
        return
    found.state, decisions = after
    changed = found.state is not None and bool(found.state.changes())
    if not changed and not any(not isinstance(each, Unclaim) for each in decisions):
        found.moot.add(logged.offset)
    for decision in decisions:
        match decision:
            case Arm(name, due_ms):
                found.timers[name] = due_ms
            case Disarm(name):
                found.timers.pop(name, None)
            case _:
                pass
    if isinstance(logged.message, TimerFired):
        found.timers.pop(logged.message.name, None)


def trace_id(found: History) -> str | None:
    """Return the id of the run's one trace, in hexadecimal; None if it was submitted without."""
    first = next((each.envelope.traceparent for each in found.records if each.envelope.traceparent), None)
    return first.split("-")[1] if first else None


def decode(lane: int, record: Record) -> Logged | None:
    """Read a record of the run log; None: it can't be."""
    try:
        envelope = read_envelope(record.headers)
        message = decode_body(envelope, record.value)
    except (BadMessage, NewerVersion):
        return None
    if not isinstance(message, LogMessage):
        return None
    return Logged(lane, record.offset, record.timestamp_ms, envelope, message)
