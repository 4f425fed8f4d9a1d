"""What time brings to attempts that run: who watches is told of one that goes on; at its limit one is stopped.

One timer for all of them. Most are over long before: it looks at those that still run when the first of them is due.
"""

import asyncio
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from argosy.agents.running import Running

TELL_RUNNING_SECONDS: Final = 0.25
"""Who watches is told that a task runs if it still does after this long: most short ones are over before."""
_SELDOM_SECONDS: Final = 0.02
"""Between two looks at all: thousands may be due one after the other."""


@dataclass(slots=True)
class Ticking:
    """The clock of what runs in one desk."""

    running: Collection[Running]
    """All of them, as they are at each look."""
    tell: Callable[[Running], None]
    """Called once for each that runs for a while."""
    _timer: asyncio.TimerHandle | None = field(init=False, default=None)
    _due: float = field(init=False, default=math.inf)
    """When the timer goes off."""
    _loop: asyncio.AbstractEventLoop | None = field(init=False, default=None)
    """Asked for once: it takes a system call to find it."""

    def started(self, running: Running, left_seconds: float) -> None:
        """See to one that begins to run, for so long at most."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        running.tell_at = now + TELL_RUNNING_SECONDS
        due = running.tell_at if left_seconds > TELL_RUNNING_SECONDS else now + left_seconds
        if due < self._due:
            self._arm(due)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._due = None, math.inf

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = asyncio.get_running_loop().call_at(due, self._look), due

    def _look(self) -> None:
        self._timer, self._due = None, math.inf
        now = asyncio.get_running_loop().time()
        due = min((self._look_at(one, now) for one in tuple(self.running)), default=math.inf)
        if due < math.inf:
            self._arm(max(due, now + _SELDOM_SECONDS))

    def _look_at(self, running: Running, now: float) -> float:
        """Return when to look at it again."""
        if running.outcome is not None or running.stopped is not None:
            return math.inf
        left = running.limit.left()  # the limit may have stood still meanwhile: then there is time left
        if left <= 0:
            running.stop(running.limit.over_by)
            return math.inf
        if running.tell_at is not None and running.tell_at <= now:
            running.tell_at = None
            self.tell(running)
        return min(now + left, math.inf if running.tell_at is None else running.tell_at)
