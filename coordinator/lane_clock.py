"""The time of a lane: never before any record it has folded, and it goes on while a host's clock jumps."""

import time
from collections.abc import Callable


class LaneClock:
    """max(largest record time, own wall clock at load) plus monotonic time since."""

    def __init__(
        self,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        steady_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        """Start at the wall clock, whatever it says."""
        self._steady_ms = steady_ms
        self._loaded = steady_ms()
        self._base = wall_ms()

    def saw(self, time_ms: int) -> None:
        """Take notice of a record's append time."""
        since = self._steady_ms() - self._loaded
        self._base = max(self._base, time_ms - since)

    def now_ms(self) -> int:
        """Return epoch milliseconds."""
        return self._base + self._steady_ms() - self._loaded
