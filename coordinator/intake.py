"""Batches of a lane's partition, taken only if they follow what was folded.

The rule against the seek race.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from argosy.broker.log import Batch, Record

MOST_RECORDS: Final = 4_000
MOST_BYTES: Final = 16 * 1024 * 1024
"""What may wait to be folded, above which fetching stops; it goes on at a quarter of that."""


class Intake:
    """What was fetched and not yet folded.

    A fetch that was under way when the lane sought may come back after it, from below or from above; offsets
    have gaps by nature, so only the position that a batch was fetched *from* tells.
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """Nothing is expected yet, so everything is dropped. `pause` and `resume` are of the fetching."""
        self._batches: deque[Batch] = deque()
        self._expected: int | None = None
        self._pause, self._resume = pause, resume
        self._records = self._bytes = 0
        self._full = False
        self.wake = asyncio.Event()
        """Set when there may be something to do: a batch came, or a send was answered."""

    def expect(self, offset: int) -> None:
        """Drop what is here and go on at `offset`."""
        self._batches.clear()
        self._records = self._bytes = 0
        self._expected = offset
        self._go_on()

    def put(self, batch: Batch) -> None:
        """Keep a batch as it came."""
        if self._expected is not None:
            self._batches.append(batch)
            self._records += len(batch.records)
            self._bytes += _size(batch)
            self.wake.set()
            if not self._full and (self._records > MOST_RECORDS or self._bytes > MOST_BYTES):
                self._full = True
                self._pause()

    @property
    def waiting(self) -> bool:
        """Whether there is something to take."""
        return bool(self._batches)

    def take(self) -> tuple[list[Record], int] | None:
        """Return the records to fold next and the position after them; None: nothing.

        Raises Gap when what comes next is missing: seek again.
        """
        while self._batches and self._expected is not None:
            batch = self._batches.popleft()
            self._records -= len(batch.records)
            self._bytes -= _size(batch)
            self._go_on()
            if batch.start > self._expected:
                raise Gap(self._expected, batch.start)
            if batch.next > self._expected:
                records = [record for record in batch.records if record.offset >= (self._expected or 0)]
                self._expected = batch.next
                return records, batch.next
        return None

    def _go_on(self) -> None:
        if self._full and self._records <= MOST_RECORDS // 4 and self._bytes <= MOST_BYTES // 4:
            self._full = False
            self._resume()


def _size(batch: Batch) -> int:
    return sum(len(record.value or b"") for record in batch.records)


class Gap(Exception):
    """A batch begins after the offset that is expected."""

    def __init__(self, expected: int, start: int) -> None:
        """Keep both positions."""
        super().__init__(f"expected {expected}, fetched from {start}")
        self.expected, self.start = expected, start
