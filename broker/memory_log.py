"""What the in-memory twin of Kafka keeps: logs with gaps, groups with generations. Data and rules, no waiting."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from argosy.broker.log import Batch, Outgoing, Partition, Record
from argosy.schemas.errors import StaleGeneration


class MemoryLog:
    """One partition. With a gap rate it has offsets without records, as control records and compaction leave them."""

    def __init__(self, partition: Partition, chance: random.Random, gap_rate: float) -> None:
        """`gap_rate` is the chance of a gap before, and again after, each record."""
        self.partition = partition
        self.base, self.end = 0, 0
        self._records: list[Record] = []
        self._chance, self._gap_rate = chance, gap_rate

    def append(self, record: Outgoing, time_ms: int) -> int:
        """Append and return the offset; the append time never goes back."""
        self.skip(self._chance.random() < self._gap_rate)
        offset = self.end
        headers = tuple((name, bytes(value)) for name, value in record.headers)
        topic, number = self.partition
        self._records.append(Record(topic, number, offset, time_ms, record.key, record.value, headers))
        self.end += 1
        self.skip(self._chance.random() < self._gap_rate)
        return offset

    def skip(self, offsets: int) -> None:
        """Use up offsets without a record."""
        self.end += offsets

    def cut(self, before: int) -> None:
        """Forget what lies before an offset, as retention does."""
        self.base = max(self.base, min(before, self.end))
        self._records = [record for record in self._records if record.offset >= self.base]

    def lose_tail(self, records: int) -> tuple[Record, ...]:
        """Forget the last records and give their offsets again, as an unclean election does; return them."""
        lost = tuple(self._records[max(0, len(self._records) - records) :]) if records else ()
        if lost:
            del self._records[-len(lost) :]
            self.end = lost[0].offset
        return lost

    def all(self) -> tuple[Record, ...]:
        """Return all records that are kept."""
        return tuple(self._records)

    def since(self, offset: int) -> tuple[Record, ...]:
        """Return the records from an offset on."""
        return tuple(self._records[self._index(offset) :])

    def read(self, position: int, most: int) -> Batch:
        """Return what one fetch gives; a position before the log's start reads on at the start."""
        first = self._index(position)
        records = tuple(self._records[first : first + most])
        more = first + most < len(self._records)
        following = records[-1].offset + 1 if more else max(position, self.end)
        return Batch(self.partition, position, records, following)

    def find(self, offset: int) -> Record | None:
        """Return the first record at or after an offset."""
        first = self._index(offset)
        return self._records[first] if first < len(self._records) else None

    def offset_at(self, time_ms: int) -> int:
        """Return the offset of the first record appended at or after a time, the end if there is none."""
        found = self.first_at(time_ms)
        return self.end if found is None else found.offset

    def first_at(self, time_ms: int) -> Record | None:
        """Return the first record appended at or after a time."""
        return next((record for record in self._records if record.timestamp_ms >= time_ms), None)

    def _index(self, offset: int) -> int:
        low, high = 0, len(self._records)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._records[middle].offset < offset else (low, middle)
        return low


@dataclass(slots=True)
class _Member:
    topics: tuple[str, ...]
    joined: bool = True


@dataclass(slots=True)
class MemoryGroup:
    """A consumer group under the eager protocol: in a rebalance everybody gives up everything and joins again.

    Until all have joined the old generation is in force: who is giving up may still commit.
    """

    generation: int = 0
    offsets: dict[Partition, int] = field(default_factory=dict[Partition, int])
    members: dict[str, _Member] = field(default_factory=dict[str, _Member])
    owners: dict[Partition, str] = field(default_factory=dict[Partition, str])
    rebalancing: bool = False

    def join(self, member: str, topics: Iterable[str]) -> None:
        """Join, or join again; who is new starts a rebalance."""
        if member not in self.members:
            self.rebalance()
        self.members[member] = _Member(tuple(topics))

    def leave(self, member: str) -> None:
        """Leave, or be expelled."""
        if self.members.pop(member, None) is not None:
            self.rebalance()

    def rebalance(self) -> None:
        """Ask everybody to join again."""
        self.rebalancing = True
        for one in self.members.values():
            one.joined = False

    def must_join(self, member: str) -> bool:
        """Say whether a member has to give up what it owns and join (again)."""
        found = self.members.get(member)
        return found is None or not found.joined

    def settle(self, partitions: Mapping[str, int]) -> bool:
        """End the rebalance if everybody has joined: a new generation, partitions dealt out in turn."""
        if not self.rebalancing or not all(one.joined for one in self.members.values()):
            return False
        self.rebalancing = False
        self.generation += 1
        self.owners = {}
        for topic in sorted({topic for one in self.members.values() for topic in one.topics}):
            names = sorted(name for name, one in self.members.items() if topic in one.topics)
            for number in range(partitions.get(topic, 0)):
                self.owners[Partition(topic, number)] = names[(number + self.generation) % len(names)]
        return True

    def owned_by(self, member: str) -> tuple[Partition, ...]:
        """Return a member's partitions under the generation in force."""
        return tuple(sorted(where for where, owner in self.owners.items() if owner == member))

    def reads(self, topic: str) -> bool:
        """Say whether a member reads a topic."""
        return any(topic in one.topics for one in self.members.values())

    def forget(self, topic: str) -> None:
        """Drop what was committed for a topic, as a broker does that deletes it."""
        self.offsets = {where: offset for where, offset in self.offsets.items() if where.topic != topic}

    def commit(self, member: str, generation: int, offsets: Mapping[Partition, int]) -> None:
        """Take offsets from a member of the generation in force; raises StaleGeneration."""
        if member not in self.members or generation != self.generation:
            raise StaleGeneration("the group has moved on")
        if any(self.owners.get(where) != member for where in offsets):
            raise StaleGeneration("a partition of the commit isn't ours")
        self.offsets.update(offsets)
