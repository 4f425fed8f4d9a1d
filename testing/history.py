"""What happened to a run, told from its records in Kafka and from what the simulation saw."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from argosy.broker.log import Partition, Record
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.script import Arg, Reply, Script
from argosy.broker.topics import TopicNames
from argosy.schemas.codec import Message, decode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import ArgosyError, NotFound
from argosy.schemas.fault import Fault
from argosy.schemas.runlog import RunEnded, TaskSettled
from argosy.schemas.task import TaskDispatched
from argosy.testing.observer import Observer
from argosy.testing.traps import tasks_of

__tracebackhide__ = True  # pytest shows the frames of who uses it


@dataclass(frozen=True, slots=True)
class Told:
    """A record of the fleet's topics, decoded."""

    record: Record
    envelope: Envelope
    body: Message


def read_all(broker: MemoryBroker, topic: str) -> Iterator[Told]:
    """Read a whole topic, partition after partition; what can't be decoded is left out."""
    for number in range(broker.sizes().get(topic, 0)):
        for record in broker.log(Partition(topic, number)).all():
            told = decoded(record)
            if told is not None:
                yield told


@lru_cache(maxsize=4_096)
def decoded(record: Record) -> Told | None:
    """Decode a record; None if that can't be done."""
    try:
        envelope = read_envelope(record.headers)
        return Told(record, envelope, decode_body(envelope, record.value))
    except ArgosyError:
        return None


@dataclass(slots=True)
class Deliveries:
    """Counts, by task, how often a worker took it up and how often its handler began."""

    taken: Counter[str] = field(default_factory=Counter[str])
    handled: Counter[str] = field(default_factory=Counter[str])

    def listen(self, observer: Observer) -> None:
        """Count from now on."""
        observer.on_script.append(self._ran)
        observer.on_handler.append(self._handled)

    def _ran(
        self, _who: str, script: Script, keys: Sequence[str], _args: Sequence[Arg], reply: Reply
    ) -> None:
        # {<the server's clock>, one answer for each task}, or {'epoch', ...}: see claim.lua
        if script.name == "claim" and isinstance(reply, list) and isinstance(reply[0], int):
            for task_id, said in zip(tasks_of(keys), reply[1:], strict=True):
                if isinstance(said, int) or (isinstance(said, list) and said[0] in {b"settled", b"spent"}):
                    self.taken[task_id] += 1

    def _handled(self, _who: str, task_id: str, _attempt: int) -> None:
        self.handled[task_id] += 1


@dataclass(frozen=True, slots=True)
class TaskHistory:
    """What happened to a task."""

    task_id: str
    agent: str
    attempts: int
    """Attempts that the coordinator ordered."""
    deliveries: int
    """Times that a worker took it up: was granted its claim, or found its result stored and published it again."""
    handled: int
    """Times that its handler began."""
    outcome: str
    """Of the result that took effect, else of the last; empty while there is none."""
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class History:
    """A run's records in the run log, in their order, and its tasks."""

    run_id: str
    log: tuple[Told, ...]
    tasks: tuple[TaskHistory, ...]

    def task(self, task_id: str) -> TaskHistory:
        """Find a task by its id, or by its name in the run. Raises NotFound."""
        for task in self.tasks:
            if task.task_id in (task_id, f"{self.run_id}/{task_id}"):
                return task
        known = ", ".join(task.task_id for task in self.tasks) or "none"
        raise NotFound(
            f"run {self.run_id} has no task {task_id!r}",
            why=f"so far its tasks are {known}",
            do="name one of these, with or without the run's id; what hasn't been ordered yet comes with time",
        )

    def order(self) -> list[str]:
        """Return the names of the tasks in the order in which they first succeeded."""
        # What the coordinator looked at itself is settled too, and was never ordered.
        tasks = {task.task_id for task in self.tasks if task.attempts}
        found: dict[str, None] = {}
        for told in self.log:
            if (
                isinstance(told.body, TaskSettled)
                and told.body.outcome == "succeeded"
                and told.body.task_id in tasks
            ):
                found.setdefault(told.body.task_id.partition("/")[2])
        return list(found)

    @property
    def ended(self) -> RunEnded | None:
        """The run's end, if it has one."""
        return next((told.body for told in self.log if isinstance(told.body, RunEnded)), None)

    def __str__(self) -> str:
        """List the run's records."""
        return "\n".join(
            f"{told.record.partition}/{told.record.offset} {told.envelope.kind} {told.envelope.id}"
            for told in self.log
        )


def history_of(broker: MemoryBroker, names: TopicNames, deliveries: Deliveries, run_id: str) -> History:
    """Put a run's history together."""
    log = tuple(told for told in read_all(broker, names.runs) if told.envelope.subject == run_id)
    topics = sorted(topic for topic in broker.sizes() if names.agent_of(topic))
    orders = [
        told.body
        for topic in topics
        for told in read_all(broker, topic)
        if isinstance(told.body, TaskDispatched) and told.envelope.subject == run_id
    ]
    settled = [told.body for told in log if isinstance(told.body, TaskSettled)]
    ids = list(dict.fromkeys([*(one.task_id for one in settled), *(order.task_id for order in orders)]))
    return History(run_id, log, tuple(_task(task_id, orders, settled, deliveries) for task_id in ids))


def _task(
    task_id: str, orders: Sequence[TaskDispatched], settled: Sequence[TaskSettled], deliveries: Deliveries
) -> TaskHistory:
    mine = [order for order in orders if order.task_id == task_id]
    results = [one for one in settled if one.task_id == task_id]
    won = next((one for one in results if one.outcome == "succeeded"), results[-1] if results else None)
    return TaskHistory(
        task_id=task_id,
        agent=mine[0].agent if mine else "",
        attempts=max((order.attempt for order in mine), default=0),
        deliveries=deliveries.taken[task_id],
        handled=deliveries.handled[task_id],
        outcome=won.outcome if won else "",
        fault=won.fault if won else None,
    )
