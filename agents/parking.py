"""Parked orders: not to be claimed yet. They hold no slot, and have a cap of their own."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

T = TypeVar("T")

Why = Literal["not_yet", "busy", "suspect", "lost", "newer", "waiting", "expired"]
"""Not live yet; another's lease; one suspect at a time; the claim was lost; a newer release's.

A service asked to wait; the task's deadline has passed, and the coordinator hasn't told yet what that means.
"""

_SECONDS: Final[dict[Why, tuple[float, float]]] = {
    "not_yet": (0.15, 2.0),
    "busy": (0.02, 0.02),
    "suspect": (0.15, 1.0),
    "lost": (0.1, 0.1),
    "newer": (5.0, 60.0),
    "waiting": (0.0, 0.0),
    "expired": (2.0, 60.0),
}
"""How long each is parked at first and at most, beside what the other's lease or a service asks for."""
_TOLD_AGAIN: Final = frozenset[Why]({"not_yet", "expired"})
"""Those that may be forgotten: the coordinator sends every `out` entry again when it marks the lane live, and each
deadline has a timer of its own."""


def seconds_of(why: Why, parks: int) -> float:
    """Return how long to park what was parked so often before: thousands must not ask many times a second."""
    first, most = _SECONDS[why]
    return min(most, first * (1 << min(parks, 8)))


@dataclass(slots=True, eq=False)
class _Spot(Generic[T]):
    what: T | None
    why: Why


@dataclass(slots=True)
class Parking(Generic[T]):
    """What is parked, by when it is due. Above `most`, the oldest `not_yet` or `expired` are to be marked finished.

    That is safe for these alone.
    """

    most: int
    _due: list[tuple[float, int, _Spot[T]]] = field(default_factory=list[tuple[float, int, _Spot[T]]])
    _early: deque[_Spot[T]] = field(default_factory=deque[_Spot[T]])
    _count: int = 0
    _firm: int = 0
    """Those that are never given out before they are due."""
    _made: int = 0

    def __len__(self) -> int:
        """Count what is parked."""
        return self._count

    def __iter__(self) -> Iterator[T]:
        """Look at what is parked, in no order."""
        return (spot.what for _, _, spot in self._due if spot.what is not None)

    @property
    def full(self) -> bool:
        """Whether more would pass the cap: for those of one paused lane room is made, or it would stop all others."""
        return self._firm >= self.most

    def park(self, what: T, why: Why, due: float) -> list[T]:
        """Park until `due` (the clock is the caller's).

        Return what is over the cap and to be marked finished.
        """
        spot = _Spot(what, why)
        self._made += 1
        heapq.heappush(self._due, (due, self._made, spot))
        self._count += 1
        if why in _TOLD_AGAIN:
            self._early.append(spot)
        else:
            self._firm += 1
        return self._overdue()

    def due(self, now: float) -> list[T]:
        """Take out what is due, the longest overdue first."""
        found: list[T] = []
        while self._due and self._due[0][0] <= now:
            _, _, spot = heapq.heappop(self._due)
            found += self._take(spot)
        self._trim()
        return found

    def next_due(self) -> float | None:
        """Return when the next one is due; None if nothing is parked."""
        while self._due and self._due[0][2].what is None:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def clear(self) -> None:
        """Forget all: the partitions went, whoever gets them reads the records again."""
        self._due.clear()
        self._early.clear()
        self._count = self._firm = 0

    def _overdue(self) -> list[T]:
        over: list[T] = []
        while self._count > self.most and self._early:
            over += self._take(self._early.popleft())
        return over

    def _take(self, spot: _Spot[T]) -> list[T]:
        what, spot.what = spot.what, None
        if what is None:
            return []
        self._count -= 1
        self._firm -= spot.why not in _TOLD_AGAIN
        return [what]

    def _trim(self) -> None:
        while self._early and self._early[0].what is None:
            self._early.popleft()
