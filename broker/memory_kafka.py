"""The in-memory twin of Kafka, for tests without services. It passes the same contract suite as the real one.

It models what hurts: gaps in the offsets, the seek race, rebalances, redelivery, retention, lost answers, silence.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

from argosy.broker.log import GroupView, Head, Outgoing, Partition, Record, Sent
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.memory_consumer import MemoryConsumer
from argosy.broker.memory_follower import MemoryFollower
from argosy.broker.topics import FoundTopic, TopicPlan
from argosy.schemas.errors import ArgosyError, ConfigurationError


class MemoryProducer:
    """See `log.Producer`."""

    def __init__(self, broker: MemoryBroker, name: str) -> None:
        """Send as the process `name`."""
        self._broker, self._name = broker, name

    async def send(self, record: Outgoing) -> tuple[int, int]:
        """See `log.Producer.send`."""
        await self._broker.reach(self._name)
        await self._learn([record])
        appended = self._broker.append(record)
        self._broker.reply()
        return appended

    async def _learn(self, records: Sequence[Outgoing]) -> None:
        """Ask again where another broker leads by now."""
        moved = [record for record in records if self._asks_old_leader(record)]
        if moved:
            await self._broker.reach(self._name)
            for record in moved:
                self._broker.learned(self._name, self._broker.place(record))

    def _asks_old_leader(self, record: Outgoing) -> bool:
        return self._broker.asks_old_leader(self._name, self._broker.place(record))

    async def send_many(self, records: Sequence[Outgoing]) -> list[Sent]:
        """See `log.Producer.send_many`. An answer that is lost is lost for all records of a partition.

        Records of partitions whose leader has moved are appended after the others.
        """
        if not records:
            return []
        answers: dict[int, Sent] = {}
        try:
            await self._broker.reach(self._name)
            late = [index for index, record in enumerate(records) if self._asks_old_leader(record)]
            self._append_all(records, [index for index in range(len(records)) if index not in late], answers)
            await self._learn([records[index] for index in late])
            self._append_all(records, late, answers)
        except ArgosyError as error:
            return [answers.get(index, error) for index in range(len(records))]
        return [answers[index] for index in range(len(records))]

    def _append_all(
        self, records: Sequence[Outgoing], these: Sequence[int], answers: dict[int, Sent]
    ) -> None:
        lost: dict[tuple[str, int], ArgosyError | None] = {}
        for index in these:
            answer = answers[index] = self._append(records[index])
            if isinstance(answer, ArgosyError):
                continue
            where = records[index].topic, answer[0]
            if where not in lost:
                lost[where] = self._lost_reply()
            answers[index] = lost[where] or answer

    def _append(self, record: Outgoing) -> Sent:
        try:
            return self._broker.append(record)
        except ArgosyError as error:
            return error

    def _lost_reply(self) -> ArgosyError | None:
        try:
            self._broker.reply()
        except ArgosyError as error:
            return error
        return None

    async def post(self, records: Sequence[Outgoing]) -> None:
        """See `log.Producer.post`."""
        await self.send_many(records)


class MemoryKafka:
    """See `log.Cluster`: one process's door to a broker in memory. `broker` has the faults."""

    def __init__(self, broker: MemoryBroker | None = None, name: str = "main") -> None:
        """`name` is the process, for faults that meet one process alone."""
        self.broker = broker or MemoryBroker()
        self.name = name
        self._members = 0

    def view(self, name: str) -> "MemoryKafka":
        """Return another process's door to the same broker."""
        return MemoryKafka(self.broker, name)

    async def producer(self) -> MemoryProducer:
        """See `log.Cluster.producer`."""
        return MemoryProducer(self.broker, self.name)

    def consumer(self, group: str, topics: Sequence[str]) -> MemoryConsumer:
        """See `log.Cluster.consumer`."""
        self._members += 1
        return MemoryConsumer(self.broker, group, topics, f"{self.name}/{self._members}")

    def follower(self, topic: str) -> MemoryFollower:
        """See `log.Cluster.follower`."""
        return MemoryFollower(self.broker, self.name, topic)

    async def partitions(self, topic: str) -> int:
        """See `log.Cluster.partitions`."""
        await self.broker.reach(self.name)
        size = self.broker.sizes().get(topic)
        if size is None:
            raise ConfigurationError(f"there is no topic {topic}")
        return size

    async def topics(self, names: Sequence[str]) -> Mapping[str, FoundTopic]:
        """See `log.Cluster.topics`."""
        await self.broker.reach(self.name)
        sizes = self.broker.sizes()
        return {name: self._found(name, sizes[name]) for name in names if name in sizes}

    def _found(self, name: str, partitions: int) -> FoundTopic:
        plan = self.broker.plan_of(name)
        return FoundTopic(name, partitions, plan.replication if plan else 1, plan.configs if plan else {})

    async def create(self, plans: Sequence[TopicPlan]) -> None:
        """See `log.Cluster.create`."""
        await self.broker.reach(self.name)
        for plan in plans:
            self.broker.create(plan.name, plan.partitions, plan)

    async def edges(self, partition: Partition) -> tuple[int, int]:
        """See `log.Cluster.edges`."""
        await self.broker.reach(self.name)
        log = self.broker.log(partition)
        return log.base, log.end

    async def all_edges(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """See `log.Cluster.all_edges`."""
        await self.broker.reach(self.name)
        logs = {partition: self.broker.log(partition) for partition in partitions}
        return {partition: (log.base, log.end) for partition, log in logs.items()}

    async def offsets_at(self, partitions: Iterable[Partition], at_ms: int) -> Mapping[Partition, int]:
        """See `log.Cluster.offsets_at`."""
        await self.broker.reach(self.name)
        logs = {partition: self.broker.log(partition) for partition in partitions}
        found = {partition: log.first_at(at_ms) for partition, log in logs.items()}
        return {partition: record.offset for partition, record in found.items() if record is not None}

    async def heads(self, positions: Mapping[Partition, int], most: int) -> Mapping[Partition, Head]:
        """See `log.Cluster.heads`."""
        await self.broker.reach(self.name)
        batches = {
            where: self.broker.log(where).read(position, most) for where, position in positions.items()
        }
        return {where: Head(batch.records, batch.next) for where, batch in batches.items()}

    async def peek(self, partition: Partition, offset: int) -> Record | None:
        """See `log.Cluster.peek`."""
        await self.broker.reach(self.name)
        return self.broker.log(partition).find(offset)

    async def scan(self, partition: Partition, start: int) -> AsyncGenerator[Record]:
        """See `log.Cluster.scan`."""
        end = (await self.edges(partition))[1]
        while start < end:
            await self.broker.reach(self.name)
            batch = self.broker.log(partition).read(start, self.broker.fetch_most)
            for record in batch.records:
                if record.offset < end:
                    yield record
            start = batch.next

    async def group(self, group: str) -> GroupView:
        """See `log.Cluster.group`."""
        await self.broker.reach(self.name)
        found = self.broker.groups(group)
        return GroupView(len(found.members), dict(found.offsets), found.rebalancing)

    async def close(self) -> None:
        """Close nothing: whoever runs a consumer ends it."""
