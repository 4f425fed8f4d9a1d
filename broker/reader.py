"""Looks into partitions without a group: where a log begins and ends, what lies at an offset, what lies between two."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from argosy.broker.bootstrap import connect
from argosy.broker.connection import METADATA_MS, Connection, answered
from argosy.broker.heads import Looked, look
from argosy.broker.inside import close, ended_task
from argosy.broker.log import Head, Partition, Record
from argosy.broker.membership import record_of

REQUEST_MS: Final = 10_000
WAIT_MS: Final = 200
PEEK_BYTES: Final = 16_384
"""One record is wanted; the broker gives at least one whatever its size."""
SCAN_BYTES: Final = 1_048_576
HEAD_BYTES: Final = 262_144


class Reader:
    """One connection for all questions, opened at the first and again after trouble. One question at a time."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is opened yet."""
        self._connection = connection
        self._kafka: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def edges(self, partition: Partition) -> tuple[int, int]:
        """Return (log start, log end) as of now. Raises Unreachable."""
        return (await self.all_edges([partition]))[partition]

    async def all_edges(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """Return (log start, log end) of each, in two round trips. Raises Unreachable."""
        wanted = [TopicPartition(*partition) for partition in partitions]
        lacking = self._connection.lacking("Read", wanted[0].topic if wanted else "")
        async with answered("ask for log edges", self._connection.deadline_seconds, lacking), self._turn:
            kafka = await self._open()
            try:
                starts = await kafka.beginning_offsets(wanted)
                ends = await kafka.end_offsets(wanted)
            except KafkaError:
                await self._drop()
                raise
        return {Partition(*where): (starts[where], ends[where]) for where in wanted}

    async def offsets_at(self, partitions: Iterable[Partition], at_ms: int) -> Mapping[Partition, int]:
        """Return where each has its first record appended at or after a time, if it has one. Raises Unreachable."""
        asked = {TopicPartition(*partition): max(0, at_ms) for partition in partitions}
        topic = next((where.topic for where in asked), "")
        lacking = self._connection.lacking("Read", topic)
        async with (
            answered("ask for offsets by time", self._connection.deadline_seconds, lacking),
            self._turn,
        ):
            kafka = await self._open()
            try:
                found = await kafka.offsets_for_times(asked) if asked else {}
            except KafkaError:
                await self._drop()
                raise
        return {Partition(*where): at.offset for where, at in found.items() if at is not None}

    async def heads(self, positions: Mapping[Partition, int], most: int) -> Mapping[Partition, Head]:
        """Read the first records from each position, over a connection of its own. Raises Unreachable."""
        if not positions:
            return {}
        edges = await self.all_edges(positions)
        looked = {
            where: Looked(max(start, edges[where][0]), edges[where][1]) for where, start in positions.items()
        }
        topic = next(where.topic for where in positions)
        kafka = self._new(HEAD_BYTES)
        try:
            seconds, lacking = self._connection.deadline_seconds, self._connection.lacking("Read", topic)
            async with answered(f"read {topic}", seconds, lacking):
                await connect(kafka, self._connection)
                await look(kafka, looked, most)
        finally:
            await close(kafka)
        return {where: Head(tuple(each.records), each.next) for where, each in looked.items()}

    async def peek(self, partition: Partition, offset: int) -> Record | None:
        """Return the first record at or after `offset`, None if there is none. Raises Unreachable."""
        end = (await self.edges(partition))[1]
        if offset >= end:
            return None
        where = TopicPartition(*partition)
        what, seconds = f"look into {partition.topic}", self._connection.deadline_seconds
        async with answered(what, seconds, self._connection.lacking("Read", partition.topic)), self._turn:
            kafka = await self._open()
            kafka.assign([where])
            kafka.seek(where, offset)
            try:
                while True:
                    found = await kafka.getmany(where, timeout_ms=WAIT_MS, max_records=1)
                    for record in found.get(where, ()):
                        return record_of(record)
                    if await kafka.position(where) >= end:
                        return None
            except KafkaError:
                await self._drop()
                raise
            finally:
                if self._kafka is not None:
                    kafka.pause(where)

    async def scan(self, partition: Partition, start: int) -> AsyncGenerator[Record]:
        """Yield the records from `start` to the log end as of now, over a connection of its own. Raises Unreachable."""
        first, end = await self.edges(partition)
        where, position = TopicPartition(*partition), max(start, first)
        seconds, lacking = (
            self._connection.deadline_seconds,
            self._connection.lacking("Read", partition.topic),
        )
        kafka = self._new(SCAN_BYTES)
        try:
            async with answered(f"read {partition.topic}", seconds, lacking):
                await connect(kafka, self._connection)
            kafka.assign([where])
            kafka.seek(where, position)
            while position < end:
                async with answered(f"read {partition.topic}", seconds, lacking):
                    batch = await self._some(kafka, where)
                    position = await kafka.position(where)
                for record in batch:
                    if record.offset < end:
                        yield record_of(record)
        finally:
            await close(kafka)

    @staticmethod
    async def _some(kafka: AIOKafkaConsumer, where: TopicPartition) -> list[ConsumerRecord]:
        """Wait until the position moves; there may be control records only."""
        before = await kafka.position(where)
        while True:
            found = (await kafka.getmany(where, timeout_ms=WAIT_MS)).get(where)
            if found or await kafka.position(where) != before:
                return found or []

    def _new(self, fetch_bytes: int) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._connection.options(),
            group_id=None,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_uncommitted",
            fetch_max_wait_ms=WAIT_MS // 2,
            max_partition_fetch_bytes=fetch_bytes,
            request_timeout_ms=REQUEST_MS,
            metadata_max_age_ms=METADATA_MS,
        )

    async def _open(self) -> AIOKafkaConsumer:
        if self._kafka is not None and ended_task(self._kafka) is not None:
            await self._drop()
        if self._kafka is None:
            kafka = self._new(PEEK_BYTES)
            try:
                await connect(kafka, self._connection)
            except BaseException:
                await close(kafka)
                raise
            self._connection.vigil.watch(kafka, "the reader of single records")
            self._kafka = kafka
        return self._kafka

    async def _drop(self) -> None:
        if self._kafka is not None:
            kafka, self._kafka = self._kafka, None
            await close(kafka)

    async def close(self) -> None:
        """Close the connection; a question under way is answered first."""
        async with self._turn:
            await self._drop()
