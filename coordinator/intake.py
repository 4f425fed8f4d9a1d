"""Batches of a lane's partition, taken only if they follow what was folded.

The rule against the seek race.
"""

import asyncio
from collections import deque

from argosy.broker.log import Batch, Record


class Intake:
    """What was fetched and not yet folded.

    A fetch that was under way when the lane sought may come back after it, from below or from above; offsets
    have gaps by nature, so only the position that a batch was fetched *from* tells.
    """

    def __init__(self) -> None:
        """Nothing is expected yet, so everything is dropped."""
        self._batches: deque[Batch] = deque()
        self._expected: int | None = None
        self.records = 0
        self.wake = asyncio.Event()
        """Set when there may be something to do: a batch came, or a send was answered."""

    def expect(self, offset: int) -> None:
        """Drop what is here and go on at `offset`."""
        self._batches.clear()
        self.records = 0
        self._expected = offset

    def put(self, batch: Batch) -> None:
        """Keep a batch as it came."""
        if self._expected is not None:
            self._batches.append(batch)
            self.records += len(batch.records)
            self.wake.set()

    def take(self) -> tuple[list[Record], int] | None:
        """Return the records to fold next and the position after them; None: nothing.

        Raises Gap when what comes next is missing: seek again.
        """
        while self._batches and self._expected is not None:
            batch = self._batches.popleft()
            self.records -= len(batch.records)
            if batch.start > self._expected:
                raise Gap(self._expected, batch.start)
            if batch.next > self._expected:
                records = [record for record in batch.records if record.offset >= (self._expected or 0)]
                self._expected = batch.next
                return records, batch.next
        return None


class Gap(Exception):
    """A batch begins after the offset that is expected."""

    def __init__(self, expected: int, start: int) -> None:
        """Keep both positions."""
        super().__init__(f"expected {expected}, fetched from {start}")
        self.expected, self.start = expected, start
