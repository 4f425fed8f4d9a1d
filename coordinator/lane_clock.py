"""The time of a lane: never before any record it has folded, and it goes on while a host's clock jumps."""

import time
from collections.abc import Callable


class LaneClock:
    """max(largest record time, Redis's clock at load) plus monotonic time since.

    Never this host's own wall clock: one that is an hour ahead would end every run's deadline an hour early.
    """

    def __init__(
        self, server_ms: int, steady_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000
    ) -> None:
        """Start at the server's clock, by which leases are judged too."""
        self._steady_ms = steady_ms
        self._loaded = steady_ms()
        self._base = server_ms

    def saw(self, time_ms: int) -> None:
        """Take notice of a record's append time."""
        since = self._steady_ms() - self._loaded
        self._base = max(self._base, time_ms - since)

    def now_ms(self) -> int:
        """Return epoch milliseconds."""
        return self._base + self._steady_ms() - self._loaded
