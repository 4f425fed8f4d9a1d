"""The twin's consumer loop, with the seek race: after each rebalance it hands out what was fetched before the seek."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from argosy.broker.log import Batch, Partition, Record, Subscriber
from argosy.broker.memory_broker import MemoryBroker
from argosy.schemas.errors import StaleGeneration


class MemoryConsumer:
    """See `log.Consumer`. Cancelling `run` leaves the group, as stopping does, unless the process is cut off."""

    def __init__(self, broker: MemoryBroker, group: str, topics: Sequence[str], member: str) -> None:
        """`member` is `<process>/<number>`."""
        self._broker, self._name = broker, member.split("/", 1)[0]
        self._group, self._topics, self._member = broker.groups(group), tuple(topics), member
        self._group_name, self._concerned = group, frozenset({*topics, group, member})
        self._epoch = 0
        self._generation = -1
        self._told = False
        self._owned: tuple[Partition, ...] = ()
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()

    async def run(self, subscriber: Subscriber, stop: asyncio.Event) -> None:
        """See `log.Consumer.run`."""
        ringing = asyncio.create_task(self._ring_at(stop), name="ring at stop")
        try:
            while not stop.is_set():
                if not (self._due() and await self._turn(subscriber)) and not stop.is_set():
                    await self._broker.changed(self._concerned)
        finally:
            ringing.cancel()
            await self._revoke(subscriber)
            if self._broker.reachable(self._name):
                self._group.leave(self._member)
                self._settle()
            self._generation = -1

    async def _ring_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._broker.ring(self._member)

    def _due(self) -> bool:
        """Say whether there may be something to do: every change anywhere wakes everybody."""
        if not self._broker.reachable(self._name):
            return False
        if self._group.must_join(self._member):
            return True
        if self._group.rebalancing:
            return False
        behind = (self._positions[where] != self._broker.log(where).end for where in self._owned)
        return not self._told or any(behind)

    async def _turn(self, subscriber: Subscriber) -> bool:
        """Do what there is to do; False: nothing, wait for a change."""
        await self._broker.travel()
        if not self._broker.reachable(self._name):
            return False
        if self._group.must_join(self._member) or self._out_of_range():
            await self._revoke(subscriber)
            self._group.join(self._member, self._topics)
            self._settle()
            return True
        if self._group.rebalancing:
            return False
        if not self._told:
            await self._assign(subscriber)
            return True
        return await self._fetch(subscriber)

    def _out_of_range(self) -> bool:
        """Say whether a log was made anew behind our back: then only a fresh start is right."""
        gone = any(
            self._positions[where] > self._broker.log(where).end for where in self._owned if self._told
        )
        if gone:
            self._group.rebalance()
        return gone

    def _settle(self) -> None:
        self._group.settle(self._broker.sizes())
        self._broker.ring(self._group_name)

    async def _assign(self, subscriber: Subscriber) -> None:
        self._epoch += 1
        self._generation = self._group.generation
        self._owned = self._group.owned_by(self._member)
        self._paused.clear()
        self._positions = {where: self._first(where) for where in self._owned}
        early = [self._read(where) for where in self._owned]
        await subscriber.assigned(self._owned, self._epoch)
        self._told = True
        for batch in early:
            if batch.records and not self._group.must_join(self._member):
                await self._hand(subscriber, batch)

    def _first(self, where: Partition) -> int:
        log = self._broker.log(where)
        committed = self._group.offsets.get(where, log.base)
        return committed if log.base <= committed <= log.end else log.base

    async def _fetch(self, subscriber: Subscriber) -> bool:
        wanted = [where for where in self._owned if where not in self._paused]
        moved = [where for where in wanted if self._broker.asks_old_leader(self._member, where)]
        batches = [self._read(where) for where in wanted if where not in moved]
        for where in moved:
            self._broker.learned(self._member, where)
        batches = [batch for batch in batches if batch.next > batch.start]
        if batches:
            await asyncio.sleep(0)  # a seek or a rebalance may come between the fetch and its hand-over
        for batch in batches:
            if not self._told or self._group.must_join(self._member):
                break
            await self._hand(subscriber, batch)
        return bool(batches or moved)

    def _read(self, where: Partition) -> Batch:
        return self._broker.log(where).read(self._positions[where], self._broker.fetch_most)

    async def _hand(self, subscriber: Subscriber, batch: Batch) -> None:
        """Hand over a batch even if a seek has come between, and let the seek stand."""
        if self._positions.get(batch.partition) == batch.start:
            self._positions[batch.partition] = batch.next
        await subscriber.took(batch)

    async def _revoke(self, subscriber: Subscriber) -> None:
        if self._told:
            self._told = False
            owned, self._owned = self._owned, ()
            await subscriber.revoked(owned)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See `log.Consumer.commit`."""
        await self._broker.reach(self._name)
        if self._generation < 0:
            raise StaleGeneration("not in the group")
        self._group.commit(self._member, self._generation, offsets)
        self._broker.reply()

    async def committed(self, partition: Partition) -> int | None:
        """See `log.Consumer.committed`."""
        await self._broker.reach(self._name)
        if self._generation < 0:
            raise StaleGeneration("not in the group")
        return self._group.offsets.get(partition)

    def seek(self, partition: Partition, offset: int) -> None:
        """See `log.Consumer.seek`."""
        if partition in self._owned:
            self._positions[partition] = offset
            self._broker.ring(self._member)

    def pause(self, partitions: Sequence[Partition]) -> None:
        """See `log.Consumer.pause`."""
        self._paused.update(where for where in partitions if where in self._owned)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """See `log.Consumer.resume`."""
        self._paused.difference_update(partitions)
        self._broker.ring(self._member)

    async def edges(self, partition: Partition) -> tuple[int, int]:
        """See `log.Consumer.edges`."""
        await self._broker.reach(self._name)
        log = self._broker.log(partition)
        return log.base, log.end

    async def all_edges(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """See `log.Consumer.all_edges`."""
        await self._broker.reach(self._name)
        logs = {partition: self._broker.log(partition) for partition in partitions}
        return {partition: (log.base, log.end) for partition, log in logs.items()}

    async def peek(self, partition: Partition, offset: int) -> Record | None:
        """See `log.Consumer.peek`."""
        await self._broker.reach(self._name)
        return self._broker.log(partition).find(offset)
