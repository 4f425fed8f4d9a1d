"""The time that one attempt may take.

It stands still while the attempt waits for Kafka, Redis or the payload store.
"""

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

AFTER_DEADLINE_SECONDS: Final = 2.0
"""So long a handler may run on at its task's deadline: one that obeys it ends by itself, and what it gives still counts
where no coordinator has told of the deadline yet."""
_EARLY_SECONDS: Final = 0.1
"""Who obeys the deadline may end so much before it by our clock: ours began when the answer to the claim was here."""


@dataclass(slots=True)
class TimeLimit:
    """`seconds` of the attempt's own time, and at most `hard_seconds` in all.

    The task's deadline is never moved.
    """

    seconds: float
    hard_seconds: float
    clock: Callable[[], float] = lambda: time.monotonic()  # noqa: PLW0108 - looked up late: a simulation replaces it
    began: float | None = None
    """By the clock; None: now."""
    _began: float = field(init=False)
    _waited: float = field(init=False, default=0.0)
    _since: float = field(init=False, default=0.0)
    _depth: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Begin."""
        self._began = self.clock() if self.began is None else self.began

    def left(self) -> float:
        """Return the seconds left; negative when it is over. Any thread may ask."""
        now = self.clock()
        waited = self._waited + (now - self._since if self._depth else 0.0)
        return min(self._began + self.seconds + waited, self._began + self.hard_seconds) - now

    @property
    def over_by(self) -> Literal["limit", "deadline"]:
        """Say which of the two it is that is over, if one is: the attempt's own time, or that of its task."""
        return "deadline" if self.clock() >= self._began + self.hard_seconds else "limit"

    @property
    def deadline_passed(self) -> bool:
        """Whether the deadline of its task has passed; `hard_seconds` lies `AFTER_DEADLINE_SECONDS` behind it."""
        return self.clock() >= self._began + self.hard_seconds - AFTER_DEADLINE_SECONDS - _EARLY_SECONDS

    def lift(self) -> None:
        """Let the attempt's own time count no more, its handler being done: only the task's deadline does."""
        self.seconds = math.inf

    @contextmanager
    def paused(self) -> Generator[None, None, None]:
        """Let the attempt's own time stand still inside; may be nested and may overlap."""
        if self._depth == 0:
            self._since = self.clock()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._waited += self.clock() - self._since
