"""Kafka as a simulated process reaches it: the twin, at the end of a wire."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from argosy.broker.log import Outgoing, Partition, Sent
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.memory_consumer import MemoryConsumer
from argosy.broker.memory_kafka import MemoryKafka
from argosy.schemas.errors import ArgosyError, StaleGeneration, Unreachable
from argosy.testing.process import forever
from argosy.testing.wire import Wire

Appended = Callable[[Outgoing, int, int], None]
Committed = Callable[[str, Mapping[Partition, int]], None]
Sends = Callable[[Outgoing], bool]


class WiredProducer:
    """See `log.Producer`. `appended` hears of each record that was written, with its partition and offset.

    `sends` hears of one that is about to be sent alone (False: its sender is dead).
    """

    def __init__(self, broker: MemoryBroker, name: str, wire: Wire, appended: Appended, sends: Sends) -> None:
        """Send as the process `name`."""
        self._broker, self._name, self._wire = broker, name, wire
        self._appended, self._sends = appended, sends
        self._learning = asyncio.Lock()

    async def send(self, record: Outgoing) -> tuple[int, int]:
        """See `log.Producer.send`."""
        if not self._sends(record):
            await forever()
        await self._until_there()
        return await (await self._begin(record))

    async def send_many(self, records: Sequence[Outgoing]) -> list[Sent]:
        """See `log.Producer.send_many`."""
        try:
            await self._until_there()
        except ArgosyError as error:
            return [error] * len(records)
        # Those whose leader has moved go after the others, in their order.
        moved = [self._is_moved(record) for record in records]
        places = sorted(range(len(records)), key=lambda place: moved[place])
        calls = {place: await self._begin(records[place]) for place in places}
        if calls:
            await asyncio.wait(calls.values())
        return [_fared(calls[place]) for place in range(len(records))]

    async def post(self, records: Sequence[Outgoing]) -> None:
        """See `log.Producer.post`."""
        if records:
            with suppress(ArgosyError):
                await self._until_there()
                await self._wire.call("post", partial(self._append_all, records))

    async def _begin(self, record: Outgoing) -> "asyncio.Future[tuple[int, int]]":
        """Send; where another broker leads by now, after the old one has said so, and after who waits for that too."""
        if self._is_moved(record):
            async with self._learning:
                place = self._broker.place(record)
                if self._broker.asks_old_leader(self._name, place):
                    ask = partial(self._broker.learned, self._name, place)
                    with suppress(Unreachable):  # the request below may get through
                        await self._wire.call(f"ask the old leader of {record.topic}", ask)
                return self._wire.begin(f"produce to {record.topic}", partial(self._append, record))
        return self._wire.begin(f"produce to {record.topic}", partial(self._append, record))

    def _is_moved(self, record: Outgoing) -> bool:
        if not self._broker.leaders_moved:
            return False
        place = self._broker.place(record)
        return self._broker.asks_old_leader(self._name, place) or self._learning.locked()

    async def _until_there(self) -> None:
        if not self._broker.reachable(self._name):
            await self._broker.reach(self._name)

    def _append(self, record: Outgoing) -> tuple[int, int]:
        if not self._broker.reachable(self._name):
            raise Unreachable("Kafka went away")
        partition, offset = self._broker.append(record)
        self._appended(record, partition, offset)
        return partition, offset

    def _append_all(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            self._append(record)


class WiredConsumer(MemoryConsumer):
    """See `log.Consumer`."""

    def __init__(  # noqa: PLR0913, PLR0917 - the twin's own four, and what is ours
        self,
        broker: MemoryBroker,
        group: str,
        topics: Sequence[str],
        member: str,
        wire: Wire,
        committed: Committed,
    ) -> None:
        """Commit over `wire`; `committed` hears of what the group took."""
        super().__init__(broker, group, topics, member)
        self._wire, self._of, self._heard = wire, group, committed

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See `log.Consumer.commit`."""
        if not self._broker.reachable(self._name):
            await self._broker.reach(self._name)
        generation, taken = self._generation, dict(offsets)
        if generation < 0:
            raise StaleGeneration("not in the group")

        def effect() -> None:
            if not self._broker.reachable(self._name):
                raise Unreachable("Kafka went away")
            self._group.commit(self._member, generation, taken)
            self._heard(self._of, taken)

        await self._wire.call("commit offsets", effect)


class WiredKafka(MemoryKafka):
    """See `log.Cluster`: the door of one life of one process."""

    def __init__(  # noqa: PLR0913, PLR0917 - the twin's own two, and what is ours
        self,
        broker: MemoryBroker,
        name: str,
        wire: Wire,
        appended: Appended,
        committed: Committed,
        sends: Sends,
    ) -> None:
        """Reach `broker` as the process `name` over `wire`."""
        super().__init__(broker, name)
        self._wire, self._appended, self._committed, self._sends = wire, appended, committed, sends

    async def producer(self) -> WiredProducer:  # type: ignore[override]  # another Producer, as good
        """See `log.Cluster.producer`."""
        return WiredProducer(self.broker, self.name, self._wire, self._appended, self._sends)

    def consumer(self, group: str, topics: Sequence[str]) -> WiredConsumer:
        """See `log.Cluster.consumer`."""
        self._members += 1
        member = f"{self.name}/{self._members}"
        return WiredConsumer(self.broker, group, topics, member, self._wire, self._committed)


def _fared(call: "asyncio.Future[tuple[int, int]]") -> Sent:
    error = call.exception()
    if isinstance(error, ArgosyError):
        return error
    return call.result()
