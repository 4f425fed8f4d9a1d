"""One stay in a consumer group: from joining it to leaving it, or until it must be begun anew.

Three things happen at the same time in aiokafka: our pending fetch, the rebalance listener, and seeks from anywhere.
A batch is stamped with the assignment and the positions at the very moment it comes out of the fetch; it is handed on
only while that assignment is the one that the subscriber was told, and never while the listener runs.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, cast

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition

from argosy.broker.inside import assignment_of, close, positions_of
from argosy.broker.log import Batch, Partition, Record, Subscriber
from argosy.telemetry import logs

POLL_MS: Final = 200
"""How late a position is told that only control records moved; whatever has records is told at once."""

log = logs.get(__name__)


class WentBackError(Exception):
    """The position fell without a seek: the log was cut off or made anew. Only a fresh start is right."""


class Membership(ConsumerRebalanceListener):
    """Drives one started aiokafka consumer. Used once."""

    def __init__(
        self,
        kafka: AIOKafkaConsumer,
        subscriber: Subscriber,
        epoch: int,
        leaving: Callable[[AIOKafkaConsumer], object],
    ) -> None:
        """`epoch` is the last one that the subscriber was told; `leaving` hears when `kafka` is used no more."""
        self.kafka = kafka
        self.epoch = epoch
        self._subscriber, self._leaving = subscriber, leaving
        self._turn = asyncio.Condition()
        self._told: object | None = None
        """The assignment that the subscriber knows; None between a revocation and the next assignment."""
        self._revoked: object | None = None
        self._left = False
        self._owned: tuple[Partition, ...] = ()
        self._positions: dict[Partition, int] = {}
        self._positions_under: object | None = None
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # -- what the consumer asks

    @property
    def owned(self) -> Collection[Partition]:
        """The partitions that the subscriber was told to be ours."""
        return self._owned

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on at `offset`; ignored if the partition isn't ours."""
        where = TopicPartition(*partition)
        if where in self.kafka.assignment():
            self._fresh_positions()[partition] = offset
            self.kafka.seek(where, offset)

    def _fresh_positions(self) -> dict[Partition, int]:
        """Return the positions under the assignment as it is now."""
        now = assignment_of(self.kafka)
        if now is not self._positions_under:
            self._positions_under, self._positions = now, {}
        return self._positions

    # -- the stay

    async def run(self, topics: Sequence[str], stop: asyncio.Event) -> None:
        """Join, hand out batches until `stop`, leave.

        Raises what the subscriber raised, KafkaError and WentBackError.
        """
        self.kafka.subscribe(topics, listener=self)
        reading = asyncio.create_task(self._read(), name=f"read {','.join(topics)}")
        stopping = asyncio.create_task(stop.wait(), name="wait for stop")
        try:
            ends: set[asyncio.Future[Any]] = {reading, stopping, self._failed}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            async with self._turn:  # no batch is being handed over while we stop reading
                reading.cancel()
        finally:
            reading.cancel()
            stopping.cancel()
            await asyncio.wait({reading, stopping})
            await self._leave()
        if self._failed.done():
            self._failed.result()
        if not reading.cancelled():
            reading.result()

    async def _leave(self) -> None:
        # Its tasks may have ended, which is why we leave: what the subscriber does first can take seconds.
        self._leaving(self.kafka)
        try:
            async with self._turn:
                self._left = True
                await self._tell_revoked()
        finally:
            await close(self.kafka)

    # -- fetching

    async def _read(self) -> None:
        while True:
            given = await self.kafka.getmany(timeout_ms=POLL_MS)
            under = assignment_of(self.kafka)  # no await since the fetch: stamp and position belong to it
            batches = self._stamp(given)
            if batches:
                await self._hand(under, batches)

    def _stamp(self, given: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> list[Batch]:
        """Make batches with both their positions; one without records where only control records were passed."""
        known = self._fresh_positions()
        batches: list[Batch] = []
        for where, position in positions_of(self.kafka):
            partition = Partition(*where)
            fetched = given.get(where, ())
            start = known.get(partition)
            if start is None:
                start = fetched[0].offset if fetched else position
            if position < start:
                raise WentBackError(f"{where.topic}/{where.partition}: from {start} to {position}")
            known[partition] = position
            if position > start:
                batches.append(Batch(partition, start, tuple(map(record_of, fetched)), position))
        return batches

    async def _hand(self, under: object | None, batches: Sequence[Batch]) -> None:
        async with self._turn:
            # The assignment may be in force before the listener has run: then it comes first.
            await self._turn.wait_for(
                lambda: (
                    self._told is under or self._revoked is under or assignment_of(self.kafka) is not under
                )
            )
            if self._told is under:
                for batch in batches:
                    await self._subscriber.took(batch)

    # -- the rebalance listener: aiokafka logs its errors and goes on, so we keep them ourselves

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        """Tell the subscriber, before the group is joined again."""
        async with self._turn:
            try:
                await self._tell_revoked()
            except Exception as error:
                self._fail(error)
                raise

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Tell the subscriber, under a new epoch."""
        async with self._turn:
            if self._left:
                return
            self.epoch += 1
            self._owned = tuple(sorted(Partition(*partition) for partition in assigned))
            try:
                await self._subscriber.assigned(self._owned, self.epoch)
            except Exception as error:
                self._fail(error)
                raise
            self._told = assignment_of(self.kafka)
            self._turn.notify_all()

    async def _tell_revoked(self) -> None:
        if self._told is None:
            return
        self._told, self._revoked = None, self._told
        owned, self._owned = self._owned, ()
        self._turn.notify_all()
        await self._subscriber.revoked(owned)

    def _fail(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)


def record_of(found: ConsumerRecord) -> Record:
    """Copy what the library gave; a null header becomes an empty one."""
    given = cast("Sequence[tuple[str, bytes | None]]", found.headers)
    headers = tuple(found.headers)  # free, where they are one already
    for _, value in given:  # faster than any search that makes a list of them
        if value is None:
            headers = tuple((name, value or b"") for name, value in given)
            break
    return Record(
        found.topic,
        found.partition,
        found.offset,
        found.timestamp,
        found.key,
        found.value,
        headers,
    )
