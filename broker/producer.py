"""The producer: idempotent, acknowledged by all replicas, and always with an end.

Without a deadline of ours an idempotent send of aiokafka never ends while Kafka is away. And an idempotent producer
that was told no once numbers its next batches wrongly for ever: then it is replaced, as it is when nothing at all came
through it in time.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    KafkaTimeoutError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
    UnknownTopicOrPartitionError,
)

from argosy.broker.bootstrap import connect
from argosy.broker.connection import METADATA_MS, Connection, translated
from argosy.broker.inside import abandon
from argosy.broker.log import Outgoing
from argosy.broker.partitioner import partition_of
from argosy.broker.topics import OVERHEAD_BYTES
from argosy.schemas.errors import ArgosyError, MessageTooLarge, Refused, Unreachable
from argosy.telemetry import logs

BATCH_BYTES: Final = 262_144
RETRY_SECONDS: Final = 0.2
STOP_SECONDS: Final = 10.0
LOST_COUNT: Final = (
    InvalidProducerEpoch,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
)
"""The producer and the broker disagree on what was sent: a new producer starts to count again."""

log = logs.get(__name__)


@dataclass(slots=True)
class _Client:
    """One aiokafka producer and when Kafka last took something from it (monotonic seconds)."""

    kafka: AIOKafkaProducer
    acknowledged: float
    partitions: dict[str, int] = field(default_factory=dict[str, int])
    """Of topics that it was asked about; there are never fewer later."""


class KafkaProducer:
    """See `log.Producer`. One per process."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is opened until the first send."""
        self._connection = connection
        self._client: _Client | None = None
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def send(self, record: Outgoing) -> tuple[int, int]:
        """Append; see `log.Producer.send`. Repeated inside its deadline where only our numbering was lost."""
        seconds = self._connection.deadline_seconds
        what = f"send to {record.topic}"
        most = self._connection.settings.max_message_bytes
        if self._size(record) > most + OVERHEAD_BYTES // 2:
            raise MessageTooLarge(
                f"{what}: {self._size(record)} bytes are more than the {most} a message may have"
            )
        started = asyncio.get_running_loop().time()
        client: _Client | None = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    client = await self._open()
                    sent = await self._try(client, record, what)
                    if sent is not None:
                        return sent
                    await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError:
            if client is not None and client.acknowledged < started:
                self._replace(client, "nothing was acknowledged in time")
            raise Unreachable(
                f"{what}: not acknowledged within {seconds:g} s; it may still be there"
            ) from None

    async def post(self, records: Sequence[Outgoing]) -> None:
        """See `log.Producer.post`."""
        try:
            async with asyncio.timeout(self._connection.deadline_seconds):
                client = await self._open()
                for record in records:
                    await self._check_partition(client, record)
                    sent = await client.kafka.send(
                        record.topic, record.value, record.key, record.partition, headers=list(record.headers)
                    )
                    sent.add_done_callback(_forget)
        except (TimeoutError, KafkaError, ArgosyError) as error:
            log.debug("records_lost", count=len(records), error=str(error) or type(error).__name__)

    async def _try(self, client: _Client, record: Outgoing, what: str) -> tuple[int, int] | None:
        """Send once; None: try again."""
        try:
            await self._check_partition(client, record)
            done = await client.kafka.send_and_wait(
                record.topic, record.value, record.key, record.partition, headers=list(record.headers)
            )
        except UnknownTopicOrPartitionError:
            await self._check_topic(client, record.topic)
            return None
        except LOST_COUNT as error:
            self._replace(client, type(error).__name__)
            return None
        except KafkaTimeoutError:  # this partition's buffer is full
            return None
        except KafkaError as error:
            self._replace(client, type(error).__name__)
            raise translated(error, what) from error
        client.acknowledged = asyncio.get_running_loop().time()
        return done.partition, done.offset

    async def _check_partition(self, client: _Client, record: Outgoing) -> None:
        """Refuse a partition that isn't there; the library only asserts it."""
        if record.partition is None or record.partition < client.partitions.get(record.topic, 0):
            return
        known = await client.kafka.partitions_for(record.topic)
        if record.partition not in known:
            raise Refused(f"{record.topic} has {len(known)} partitions, there is no {record.partition}")
        client.partitions[record.topic] = len(known)

    async def _check_topic(self, client: _Client, topic: str) -> None:
        """Tell a topic that isn't there from a cluster that isn't: the library says the same of both."""
        try:
            found = (await client.kafka.client.fetch_all_metadata()).topics()
        except KafkaError:
            return
        if topic not in found:
            raise Refused(f"there is no topic {topic}: has this fleet been provisioned?")

    async def _open(self) -> _Client:
        """Return the running producer, connecting until the caller's deadline."""
        if self._client is not None:
            return self._client
        async with self._opening:
            told = False
            while self._client is None:
                if self._closed:
                    raise Unreachable("the producer is closed")
                kafka = self._new()
                try:
                    await connect(kafka, self._connection)
                except (KafkaError, OSError) as error:
                    await kafka.stop()
                    if not told:
                        log.warning("kafka_unreachable", error=str(error) or type(error).__name__)
                        told = True
                    await asyncio.sleep(RETRY_SECONDS)
                except asyncio.CancelledError:
                    await kafka.stop()
                    raise
                else:
                    self._client = _Client(kafka, 0.0)
            return self._client

    def _new(self) -> AIOKafkaProducer:
        settings = self._connection.settings
        request_seconds = min(max(self._connection.deadline_seconds / 3, 1.0), 20.0)
        return AIOKafkaProducer(
            **self._connection.options(),
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            partitioner=partition_of,
            max_request_size=settings.max_message_bytes + OVERHEAD_BYTES,
            metadata_max_age_ms=METADATA_MS,
            request_timeout_ms=int(request_seconds * 1000),
        )

    def _replace(self, client: _Client, reason: str) -> None:
        """Let the next send start a new producer; the old one's waiters learn that their outcome is unknown."""
        if self._client is not client:
            return
        self._client = None
        log.warning("producer_replaced", reason=reason)
        abandon(client.kafka, ProducerClosed(reason))
        task = asyncio.create_task(self._stop(client.kafka), name="stop replaced producer")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _stop(self, kafka: AIOKafkaProducer) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await kafka.stop()
        except (TimeoutError, KafkaError, OSError) as error:
            log.warning("producer_not_stopped", error=str(error) or type(error).__name__)

    async def close(self) -> None:
        """Flush what is under way, then close; bounded."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await self._stop(client.kafka)
        if self._closing:
            await asyncio.wait(self._closing)

    @staticmethod
    def _size(record: Outgoing) -> int:
        size = len(record.key) + len(record.value)
        for name, value in record.headers:
            size += len(name) + len(value)
        return size


def _forget(sent: "asyncio.Future[Any]") -> None:
    """Take an error that nobody waits for."""
    if not sent.cancelled():
        sent.exception()
