"""The library's producer in use, opened when it is needed and replaced when it can't be trusted any more.

An idempotent producer that was told no once numbers its next batches wrongly for ever: then it is replaced, as it is
when nothing at all came through it in time.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed, UnknownTopicOrPartitionError

from argosy.broker.bootstrap import connect
from argosy.broker.connection import METADATA_MS, Connection, translated
from argosy.broker.inside import abandon, close, ended_task
from argosy.broker.outbound import BATCH_BYTES
from argosy.broker.topics import OVERHEAD_BYTES
from argosy.schemas.errors import Refused, Unreachable
from argosy.telemetry import logs

RETRY_SECONDS: Final = 0.2
UNKNOWN_SECONDS: Final = 2.0
"""How long a topic may be new to the brokers before we ask whether there is such a one."""

log = logs.get(__name__)


@dataclass(slots=True)
class Client:
    """One aiokafka producer and when Kafka last took something from it (monotonic seconds)."""

    kafka: AIOKafkaProducer
    acknowledged: float

    def size(self, topic: str) -> int:
        """Return how many partitions a topic has; 0: not known here."""
        return len(self.kafka.client.cluster.partitions_for_topic(topic) or ())

    async def size_of(self, topic: str) -> int:
        """Return how many partitions a topic has, asking if need be. Raises what the library raises."""
        return self.size(topic) or len(await self.kafka.partitions_for(topic))

    async def check_topic(self, topic: str) -> None:
        """Tell a topic that isn't there (Refused) from a cluster that isn't: the library says the same of both."""
        try:
            found = (await self.kafka.client.fetch_all_metadata()).topics()
        except KafkaError:
            return
        if topic not in found:
            raise Refused(
                f"there is no topic {topic}\n"
                "  why: nobody has made it under this topic prefix, or somebody deleted it\n"
                "  do:  argosy topics apply, or start a coordinator: both make what is missing"
            )


class ProducerClients:
    """The producer in use, one at a time."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is opened yet."""
        self._connection = connection
        self.now: Client | None = None
        self._opening = asyncio.Lock()
        self._learning: dict[str, asyncio.Lock] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open(self) -> Client:
        """Return the running producer, connecting until the caller's deadline. Raises Unreachable once closed."""
        if self.now is not None and (ended := ended_task(self.now.kafka)) is not None:
            self.replace(self.now, f"the task that {ended[0]} has ended: {ended[1]}")
        if self.now is not None:
            return self.now
        async with self._opening:
            told = False
            while self.now is None:
                if self._closed:
                    raise Unreachable("the producer is closed")
                kafka = self._new()
                try:
                    await connect(kafka, self._connection)
                except (KafkaError, OSError) as error:
                    await close(kafka)
                    if not told:
                        log.warning("kafka_unreachable", error=str(error) or type(error).__name__)
                        told = True
                    await asyncio.sleep(RETRY_SECONDS)
                except asyncio.CancelledError:
                    await close(kafka)
                    raise
                else:
                    self._connection.vigil.watch(kafka, "the producer")
                    self.now = Client(kafka, 0.0)
            return self.now

    async def learn(self, topic: str) -> int:
        """Return how many partitions a topic has that nothing was sent to yet. Raises Refused if there is no such."""
        async with self._learning.setdefault(topic, asyncio.Lock()):
            while True:
                client = await self.open()
                try:
                    async with asyncio.timeout(UNKNOWN_SECONDS):
                        return await client.size_of(topic)
                except (TimeoutError, UnknownTopicOrPartitionError):
                    await client.check_topic(topic)
                except KafkaError as error:
                    lacking = self._connection.lacking("Write", topic)
                    raise translated(error, f"send to {topic}", lacking) from error

    def _new(self) -> AIOKafkaProducer:
        settings = self._connection.settings
        request_seconds = min(max(self._connection.deadline_seconds / 3, 1.0), 20.0)
        return AIOKafkaProducer(
            **self._connection.options(),
            acks="all",
            enable_idempotence=True,
            max_batch_size=min(BATCH_BYTES, settings.max_message_bytes + OVERHEAD_BYTES // 2),
            max_request_size=settings.max_message_bytes + OVERHEAD_BYTES,
            metadata_max_age_ms=METADATA_MS,
            request_timeout_ms=int(request_seconds * 1000),
        )

    def replace(self, client: Client, reason: str) -> None:
        """Let the next send start a new producer; the old one's waiters learn that their outcome is unknown."""
        if self.now is not client:
            return
        self.now = None
        log.warning("producer_replaced", reason=reason)
        abandon(client.kafka, ProducerClosed(reason))
        task = asyncio.create_task(self._stop(client.kafka), name="stop replaced producer")
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _stop(self, kafka: AIOKafkaProducer) -> None:
        if not await close(kafka):
            log.warning(
                "producer_not_stopped", why="what it held was not taken in time, or a task of it had ended"
            )

    async def close(self, *, flush: bool) -> None:
        """Close, bounded; `flush`: after what the library holds."""
        self._closed = True
        client, self.now = self.now, None
        if client is not None:
            if not flush:
                abandon(client.kafka, ProducerClosed())
            await self._stop(client.kafka)
        if self._stopping:
            await asyncio.wait(self._stopping)
