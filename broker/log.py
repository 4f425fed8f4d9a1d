"""What the rooms above may ask of Kafka: records, batches with positions, a producer, the one consumer loop.

The real thing (`producer`, `consumer`, `provision`) and the in-memory twin (`memory_kafka`) both fulfil these.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from argosy.broker.topics import FoundTopic, TopicPlan
from argosy.schemas.envelope import Headers
from argosy.schemas.errors import ArgosyError

Sent = tuple[int, int] | ArgosyError
"""How a record fared: its (partition, offset) once Kafka has acknowledged it, or what went wrong."""


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


class Record(NamedTuple):
    """One record as Kafka has it; nothing is decoded. A tuple: a fetch makes thousands at once."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one fetch of one partition gave, with the positions before and after it.

    `start` is the position that was fetched *from*, `next` the position after; offsets between them that have no
    record are control records or compacted away. So a reader can tell a gap by nature from records it was never given.
    """

    partition: Partition
    start: int
    records: tuple[Record, ...]
    next: int


class Outgoing(NamedTuple):
    """A record to produce. `partition` None: by key, as clients in all languages do."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers
    partition: int | None = None
    spread: bool = False
    """By key, in whatever way is cheap: nobody else writes to this topic by this key."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first records at or after a position; `next` is the position after what was looked through."""

    records: tuple[Record, ...]
    next: int


@dataclass(frozen=True, slots=True)
class GroupView:
    """A consumer group as the broker has it; a group that never was has no members and no offsets."""

    members: int
    committed: Mapping[Partition, int]
    balancing: bool = False
    """A rebalance is under way: who has which partition isn't settled."""


class Producer(Protocol):
    """Idempotent, acks=all. Concurrency-safe; what is sent in one loop turn goes out together."""

    async def send(self, record: Outgoing) -> tuple[int, int]:
        """Append and return (partition, offset) once Kafka has acknowledged.

        Raises MessageTooLarge (never taken), Refused (authorisation; unknown topic), Unreachable (deadline passed: the
        outcome is unknown; sending again may duplicate).
        """
        ...

    async def send_many(self, records: Sequence[Outgoing]) -> list[Sent]:
        """Append many under one deadline; say of each, in the order given, how it fared. Raises no error of ours.

        The errors are those of `send`; one record's does no harm to another. Records for one partition are appended in
        the order given, after those of calls made before (whose topics were known).
        """
        ...

    async def post(self, records: Sequence[Outgoing]) -> None:
        """Hand records over and wait for no acknowledgement: for what may be lost, and then is, without a word.

        Returns once the client underneath has taken them, at the latest at the send deadline. Raises no error of ours.
        """
        ...


class Subscriber(Protocol):
    """What a consumer loop tells its owner.

    Calls never overlap; a batch comes only for what was assigned and not yet revoked.
    """

    async def assigned(self, partitions: Sequence[Partition], epoch: int) -> None:
        """Say which partitions are ours from now on; `epoch` grows with every rebalance.

        Runs inside the rebalance listener: be quick. Seek and pause here, or later from anywhere. An error ends the
        process.
        """
        ...

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        """Partitions are about to go: freeze, commit, forget. Never wait for handlers. An error ends the process.

        Called before each rebalance with all of them, when the loop leaves the group, and when it must join anew.
        Swallow StaleGeneration and Unreachable of the commit made here: what isn't committed comes again.
        """
        ...

    async def took(self, batch: Batch) -> None:
        """Take a batch: keep it and return; never do work here."""
        ...


class Consumer(Protocol):
    """The one consumer loop: a `getmany` is always pending; paused partitions are not fetched."""

    async def run(self, subscriber: Subscriber, stop: asyncio.Event) -> None:
        """Join the group and hand out batches until `stop`; then call `revoked` and leave the group.

        Kafka away: keeps trying and says so. Raises what the subscriber raised, and Refused when the broker will never
        have us.
        """
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit next-to-read offsets under our member and generation.

        Raises StaleGeneration when the broker says that we are not in the group (any more), Unreachable when it doesn't
        answer.
        """
        ...

    async def committed(self, partition: Partition) -> int | None:
        """Return the group's committed offset, None if there is none. Raises StaleGeneration outside `run`."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on at `offset`. Batches fetched before may still be handed out: see `Batch.start`."""
        ...

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Fetch no more of these; idempotent; unassigned ones are ignored."""
        ...

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Undo `pause`; idempotent."""
        ...

    async def edges(self, partition: Partition) -> tuple[int, int]:
        """Return (log start, log end): the first offset kept, and the position after all that is written now."""
        ...

    async def all_edges(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """Return (log start, log end) of many, as of about one moment."""
        ...

    async def peek(self, partition: Partition, offset: int) -> Record | None:
        """Return the first record at or after `offset`, None if there is none; the position stays."""
        ...


class Follower(Protocol):
    """Reads all partitions of a topic without a group and without committing; new partitions are picked up."""

    async def start(self, *, at_ms: int | None = None, beginning: bool = False) -> None:
        """Take a position: the log's end as of now, or its beginning, or the first record appended at or after `at_ms`.

        Returns once the positions are fixed: every record appended later will be read.
        """
        ...

    async def read(self, timeout_seconds: float) -> tuple[Record, ...]:
        """Return what is there, waiting at most this long for something; in order within each partition."""
        ...

    async def caught_up(self) -> bool:
        """Say whether everything that was in the topic when `start` returned has been handed out."""
        ...

    async def close(self) -> None:
        """Stop reading."""
        ...


class Cluster(Protocol):
    """Opens producers and consumers; the composition root holds one."""

    async def producer(self) -> Producer:
        """Return the process's one producer. It connects at its first send, within that send's deadline."""
        ...

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        """Return an unstarted consumer; offsets reset to earliest, nothing is committed automatically."""
        ...

    def follower(self, topic: str) -> Follower:
        """Return an unstarted follower of a topic."""
        ...

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions; raises ConfigurationError if the topic doesn't exist."""
        ...

    async def topics(self, names: Sequence[str]) -> Mapping[str, FoundTopic]:
        """Return those of these topics that exist, as they are now. Raises Unreachable and Refused."""
        ...

    async def create(self, plans: Sequence[TopicPlan]) -> None:
        """Create those of these topics that don't exist and wait for their leaders. Raises Unreachable and Refused."""
        ...

    async def edges(self, partition: Partition) -> tuple[int, int]:
        """Return (log start, log end), as `Consumer.edges` does, without being in a group."""
        ...

    async def all_edges(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """Return (log start, log end) of many, as of about one moment. Raises Unreachable."""
        ...

    async def offsets_at(self, partitions: Iterable[Partition], at_ms: int) -> Mapping[Partition, int]:
        """Return the offset of the first record appended at or after a time, where there is one. Raises Unreachable."""
        ...

    async def peek(self, partition: Partition, offset: int) -> Record | None:
        """Return the first record at or after `offset`, as `Consumer.peek` does, without being in a group."""
        ...

    async def heads(self, positions: Mapping[Partition, int], most: int) -> Mapping[Partition, Head]:
        """Read the first `most` records (or about 256 KB of them) from each position to the log's end as of now.

        A position before the log's start reads on at the start. Raises Unreachable.
        """
        ...

    def scan(self, partition: Partition, start: int) -> AsyncGenerator[Record]:
        """Read from `start` (or the log start, if that is later) to the log end as of now. Raises Unreachable."""
        ...

    async def group(self, group: str) -> GroupView:
        """Look at a consumer group, whether it has members or not. Raises Unreachable."""
        ...

    async def close(self) -> None:
        """Flush and close everything opened here."""
        ...
