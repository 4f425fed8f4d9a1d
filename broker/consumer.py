"""The one consumer loop, for the inbox, the run log and the work alike."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalOperation, IllegalStateError, KafkaError

from argosy.broker.connection import (
    METADATA_MS,
    REFUSALS,
    REQUEST_MS,
    Connection,
    Lacking,
    answered,
    translated,
)
from argosy.broker.inside import close, is_member
from argosy.broker.log import Partition, Record, Subscriber
from argosy.broker.lost_connection import closed_at_failure
from argosy.broker.membership import Membership, WentBackError
from argosy.broker.reader import Reader
from argosy.schemas.errors import StaleGeneration
from argosy.telemetry import logs

FETCH_WAIT_MS: Final = 100
"""A fetch with data is answered at once whatever this is; a resumed or sought partition waits for the one under way."""
FETCH_BYTES: Final = 16 * 1024 * 1024
AGAIN_SECONDS: Final = 1.0

log = logs.get(__name__)


class KafkaConsumer:
    """See `log.Consumer`. `run` may be called once at a time; the rest from any task of the loop."""

    def __init__(self, connection: Connection, group: str, topics: Sequence[str], reader: Reader) -> None:
        """Nothing is opened until `run`."""
        self._connection = connection
        self._group, self._topics = group, tuple(topics)
        self._reader = reader
        self._membership: Membership | None = None
        self._epoch = 0

    async def run(self, subscriber: Subscriber, stop: asyncio.Event) -> None:
        """See `log.Consumer.run`."""
        while not stop.is_set():
            try:
                await self._stay(subscriber, stop)
            except REFUSALS as error:
                what = f"consume {', '.join(self._topics)} as {self._group}"
                raise translated(error, what, self._lacking()) from error
            except (KafkaError, OSError, WentBackError) as error:
                log.warning(
                    "consumer_begins_anew", group=self._group, error=str(error) or type(error).__name__
                )
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), AGAIN_SECONDS)

    async def _stay(self, subscriber: Subscriber, stop: asyncio.Event) -> None:
        kafka = self._new()
        started = False
        try:
            started = await self._start(kafka, stop)
        finally:
            if not started:
                await close(kafka)
        if not started:
            return
        self._connection.vigil.watch(kafka, f"the consumer of group {self._group}")
        forget = self._connection.vigil.forget
        membership = self._membership = Membership(kafka, subscriber, self._epoch, forget)
        try:
            await membership.run(self._topics, stop)
        finally:
            self._epoch = membership.epoch
            self._membership = None

    async def _start(self, kafka: AIOKafkaConsumer, stop: asyncio.Event) -> bool:
        """Connect; False if told to stop meanwhile: a broker that swallows packets is waited for long."""
        starting = asyncio.create_task(_started(kafka), name=f"connect {self._group}")
        stopping = asyncio.create_task(stop.wait(), name="wait for stop")
        ends: set[asyncio.Future[Any]] = {starting, stopping}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            return starting.done()
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.wait(ends)

    def _lacking(self) -> Lacking:
        return self._connection.lacking("Read", self._topics[0], self._group)

    def _new(self) -> AIOKafkaConsumer:
        session_ms = int(self._connection.settings.session_timeout_seconds * 1000)
        return AIOKafkaConsumer(
            **self._connection.options(),
            group_id=self._group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_uncommitted",
            session_timeout_ms=session_ms,
            rebalance_timeout_ms=session_ms,
            heartbeat_interval_ms=min(1_000, session_ms // 5),  # also how soon a member learns of a rebalance
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_max_bytes=FETCH_BYTES,
            request_timeout_ms=REQUEST_MS + session_ms,  # a join is answered when everybody has joined
            metadata_max_age_ms=METADATA_MS,
        )

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See `log.Consumer.commit`."""
        membership = self._membership
        what = f"commit of {self._group}"
        if membership is None or not is_member(membership.kafka):
            raise StaleGeneration(f"{what}: not in the group")
        wanted = {TopicPartition(*partition): offset for partition, offset in offsets.items()}
        async with answered(what, self._connection.deadline_seconds, self._lacking()):
            try:
                await membership.kafka.commit(wanted)
            except (CommitFailedError, IllegalStateError, IllegalOperation) as error:
                raise StaleGeneration(f"{what}: the group has moved on") from error

    async def committed(self, partition: Partition) -> int | None:
        """See `log.Consumer.committed`."""
        membership = self._membership
        if membership is None:
            raise StaleGeneration(f"{self._group}: not in the group")
        what, seconds = f"committed offset of {self._group}", self._connection.deadline_seconds
        async with answered(what, seconds, self._lacking()):
            return await membership.kafka.committed(TopicPartition(*partition))

    def seek(self, partition: Partition, offset: int) -> None:
        """See `log.Consumer.seek`; of a partition that isn't ours: nothing."""
        if self._membership is not None:
            self._membership.seek(partition, offset)

    def pause(self, partitions: Sequence[Partition]) -> None:
        """See `log.Consumer.pause`. What was fetched and not handed out is fetched again after `resume`."""
        if self._membership is not None:
            self._membership.kafka.pause(*self._assigned(self._membership, partitions))

    def resume(self, partitions: Sequence[Partition]) -> None:
        """See `log.Consumer.resume`."""
        if self._membership is not None:
            self._membership.kafka.resume(*self._assigned(self._membership, partitions))

    @staticmethod
    def _assigned(membership: Membership, partitions: Sequence[Partition]) -> list[TopicPartition]:
        assigned = membership.kafka.assignment()
        return [where for partition in partitions if (where := TopicPartition(*partition)) in assigned]

    async def edges(self, partition: Partition) -> tuple[int, int]:
        """See `log.Consumer.edges`."""
        return await self._reader.edges(partition)

    async def all_edges(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """See `log.Consumer.all_edges`."""
        return await self._reader.all_edges(partitions)

    async def peek(self, partition: Partition, offset: int) -> Record | None:
        """See `log.Consumer.peek`."""
        return await self._reader.peek(partition, offset)


async def _started(kafka: AIOKafkaConsumer) -> None:
    with closed_at_failure():
        await kafka.start()
