"""Reads all topics and offsets of one fleet from outside, again and again, over connections that stay open."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from argosy.broker import inside
from argosy.broker.log import Record
from argosy.schemas.codec import Message, decode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion

Where = tuple[str, int]
Offsets = Mapping[Where, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One record, decoded; without a message if it can't be."""

    topic: str
    partition: int
    offset: int
    envelope: Envelope
    message: Message | None
    body: bytes
    record: Record | None = None
    """As Kafka has it; None in a test."""

    @property
    def time_ms(self) -> int:
        """When the broker appended it, or its sender made it: epoch milliseconds."""
        return self.record.timestamp_ms if self.record else 0


class Witness:
    """Sees the topics with a prefix. It is in no group and writes nothing."""

    def __init__(self, bootstrap_servers: str, prefix: str) -> None:
        """Open nothing yet."""
        self._prefix = prefix
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)

    async def __aenter__(self) -> Self:
        """Connect."""
        try:
            await self._consumer.start()
            await self._admin.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections. A consumer's own `stop` may end in a CancelledError that nobody has ordered."""
        await inside.close(self._consumer)
        await self._admin.close()

    async def ends(self) -> dict[Where, int]:
        """Say where each partition ends."""
        cluster = await self._consumer._client.fetch_all_metadata()  # noqa: SLF001 - what it keeps may be older
        partitions = [
            TopicPartition(topic, number)
            for topic in cluster.topics()
            if topic.startswith(f"{self._prefix}.")
            for number in cluster.partitions_for_topic(topic) or ()
        ]
        return {_key(where): end for where, end in (await self._consumer.end_offsets(partitions)).items()}

    async def read(self, since: Offsets) -> list[Line]:
        """Read all that was appended since, up to now, partition by partition."""
        return [line async for line in self.stream(since)]

    async def stream(self, since: Offsets, topics: str = "") -> AsyncGenerator[Line]:
        """Read the same line by line, of topics that begin so: in the order of each partition, these mixed."""
        ends = {
            TopicPartition(*where): end
            for where, end in (await self.ends()).items()
            if end > since.get(where, 0) and ".events" not in where[0] and where[0].startswith(topics)
        }
        if not ends:
            return
        self._consumer.assign(list(ends))
        for where in ends:
            self._consumer.seek(where, since.get(_key(where), 0))
        while any([await self._consumer.position(where) < end for where, end in ends.items()]):
            for where, batch in (await self._consumer.getmany(timeout_ms=200)).items():
                for record in batch:
                    value = Record(
                        where.topic,
                        where.partition,
                        record.offset,
                        record.timestamp,
                        record.key,
                        record.value,
                        tuple(record.headers),
                    )
                    yield _line(value)

    async def committed(self) -> dict[str, dict[Where, int]]:
        """Say what each group has committed."""
        found: dict[str, dict[Where, int]] = {}
        for group, _ in await self._admin.list_consumer_groups():
            if group.startswith(f"{self._prefix}."):
                offsets = await self._admin.list_consumer_group_offsets(group)
                found[group] = {_key(where): max(0, said.offset) for where, said in offsets.items()}
        return found

    async def lag(self) -> dict[str, int]:
        """Say what groups have not read; empty when all is."""
        committed = await self.committed()
        ends = await self.ends()
        return {
            f"{group} {topic}/{number}": end - offset
            for group, offsets in committed.items()
            for (topic, number), offset in offsets.items()
            # A broker that has just come back may not know all topics yet: what isn't known isn't read.
            if (end := ends.get((topic, number), offset + 1)) > offset
        }


def _line(record: Record) -> Line:
    envelope, message = Envelope("", "", ""), None
    try:
        envelope = read_envelope(record.headers)
        message = decode_body(envelope, record.value)
    except (BadMessage, NewerVersion):
        pass
    body = record.value or b""
    return Line(record.topic, record.partition, record.offset, envelope, message, body, record)


def _key(where: TopicPartition) -> Where:
    return where.topic, where.partition
