"""How much work a worker holds, and which partitions it must stop or may go on fetching: a decision, no I/O."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from argosy.broker.log import Partition


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of one partition: waiting for a slot or running. What is parked counts elsewhere."""

    records: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """Partitions to pause and to resume; both empty: nothing changes."""

    pause: tuple[Partition, ...] = ()
    resume: tuple[Partition, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """Upper bounds. They are passed by at most one fetch, for a fetch can't be taken back.

    A partition stops at a bound and goes on at half of it: so it isn't stopped and started with every record, and there
    is still work in hand while the next fetch is under way.
    """

    records: int
    per_partition: int
    bytes: int

    def flow(self, held: Mapping[Partition, Held], paused: AbstractSet[Partition]) -> Flow:
        """Decide for the assigned partitions (the keys of `held`); `paused` are those that this window paused."""
        records = sum(one.records for one in held.values())
        size = sum(one.bytes for one in held.values())
        full = records >= self.records or size >= self.bytes
        low = records <= self.records // 2 and size <= self.bytes // 2
        pause = [
            partition
            for partition, one in held.items()
            if partition not in paused and (full or one.records >= self.per_partition)
        ]
        resume = [
            partition
            for partition, one in held.items()
            if partition in paused and low and one.records <= self.per_partition // 2
        ]
        return Flow(tuple(sorted(pause)), tuple(sorted(resume)))
