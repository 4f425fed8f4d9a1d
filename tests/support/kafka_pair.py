"""The real Kafka and its twin, asked the same and compared: what is answered, and what a group has read."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.log import Batch, Cluster, Consumer, Outgoing, Partition, Record
from argosy.schemas.errors import ArgosyError
from support.kafka_world import MemoryWorld, RealWorld, World, settings_of

WAIT_SECONDS: Final = 150.0
PARTITIONS: Final = 2
Told = tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
"""A record as a reader has it, but for the time of its append."""


def told(record: Record) -> Told:
    return record.offset, record.key, record.value, record.headers


@dataclass
class Reader:
    """A member of the group. It takes a batch as a lane does: only one fetched at or before what it expects."""

    consumer: Consumer
    first: dict[int, int]
    """Where to seek to when it is assigned, by partition."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    owned: tuple[Partition, ...] = ()
    expected: dict[int, int | None] = field(default_factory=dict[int, int | None])
    taken: dict[int, list[Told]] = field(default_factory=dict[int, list[Told]])
    running: asyncio.Task[None] | None = None

    async def assigned(self, partitions: Sequence[Partition], epoch: int) -> None:  # noqa: ARG002 - the protocol's
        self.owned = tuple(partitions)
        self.expected = {where.number: self.first.get(where.number) for where in partitions}
        self.taken = {where.number: [] for where in partitions}
        for where in partitions:
            if where.number in self.first:
                self.consumer.seek(where, self.first[where.number])

    async def revoked(self, partitions: Sequence[Partition]) -> None:  # noqa: ARG002 - the protocol's
        self.owned = ()

    async def took(self, batch: Batch) -> None:
        number = batch.partition.number
        expected = self.expected[number]
        if expected is not None and batch.start > expected:
            return  # fetched before a seek
        least = batch.start if expected is None else expected
        if batch.next < least:
            return
        self.taken[number] += [told(record) for record in batch.records if record.offset >= least]
        self.expected[number] = batch.next

    def seek(self, where: Partition, offset: int) -> None:
        self.expected[where.number], self.taken[where.number] = offset, []
        self.consumer.seek(where, offset)


