"""The producer: idempotent, acknowledged by all replicas, and always with an end.

Without a deadline of ours an idempotent send of aiokafka never ends while Kafka is away. What is handed over in one
turn of the loop goes out as one batch for each partition (`outbound`).
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import Final

from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    KafkaTimeoutError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
    UnknownTopicOrPartitionError,
)

from argosy.broker.connection import TOO_LARGE, Connection, translated
from argosy.broker.inside import STOP_SECONDS
from argosy.broker.log import Outgoing, Partition, Sent
from argosy.broker.outbound import Call, Item, Outbound
from argosy.broker.partitioner import partition_of, spread_of
from argosy.broker.producer_client import RETRY_SECONDS, Client, ProducerClients
from argosy.broker.rights import LACKING
from argosy.broker.topics import OVERHEAD_BYTES
from argosy.schemas.errors import ArgosyError, MessageTooLarge, Refused, Unreachable
from argosy.telemetry import logs

_CONTENT: Final = itemgetter(1)
NAME_BYTES: Final = 16
"""The name of a header, about; one that is far longer is the broker's to refuse."""
LOST_COUNT: Final = (
    InvalidProducerEpoch,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
)
"""The producer and the broker disagree on what was sent: a new producer starts to count again."""

log = logs.get(__name__)


class KafkaProducer:
    """See `log.Producer`. One per process."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is opened until the first send."""
        self._connection = connection
        self._clients = ProducerClients(connection)
        self._queues: dict[tuple[str, int], Outbound] = {}
        self._closed = False

    async def send(self, record: Outgoing) -> tuple[int, int]:
        """Append; see `log.Producer.send`."""
        (answer,) = await self.send_many((record,))
        if isinstance(answer, ArgosyError):
            raise answer
        return answer

    async def send_many(self, records: Sequence[Outgoing]) -> list[Sent]:
        """See `log.Producer.send_many`. Repeated inside the deadline where only our numbering was lost."""
        if not records:
            return []
        seconds = self._connection.deadline_seconds
        started = asyncio.get_running_loop().time()
        call = Call(len(records))
        failed: ArgosyError | None = None
        try:
            async with asyncio.timeout(seconds):
                await self._hand_over(call, records)
                await call.over
        except TimeoutError:
            self._late(started)
        except ArgosyError as error:
            failed = error
        late = f"not acknowledged within {seconds:g} s; it may still be there"
        return [
            answer or failed or Unreachable(f"send to {record.topic}: {late}")
            for answer, record in zip(call.answers, records, strict=True)
        ]

    async def post(self, records: Sequence[Outgoing]) -> None:
        """See `log.Producer.post`."""
        if not records:
            return
        started = asyncio.get_running_loop().time()
        call = Call(len(records), posted=True)
        try:
            async with asyncio.timeout(self._connection.deadline_seconds):
                await self._hand_over(call, records)
                await call.over
        except TimeoutError:
            self._late(started)
            log.debug("records_lost", count=call.open, error="not taken in time")
        except ArgosyError as error:
            log.debug("records_lost", count=call.open, error=str(error))

    def _late(self, started: float) -> None:
        """Give up a client through which nothing came since then: it would hold what it has for ever."""
        client = self._clients.now
        if client is not None and client.acknowledged < started:
            self._clients.replace(client, "nothing was acknowledged in time")

    async def _hand_over(self, call: Call, records: Sequence[Outgoing]) -> None:
        """Put each record into the queue of its partition, or answer it. Raises Unreachable if we are closed."""
        if self._closed:
            raise Unreachable("the producer is closed")
        client = await self._clients.open()
        most = self._connection.settings.max_message_bytes
        sizes: dict[str, int] = {}
        unknown: dict[str, list[Item]] = {}
        for index, record in enumerate(records):
            topic, bytes_ = record.topic, _size(record)
            if bytes_ > most + OVERHEAD_BYTES // 2:
                text = f"send to {topic}: {bytes_} bytes are more than the {most} a message may have"
                call.answer(index, MessageTooLarge(text))
                continue
            size = sizes.get(topic)
            if size is None:
                size = sizes[topic] = client.size(topic)
            if size:
                self._put((call, index, record, bytes_), size)
            else:
                unknown.setdefault(topic, []).append((call, index, record, bytes_))
        for topic, items in unknown.items():
            await self._learn(topic, items)

    async def _learn(self, topic: str, items: Sequence[Item]) -> None:
        """Queue records of a topic that nothing was sent to yet."""
        try:
            size = await self._clients.learn(topic)
        except ArgosyError as error:
            for call, at, _, _ in items:
                call.answer(at, error)
        else:
            for item in items:
                self._put(item, size)

    def _put(self, item: Item, size: int) -> None:
        """Queue a record for one of the `size` partitions of its topic."""
        topic, key, _, _, number, spread = item[2]
        if number is None:
            number = spread_of(key, size) if spread else partition_of(key, range(size))
        elif not 0 <= number < size:
            item[0].answer(item[1], Refused(f"{topic} has {size} partitions, there is no {number}"))
            return
        queue = self._queues.get((topic, number))
        if queue is None:
            queue = self._queues[topic, number] = Outbound(Partition(topic, number))
        queue.waiting.append(item)
        if queue.sender is None:  # it begins after this turn of the loop: what else is sent in it comes along
            queue.sender = asyncio.create_task(self._drain(queue), name=f"produce {topic}/{number}")
            queue.sender.add_done_callback(partial(_ended, queue))

    async def _drain(self, queue: Outbound) -> None:
        """Send batch after batch until nobody waits."""
        while queue.waiting:
            client = self._clients.now or await self._open(queue)
            if client is not None and not await self._deliver(client, queue):
                await asyncio.sleep(RETRY_SECONDS)
        queue.sender = None  # not later: the next record may come before this task counts as done

    async def _open(self, queue: Outbound) -> Client | None:
        """Connect for those who wait in a queue; None if nobody does any more, or it took too long to know."""
        try:
            async with asyncio.timeout(self._connection.deadline_seconds):
                return await self._clients.open()
        except TimeoutError:
            queue.forget()
        except Unreachable as error:
            queue.give_up(partial(Unreachable, str(error)))
        return None

    async def _deliver(self, client: Client, queue: Outbound) -> bool:
        """Send one batch and answer for it; False if it has to go again, a moment later."""
        topic, number = queue.where
        try:
            batch = client.kafka.create_batch()
            if not queue.fill(batch):
                return True
            if number >= await client.size_of(topic):
                queue.failed(lambda: Refused(f"{topic} has no partition {number} any more"))
                return True
            sent = await client.kafka.send_batch(batch, topic, partition=number)
            queue.handed_over()
            done = await sent
        except KafkaError as error:
            return await self._failed(error, client, queue)
        client.acknowledged = asyncio.get_running_loop().time()
        queue.acknowledged(done.offset)
        return True

    async def _failed(self, error: KafkaError, client: Client, queue: Outbound) -> bool:
        """Answer for a batch that wasn't acknowledged, or keep it; False if it has to go again, a moment later."""
        topic = queue.where.topic
        meaning = partial(translated, error, f"send to {topic}", self._connection.lacking("Write", topic))
        match error:
            case UnknownTopicOrPartitionError():
                queue.again()
                try:
                    await client.check_topic(topic)
                except Refused as refused:
                    queue.give_up(partial(Refused, str(refused)))
            case KafkaTimeoutError():  # the batch before this one isn't out yet
                queue.again()
            case _ if isinstance(error, LACKING):  # one topic's affair: the batches of all others go on
                queue.failed(meaning)
                return True
            case NotLeaderForPartitionError():  # for long: nobody leads it, or it was deleted
                try:
                    await client.check_topic(topic)
                except Refused as refused:
                    queue.give_up(partial(Refused, str(refused)))
                else:
                    queue.failed(meaning)
                self._clients.replace(client, type(error).__name__)
                return True
            case _ if isinstance(error, LOST_COUNT):
                self._clients.replace(client, type(error).__name__)
                queue.again()
            case _:
                self._clients.replace(client, type(error).__name__)
                if isinstance(error, TOO_LARGE):
                    queue.too_large(meaning)
                else:
                    queue.failed(meaning)
                return True
        return False

    async def close(self) -> None:
        """Flush what is under way, then close; bounded."""
        self._closed = True
        senders = {queue.sender for queue in self._queues.values() if queue.sender is not None}
        late = (await asyncio.wait(senders, timeout=STOP_SECONDS))[1] if senders else ()
        for sender in late:
            sender.cancel()
        await self._clients.close(flush=not late)


def _ended(queue: Outbound, sender: asyncio.Task[None]) -> None:
    """Let nobody wait for a task that is gone."""
    if sender.cancelled():
        queue.give_up(partial(Unreachable, f"send to {queue.where.topic}: the producer was closed"))
    elif (defect := sender.exception()) is not None:
        queue.sender = None
        queue.break_off(defect)


def _size(record: Outgoing) -> int:
    _, key, value, headers, *_ = record
    return len(key) + len(value) + NAME_BYTES * len(headers) + len(b"".join(map(_CONTENT, headers)))
