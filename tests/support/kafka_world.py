"""One Kafka for a contract test, real or in memory, seen by one or more processes; and a subscriber that remembers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.records_to_delete import RecordsToDelete

from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Batch, Cluster, Consumer, Outgoing, Partition, Record
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.topics import TopicNames, TopicPlan
from argosy.schemas.settings import FleetSettings, KafkaSettings, Settings
from support.leaders import move_leader
from support.stack import StackThread  # noqa: TC001 - one way to import, here and in the tests

WAIT_SECONDS = 150.0
PLAIN = {"message.timestamp.type": "LogAppendTime"}


@dataclass
class Recorder:
    """A subscriber. `at_assigned` runs inside the rebalance listener, `at_revoked` too."""

    at_assigned: Callable[[Sequence[Partition], int], object] | None = None
    epochs: list[int] = field(default_factory=list[int])
    owned: set[Partition] = field(default_factory=set[Partition])
    batches: list[Batch] = field(default_factory=list[Batch])
    revocations: list[Sequence[Partition]] = field(default_factory=list[Sequence[Partition]])
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def records(self) -> list[Record]:
        return [record for batch in self.batches for record in batch.records]

    @property
    def values(self) -> list[bytes]:
        return [record.value or b"" for record in self.records]

    async def assigned(self, partitions: Sequence[Partition], epoch: int) -> None:
        self.epochs.append(epoch)
        self.owned = set(partitions)
        if self.at_assigned is not None:
            self.at_assigned(partitions, epoch)
        await self._notify()

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        self.revocations.append(partitions)
        self.owned = set()
        await self._notify()

    async def took(self, batch: Batch) -> None:
        assert batch.partition in self.owned, "a batch of a partition that isn't ours"
        self.batches.append(batch)
        await self._notify()

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on what was recorded."""
        async with asyncio.timeout(WAIT_SECONDS), self.changed:
            await self.changed.wait_for(condition)


class World:
    """What both Kafkas offer to a test. Each test has topics of its own."""

    def __init__(self, cluster: Cluster, settings: KafkaSettings, closing: AsyncExitStack) -> None:
        self.cluster, self.settings, self._closing = cluster, settings, closing
        self.names = TopicNames(settings.topic_prefix)
        self.group = f"{settings.topic_prefix}.group"
        self.fleet_settings = Settings(kafka=settings, fleet=FleetSettings(lanes=3))

    def process(self, name: str) -> Cluster:
        """Another process's door to the same Kafka."""
        raise NotImplementedError

    async def skip(self, where: Partition) -> None:
        """Write a control record at the end of a partition."""
        await self.transact(where, b"")

    async def transact(self, where: Partition, *values: bytes, abort: bool = False) -> None:
        """Write records in a transaction, then the control record that ends it."""
        raise NotImplementedError

    async def recreate(self, topic: str) -> None:
        """Delete a topic with all its data, and make it again."""
        raise NotImplementedError

    async def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        raise NotImplementedError

    async def move_leader(self, where: Partition) -> None:
        """Let another broker lead a partition, while all of them live."""
        raise NotImplementedError

    async def cut(self, where: Partition, before: int) -> None:
        """Let the records before an offset go, as retention does."""
        raise NotImplementedError

    async def topic(self, partitions: int = 1, name: str = "topic", *, replication: int = 1) -> str:
        full = f"{self.settings.topic_prefix}.{name}"
        await self.cluster.create([TopicPlan(full, partitions, replication, PLAIN)])
        return full

    async def send(self, topic: str, *values: bytes, partition: int | None = 0) -> list[tuple[int, int]]:
        producer = await self.cluster.producer()
        records = [Outgoing(topic, value, value, (("h", b"1"),), partition) for value in values]
        return [await producer.send(record) for record in records]

    @asynccontextmanager
    async def running(
        self, consumer: Consumer, subscriber: Recorder, *, seconds: float = WAIT_SECONDS
    ) -> AsyncGenerator[asyncio.Event]:
        """Run a consumer until the block ends, then stop it, within so long; what it raised is raised here."""
        stop = asyncio.Event()
        task = asyncio.create_task(consumer.run(subscriber, stop), name="consumer under test")
        try:
            yield stop
        finally:
            stop.set()
            async with asyncio.timeout(seconds):
                await task


