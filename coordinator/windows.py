"""How many tasks of an agent may be out in this lane: as many as its workers get through soon, and no more.

What is out lies in a queue that no priority reorders and that a cancel doesn't shorten, so it is kept short. A window
grows while it is what holds tasks up and workers begin them soon; it shrinks while tasks lie before busy workers for
longer than `ahead`: to what these settle in a handler's time and `ahead` (Little's law), so never below what is in
handlers. While nobody settles anything, workers may be away: that time is no task's wait, and no measure of them. All
of it is by the lane's clock and by what is folded. It is advice: a window that is lost begins anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from argosy.schemas.settings import FleetSettings

START: Final = 64
"""Of an agent that nothing is known of but a small crew: a map of so many tasks, of which each takes a minute, goes
out at once."""
_SLICE_MS: Final = 1_000
_SLICE_SETTLES: Final = 8
"""The rate is measured over at least so long, and so many settles."""
_WEIGHT: Final = 8
"""A settle counts as one of so many in the mean of handlers' times."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`ahead_ms`: how long a task may lie before busy workers."""

    least: int
    most: int
    ahead_ms: int


def bounds_of(fleet: FleetSettings) -> Bounds:
    """Read the settings; where the most is less than the least, it counts."""
    least = min(fleet.dispatch_window_least, fleet.dispatch_window)
    return Bounds(least, fleet.dispatch_window, round(fleet.dispatch_ahead_seconds * 1000))


@dataclass(slots=True)
class Window:
    """One agent's. `full`: it is what holds tasks up."""

    bounds: Bounds
    size: int
    full: bool = False
    begins: bool = False
    """Nothing of it was settled yet, ever: a crew that is seen only now counts."""
    _handler_ms: int = 0
    _floor: int | None = None
    """What is settled in a handler's time and `ahead_ms`; None: not measured yet."""
    _since_ms: int = 0
    _settles: int = 0
    _last_ms: int | None = None
    _here_ms: int = 0
    """Since when workers are known to be there: when the first handler began of those that settled without a break."""

    def settled(self, waited_ms: int, handler_ms: int, now_ms: int) -> None:
        """Take an attempt into account that lay before workers for `waited_ms`, then was in its handler."""
        bounds, begun_ms, self.begins = self.bounds, now_ms - handler_ms, False
        if self._last_ms is None or now_ms - self._last_ms > self._handler_ms + bounds.ahead_ms:
            self._here_ms, self._since_ms = begun_ms, 0
        self._last_ms, self._here_ms = now_ms, min(self._here_ms, begun_ms)
        self._measure(handler_ms, now_ms)
        if min(waited_ms, begun_ms - self._here_ms) <= bounds.ahead_ms:
            if self.full:
                self.size = min(bounds.most, self.size + 1)
        else:
            # One less: nothing goes out in its place, until no more is out than what is settled in time.
            floor = bounds.least if self._floor is None else self._floor
            if self.size > floor:
                self.size -= 1

    def _measure(self, handler_ms: int, now_ms: int) -> None:
        self._handler_ms += (handler_ms - self._handler_ms) // (_WEIGHT if self._handler_ms else 1)
        if not self.full or not self._since_ms:
            # What comes slowly is no measure of what workers get through.
            self._since_ms, self._settles = now_ms, 0
            return
        self._settles += 1
        passed_ms = now_ms - self._since_ms
        if self._settles >= _SLICE_SETTLES and passed_ms >= _SLICE_MS:
            bounds = self.bounds
            in_time = -(-self._settles * (self._handler_ms + bounds.ahead_ms) // passed_ms)
            self._floor = max(bounds.least, min(bounds.most, in_time))
            self._since_ms, self._settles = now_ms, 0


@dataclass(slots=True)
class Windows:
    """Those of all agents of a lane; they mirror a hash in Redis. Changes go with whatever is committed next.

    `now_ms` is the lane's clock, set before each fold.
    """

    bounds: Bounds
    shares: Mapping[str, int] = field(default_factory=dict[str, int])
    """What an agent's window begins with, if that is more than `START`; may change."""
    now_ms: int = 0
    _all: dict[str, Window] = field(default_factory=dict[str, Window])
    _changed: dict[str, None] = field(default_factory=dict[str, None])

    def load(self, sizes: Mapping[str, int]) -> None:
        """Take in what Redis has; bounds that have changed since count."""
        for agent, size in sizes.items():
            self._all[agent] = Window(self.bounds, max(self.bounds.least, min(self.bounds.most, size)))

    def of(self, agent: str) -> Window:
        """Give an agent's window, perhaps a new one."""
        found = self._all.get(agent)
        if found is None:
            found = self._all[agent] = Window(self.bounds, 0, begins=True)
        if found.begins:
            start = max(START, self.shares.get(agent, 0))
            found.size = max(self.bounds.least, min(self.bounds.most, start))
        return found

    def settled(self, agent: str, released_ms: int, handler_ms: int) -> None:
        """Take a settled attempt into account that was let out at `released_ms`."""
        window = self.of(agent)
        size = window.size
        window.settled(self.now_ms - released_ms - handler_ms, handler_ms, self.now_ms)
        if window.size != size:
            self._changed[agent] = None

    def sizes(self) -> dict[str, int]:
        """Say how large each is."""
        return {agent: window.size for agent, window in self._all.items()}

    def take_changes(self) -> dict[str, str]:
        """Take what a commit has to store."""
        changed, self._changed = self._changed, {}
        return {agent: str(self._all[agent].size) for agent in changed}
