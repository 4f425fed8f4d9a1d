"""Which offsets of a partition are finished, and how far a commit may go: never past unfinished work."""

from collections import deque
from typing import Final

from argosy.broker.log import Batch, Record

REPEAT_SECONDS: Final = 30.0
"""Between commits of all offsets, moved or not."""


class Repeats:
    """When a group's offsets are committed again although none has moved.

    A commit whose answer was lost may be carried out after the next one, and then sets the group back; nobody is told.
    While nothing more is finished, its lag would stay as it never was.
    """

    def __init__(self, now: float) -> None:
        """`now`: seconds of a clock that doesn't go back, as in `due`."""
        self._due = now + REPEAT_SECONDS

    def due(self, now: float) -> bool:
        """Say whether it is time; if so, the next time is counted from now."""
        if now < self._due:
            return False
        self._due = now + REPEAT_SECONDS
        return True


class Tracker:
    """One assignment of one partition. Its epoch makes it deaf to whatever an earlier assignment finishes.

    It orders the offsets that were received: gaps between them are no work. Taking and finishing cost the same however
    many are open.
    """

    def __init__(self, epoch: int) -> None:
        """`epoch` is the one of `Subscriber.assigned`."""
        self.epoch = epoch
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
        while self._order and self._order[0] not in self._open:
            self._order.popleft()
        return True

    @property
    def committable(self) -> int | None:
        """The next offset to read: the lowest open one, or what follows everything received. None: nothing received."""
        return self._order[0] if self._order else self._next

    def to_commit(self, *, again: bool = False) -> int | None:
        """Return `committable` if it is further than what was committed last, or is to be committed `again`."""
        now = self.committable
        if now is None or self._committed is None or not (again or now > self._committed):
            return None
        return now

    def committed(self, offset: int) -> None:
        """Remember what the broker took; commits that answer out of order don't set it back."""
        self._committed = max(offset, self._committed or 0)

    @property
    def open(self) -> int:
        """How many received offsets are unfinished."""
        return len(self._open)
