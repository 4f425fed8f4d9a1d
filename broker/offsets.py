"""Which offsets of a partition are finished, and how far a commit may go: never past unfinished work."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Final

from argosy.broker.log import Batch, Consumer, Partition, Record

LOOK_SECONDS: Final = 30.0
"""Between looks at what a group has."""


class Told:
    """Sees to it that a group keeps the offsets that were committed for it.

    A commit whose answer was lost may be carried out after the next one, and then sets the group back; nobody hears of
    it. While nothing more is finished, its lag would stay what it is not.
    """

    def __init__(self, consumer: Consumer) -> None:
        """Look for the first time some seconds from now."""
        self._consumer, self._looked = consumer, time.monotonic()

    async def put_right(self, told: Mapping[Partition, int]) -> None:
        """Look, if it is time, and commit again what was `told` where the group has less.

        Where it has nothing the topic is another one, or somebody has deleted its offsets: that stays so. Raises
        Unreachable, Refused, StaleGeneration; it is time again as if it had looked.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        behind: dict[Partition, int] = {}
        for partition, offset in told.items():
            has = await self._consumer.committed(partition)
            if has is not None and has < offset:
                behind[partition] = offset
        if behind:
            await self._consumer.commit(behind)


class Tracker:
    """One assignment of one partition. Its epoch makes it deaf to whatever an earlier assignment finishes.

    It orders the offsets that were received: gaps between them are no work. Taking and finishing cost the same however
    many are open.
    """

    def __init__(self, epoch: int) -> None:
        """`epoch` is the one of `Subscriber.assigned`."""
        self.epoch = epoch
        self.finished = 0
        """How many were finished in this assignment."""
        self._order: deque[int] = deque()
        """Received offsets from the lowest open one on; the finished among them are no longer in `_open`."""
        self._open: set[int] = set()
        self._next: int | None = None
        self._committed: int | None = None

    def took(self, batch: Batch) -> tuple[Record, ...]:
        """Count a batch as received and return its records that are new here: a batch may overlap an earlier one."""
        seen = self._next
        if self._committed is None:
            self._committed = batch.start
        fresh = batch.records if seen is None else tuple(rec for rec in batch.records if rec.offset >= seen)
        offsets = [record.offset for record in fresh]
        self._order.extend(offsets)
        self._open.update(offsets)
        self._next = batch.next if seen is None else max(seen, batch.next)
        return fresh

    def finish(self, epoch: int, offset: int) -> bool:
        """Mark an offset as finished; False, and nothing moves, if it is of another epoch or not open."""
        if epoch != self.epoch or offset not in self._open:
            return False
        self._open.remove(offset)
        self.finished += 1
        while self._order and self._order[0] not in self._open:
            self._order.popleft()
        return True

    @property
    def committable(self) -> int | None:
        """The next offset to read: the lowest open one, or what follows everything received. None: nothing received."""
        return self._order[0] if self._order else self._next

    def to_commit(self) -> int | None:
        """Return `committable` if it is further than what was committed last."""
        now = self.committable
        return now if now is not None and self._committed is not None and now > self._committed else None

    @property
    def next(self) -> int | None:
        """The position after all that was received. None: nothing was."""
        return self._next

    @property
    def told(self) -> int | None:
        """What was committed last, or stood there when the first batch came. None: nothing received."""
        return self._committed

    def committed(self, offset: int) -> None:
        """Remember what the broker took; commits that answer out of order don't set it back."""
        self._committed = max(offset, self._committed or 0)

    @property
    def open(self) -> int:
        """How many received offsets are unfinished."""
        return len(self._open)


def told_of(trackers: Mapping[Partition, Tracker]) -> dict[Partition, int]:
    """Return what a group was told of each partition of which anything was received."""
    return {where: offset for where, tracker in trackers.items() if (offset := tracker.told) is not None}
