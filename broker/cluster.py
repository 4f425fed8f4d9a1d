"""The composition root's door to Kafka."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import NoReturn

from argosy.broker.admin import Admin
from argosy.broker.connection import connection
from argosy.broker.consumer import KafkaConsumer
from argosy.broker.follower import KafkaFollower
from argosy.broker.header_names import tolerate
from argosy.broker.log import GroupView, Head, Partition, Record
from argosy.broker.lost_connection import recognise
from argosy.broker.producer import KafkaProducer
from argosy.broker.quiet import quieten
from argosy.broker.reader import Reader
from argosy.broker.topics import FoundTopic, TopicPlan
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.settings import KafkaSettings


class KafkaCluster:
    """See `log.Cluster`: the real thing. One per process and event loop."""

    def __init__(self, settings: KafkaSettings, client_id: str = "argosy") -> None:
        """Open nothing yet; raise OSError for certificate files that can't be read. The broker logs `client_id`."""
        quieten()
        tolerate()
        recognise()
        self._connection = connection(settings, client_id)
        self._producer = KafkaProducer(self._connection)
        self._reader = Reader(self._connection)
        self._admin = Admin(self._connection)

    async def producer(self) -> KafkaProducer:
        """See `log.Cluster.producer`."""
        return self._producer

    def consumer(self, group: str, topics: Sequence[str]) -> KafkaConsumer:
        """See `log.Cluster.consumer`."""
        return KafkaConsumer(self._connection, group, topics, self._reader)

    def follower(self, topic: str) -> KafkaFollower:
        """See `log.Cluster.follower`."""
        return KafkaFollower(self._connection, topic)

    async def partitions(self, topic: str) -> int:
        """See `log.Cluster.partitions`."""
        found = (await self.topics([topic])).get(topic)
        if found is None:
            raise ConfigurationError(f"there is no topic {topic}")
        return found.partitions

    async def topics(self, names: Sequence[str]) -> Mapping[str, FoundTopic]:
        """See `log.Cluster.topics`."""
        return await self._admin.topics(names)

    async def topic_names(self) -> frozenset[str]:
        """Name every topic of the cluster, for tools. Raises Unreachable and Refused."""
        return await self._admin.topic_names()

    async def create(self, plans: Sequence[TopicPlan]) -> None:
        """See `log.Cluster.create`. A leader may still say no for a moment: asking for its edges waits that out."""
        await self._admin.create(plans)
        await self._reader.all_edges(
            Partition(plan.name, number) for plan in plans for number in range(plan.partitions)
        )

    async def edges(self, partition: Partition) -> tuple[int, int]:
        """See `log.Cluster.edges`."""
        return await self._reader.edges(partition)

    async def all_edges(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """See `log.Cluster.all_edges`."""
        return await self._reader.all_edges(partitions)

    async def offsets_at(self, partitions: Iterable[Partition], at_ms: int) -> Mapping[Partition, int]:
        """See `log.Cluster.offsets_at`."""
        return await self._reader.offsets_at(partitions, at_ms)

    async def heads(self, positions: Mapping[Partition, int], most: int) -> Mapping[Partition, Head]:
        """See `log.Cluster.heads`."""
        return await self._reader.heads(positions, most)

    async def peek(self, partition: Partition, offset: int) -> Record | None:
        """See `log.Cluster.peek`."""
        return await self._reader.peek(partition, offset)

    def scan(self, partition: Partition, start: int) -> AsyncGenerator[Record]:
        """See `log.Cluster.scan`."""
        return self._reader.scan(partition, start)

    async def group(self, group: str) -> GroupView:
        """See `log.Cluster.group`."""
        return await self._admin.group(group)

    async def owners(self, group: str) -> Mapping[Partition, str]:
        """Say which member of a group has which partition, for tools. Raises Unreachable and Refused."""
        return await self._admin.owners(group)

    async def watch(self) -> NoReturn:
        """Watch the clients of this process until cancelled; see `vigil`. Raises ClientBroken."""
        await self._connection.vigil.run()

    async def close(self) -> None:
        """Flush and close. Consumers and followers are ended by whoever runs them."""
        await self._producer.close()
        await self._reader.close()