class MemoryWorld(World):
    def __init__(self, settings: KafkaSettings, closing: AsyncExitStack) -> None:
        self.memory = MemoryKafka()
        super().__init__(self.memory, settings, closing)

    def process(self, name: str) -> Cluster:
        return self.memory.view(name)

    async def transact(self, where: Partition, *values: bytes, abort: bool = False) -> None:  # noqa: ARG002 - none
        for value in values:  # whoever reads uncommitted records reads aborted ones too
            self.memory.broker.append(Outgoing(where.topic, b"", value, (), where.number))
        self.memory.broker.skip(where)

    async def cut(self, where: Partition, before: int) -> None:
        self.memory.broker.cut(where, before)

    async def move_leader(self, where: Partition) -> None:
        self.memory.broker.move_leader(where)

    async def recreate(self, topic: str) -> None:
        self.memory.broker.recreate(topic)

    async def grow(self, topic: str, partitions: int) -> None:
        self.memory.broker.grow(topic, partitions)


class _AbortedError(Exception):
    """Ends a transaction without its commit."""


class RealWorld(World):
    def __init__(self, settings: KafkaSettings, closing: AsyncExitStack) -> None:
        super().__init__(self._open(settings, closing), settings, closing)

    def _open(self, settings: KafkaSettings, closing: AsyncExitStack) -> KafkaCluster:
        cluster = KafkaCluster(settings)
        closing.push_async_callback(cluster.close)
        return cluster

    def process(self, name: str) -> Cluster:  # noqa: ARG002 - in memory it matters
        return self._open(self.settings, self._closing)

    def within(self, seconds: float) -> KafkaCluster:
        """Another process's door: it gives a send up after so long."""
        return self._open(self.settings.model_copy(update={"send_deadline_seconds": seconds}), self._closing)

    async def transact(self, where: Partition, *values: bytes, abort: bool = False) -> None:
        """The marker is written a moment after the broker's answer."""
        _, before = await self.cluster.edges(where)
        writer = AIOKafkaProducer(
            bootstrap_servers=self.settings.bootstrap_servers, transactional_id=str(uuid4())
        )
        await writer.start()
        try:
            with suppress(_AbortedError):
                async with writer.transaction():
                    for value in values:
                        await writer.send_and_wait(where.topic, value, b"", where.number)
                    if abort:
                        raise _AbortedError
        finally:
            await writer.stop()
        async with asyncio.timeout(WAIT_SECONDS):
            while (await self.cluster.edges(where))[1] < before + len(values) + 1:
                pass

    @asynccontextmanager
    async def _admin(self) -> AsyncGenerator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.bootstrap_servers)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def cut(self, where: Partition, before: int) -> None:
        async with self._admin() as admin:
            await admin.delete_records({TopicPartition(*where): RecordsToDelete(before_offset=before)})

    async def move_leader(self, where: Partition) -> None:
        await asyncio.to_thread(move_leader, self.settings.bootstrap_servers, where.topic, where.number)

    async def recreate(self, topic: str) -> None:
        found = (await self.cluster.topics([topic]))[topic]
        async with self._admin() as admin, asyncio.timeout(WAIT_SECONDS):
            await admin.delete_topics([topic])
            while await self.cluster.topics([topic]):
                pass
        await self.cluster.create([TopicPlan(topic, found.partitions, 1, PLAIN)])

    async def grow(self, topic: str, partitions: int) -> None:
        async with self._admin() as admin:
            await admin.create_partitions({topic: NewPartitions(total_count=partitions)})
        async with asyncio.timeout(WAIT_SECONDS):
            while await self.cluster.partitions(topic) < partitions:
                pass


def settings_of(bootstrap_servers: str) -> KafkaSettings:
    """A prefix of its own, and deadlines that are short, yet longer than a loaded machine ever stands still."""
    return KafkaSettings(
        bootstrap_servers=bootstrap_servers,
        topic_prefix=f"t{uuid4().hex[:10]}",
        session_timeout_seconds=10,
        send_deadline_seconds=20,
    )


@asynccontextmanager
async def world_of(kind: Literal["memory", "real"], servers: Callable[[], str]) -> AsyncGenerator[World]:
    """Make one; `servers` is asked for the real one only."""
    if kind == "memory":
        async with AsyncExitStack() as closing:
            yield MemoryWorld(settings_of("memory:1"), closing)
    else:
        async with real_world(servers()) as world:
            yield world


@asynccontextmanager
async def real_world(servers: str) -> AsyncGenerator[RealWorld]:
    """Make one on these servers; all that it opened is closed with it."""
    async with AsyncExitStack() as closing:
        yield RealWorld(settings_of(servers), closing)


@pytest.fixture(params=["memory", "real"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Kafka, twice: what holds for one must hold for the other."""

    def servers() -> str:
        stack: StackThread = request.getfixturevalue("stack")
        return stack.bootstrap_servers

    async with world_of(request.param, servers) as world:
        yield world