class Side:
    """One Kafka, with a topic of its own and readers in one group."""

    def __init__(self, world: World) -> None:
        self.world, self.topic, self.group = world, "", ""
        self.readers: dict[str, Reader] = {}
        self.left: dict[str, Reader] = {}
        self.doors: dict[str, Cluster] = {}

    async def begin(self, name: str) -> None:
        self.group = f"{self.world.group}.{name}"
        self.topic = await self.world.topic(PARTITIONS, name)

    def at(self, number: int) -> Partition:
        return Partition(self.topic, number)

    def out(self, number: int | None, value: bytes, key: bytes = b"k") -> Outgoing:
        return Outgoing(self.topic, key, value, (("h", value[:3]), ("h", b"")), number)

    async def send(self, record: Outgoing) -> tuple[int, int]:
        return await (await self.world.cluster.producer()).send(record)

    async def send_many(self, records: Sequence[Outgoing]) -> list[object]:
        answers = await (await self.world.cluster.producer()).send_many(records)
        return [type(answer).__name__ if isinstance(answer, ArgosyError) else answer for answer in answers]

    async def peek(self, number: int, offset: int) -> Told | None:
        found = await self.world.cluster.peek(self.at(number), offset)
        return None if found is None else told(found)

    async def scan(self, number: int, start: int) -> list[Told]:
        return [told(record) async for record in self.world.cluster.scan(self.at(number), start)]

    async def committed(self) -> dict[int, int]:
        view = await self.world.cluster.group(self.group)
        return {where.number: offset for where, offset in view.committed.items()}

    # -- the group

    async def join(self, name: str, first: dict[int, int]) -> None:
        """Start a reader; it seeks to `first` whenever it is assigned: to what is there, or to the end."""
        if self.readers:  # who of two gets which partition is each broker's own affair: they seek alike
            first = next(iter(self.readers.values())).first
        edges = {number: await self.world.cluster.edges(self.at(number)) for number in first}
        first = {
            number: min(max(offset, edges[number][0]), edges[number][1]) for number, offset in first.items()
        }
        door = self.doors.setdefault(name, self.world.process(name))
        reader = Reader(door.consumer(self.group, [self.topic]), first)
        self.readers[name] = reader
        reader.running = asyncio.create_task(reader.consumer.run(reader, reader.stop), name=f"reader {name}")
        await self.balanced()

    async def leave(self, name: str) -> None:
        reader = self.left[name] = self.readers.pop(name)
        reader.stop.set()
        assert reader.running is not None
        await reader.running
        await self.balanced()

    async def balanced(self) -> None:
        await until(
            lambda: sorted(len(one.owned) for one in self.readers.values()) == self._shares(),
            "the group balanced",
        )

    def _shares(self) -> list[int]:
        members = len(self.readers)
        return sorted((PARTITIONS + index) // members for index in range(members))

    def owner(self, number: int) -> Reader | None:
        return next((one for one in self.readers.values() if self.at(number) in one.owned), None)

    async def commit(self, number: int, offset: int, *, by_owner: bool) -> None:
        """Commit as the owner, or as another member, or as one that has left."""
        owner = self.owner(number)
        others = [one for one in (*self.readers.values(), *self.left.values()) if one is not owner]
        for reader in ([owner] if owner else []) if by_owner else others:
            await reader.consumer.commit({self.at(number): offset})

    async def committed_as_told(self, number: int) -> int | None:
        owner = self.owner(number)
        return None if owner is None else await owner.consumer.committed(self.at(number))

    def seek(self, number: int, offset: int) -> None:
        owner = self.owner(number)
        if owner is not None:
            owner.seek(self.at(number), offset)

    def pause(self, number: int, *, paused: bool) -> None:
        owner = self.owner(number)
        if owner is not None:
            (owner.consumer.pause if paused else owner.consumer.resume)([self.at(number)])

    def is_whole(self) -> bool:
        """Say whether each partition has an owner, if there are readers."""
        return not self.readers or all(self.owner(number) for number in range(PARTITIONS))

    def read(self) -> dict[int, list[Told]]:
        """What was read of each partition since it was assigned, or sought in."""
        owners = {number: self.owner(number) for number in range(PARTITIONS)}
        return {number: list(one.taken.get(number, ())) for number, one in owners.items() if one is not None}

    async def end(self) -> None:
        for name in list(self.readers):
            reader = self.readers.pop(name)
            reader.stop.set()
            assert reader.running is not None
            await reader.running
        self.left.clear()


class KafkaPair:
    """Both, in one loop."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._loop = asyncio.Runner()
        self._closing = AsyncExitStack()
        self.twin = Side(self._loop.run(self._made(MemoryWorld, "memory:1")))
        self.real = Side(self._loop.run(self._made(RealWorld, bootstrap_servers)))

    async def _made(self, kind: Callable[..., World], bootstrap_servers: str) -> World:
        return kind(settings_of(bootstrap_servers), self._closing)

    def both(self, ask: Callable[[Side], Awaitable[object]]) -> tuple[object, object]:
        """Ask both; an error counts as its class."""
        return self._loop.run(self._asked(ask))

    async def _asked(self, ask: Callable[[Side], Awaitable[object]]) -> tuple[object, object]:
        real, twin = await asyncio.gather(fared(ask(self.real)), fared(ask(self.twin)))
        return real, twin

    def settle(self) -> None:
        """Wait until the readers of both have read the same; AssertionError if they never do."""
        self._loop.run(self._settled())

    async def _settled(self) -> None:
        await asyncio.sleep(0.01)
        await until(
            lambda: self.real.is_whole() and self.twin.is_whole() and self.real.read() == self.twin.read(),
            lambda: f"reading the same\nreal: {self.real.read()}\ntwin: {self.twin.read()}",
        )

    def end(self) -> None:
        """End all readers."""
        self.both(Side.end)

    def close(self) -> None:
        """Close both."""
        self._loop.run(self._closing.aclose())
        self._loop.close()


async def fared(asked: Awaitable[object]) -> object:
    try:
        return await asked
    except ArgosyError as error:
        return type(error).__name__


async def until(condition: Callable[[], bool], what: str | Callable[[], str]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what if isinstance(what, str) else what()
        await asyncio.sleep(0.005)
