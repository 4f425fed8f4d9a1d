"""How fast runs end: when it is worth asking again. A guess for people and programs that wait; nothing rests on it."""

import time
from typing import Final

_UNKNOWN_SECONDS: Final = 5
_MOST_SECONDS: Final = 60
_WEIGHT: Final = 0.2
"""Of the newest figure in the mean."""


class Drain:
    """The mean of how many runs fewer there are from look to look, where there are fewer."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._runs: int | None = None
        self._at = 0.0
        self._per_second: float | None = None

    def saw(self, runs: int) -> None:
        """Take into account how many runs are under way now."""
        now = time.monotonic()
        if self._runs is not None and runs < self._runs and now > self._at:
            rate = (self._runs - runs) / (now - self._at)
            old = rate if self._per_second is None else self._per_second
            self._per_second = old + _WEIGHT * (rate - old)
        self._runs, self._at = runs, now

    def seconds_for(self, runs: int) -> int:
        """Guess in how many whole seconds there is room for so many."""
        if not self._per_second:
            return _UNKNOWN_SECONDS
        return max(1, min(_MOST_SECONDS, round(runs / self._per_second)))
