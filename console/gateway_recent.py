"""The events of the last while, as they came: who begins to watch is served from here, if that goes back far enough."""

from collections import deque
from typing import Final

from argosy.broker.log import Record

MOST_BYTES: Final = 16 * 1024 * 1024
FRAME_BYTES: Final = 512
"""What a record takes beside its value, about."""


class Recent:
    """Records of all runs, the oldest of which go when they take too much. Complete from `since_ms` on."""

    def __init__(self, since_ms: int, most_bytes: int = MOST_BYTES) -> None:
        """`since_ms`: every record appended later will be added."""
        self.since_ms = since_ms
        self._most_bytes, self._bytes = most_bytes, 0
        self._order: deque[tuple[str, Record]] = deque()
        self._by_run: dict[str, deque[Record]] = {}

    def add(self, run_id: str, record: Record) -> None:
        """Keep one."""
        self._order.append((run_id, record))
        self._by_run.setdefault(run_id, deque()).append(record)
        self._bytes += size_of(record)
        while self._bytes > self._most_bytes:
            self._drop_oldest()

    def of(self, run_id: str) -> tuple[Record, ...]:
        """Return those of a run, oldest first."""
        return tuple(self._by_run.get(run_id, ()))

    def _drop_oldest(self) -> None:
        run_id, record = self._order.popleft()
        left = self._by_run[run_id]
        left.popleft()
        if not left:
            del self._by_run[run_id]
        self._bytes -= size_of(record)
        self.since_ms = max(self.since_ms, record.timestamp_ms + 1)


def size_of(record: Record) -> int:
    """Say how much memory it takes, about."""
    return len(record.value or b"") + FRAME_BYTES
