"""What an event loop of virtual time runs next: what is ready, what is due, and in which order."""

import asyncio
import heapq
import random
from itertools import count
from typing import Final

from argosy.testing.gate import Gate

Entry = tuple[asyncio.Handle, Gate | None]
"""A callback, and the gate of the process that it is of."""


class Schedule:
    """Ready callbacks keep their order, as asyncio promises; with `chance` it orders the steps of different tasks."""

    def __init__(self, chance: random.Random | None) -> None:
        """Nothing is to be done yet."""
        self.ready: list[Entry] = []
        self._chance: Final = chance
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Gate | None]] = []
        self._numbers = count()

    def at(self, handle: asyncio.TimerHandle, gate: Gate | None) -> None:
        """Run it when its time has come. A cancelled timer is passed over then."""
        heapq.heappush(self._timers, (handle.when(), next(self._numbers), handle, gate))

    def next(self, now: float) -> float | None:
        """Say when something can run: `now` if something is ready, else when the next timer is due; None: never."""
        timers = self._timers
        if self.ready:
            return now
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        return max(now, timers[0][0]) if timers else None

    def take(self, now: float) -> list[Entry]:
        """Take what is to run in one turn."""
        timers = self._timers
        while timers and timers[0][0] <= now:
            _, _, timer, gate = heapq.heappop(timers)
            self.ready.append((timer, gate))
        entries, self.ready = self.ready, []
        if self._chance is not None and len(entries) > 1:
            _shuffle(entries, self._chance)
        return entries

    def clear(self) -> None:
        """Forget all."""
        self.ready.clear()
        self._timers.clear()


def _shuffle(entries: list[Entry], chance: random.Random) -> None:
    places = [place for place, entry in enumerate(entries) if _is_step(entry[0])]
    if len(places) > 1:
        order = places.copy()
        chance.shuffle(order)
        before = entries.copy()
        for place, source in zip(places, order, strict=True):
            entries[place] = before[source]


def _is_step(handle: asyncio.Handle) -> bool:
    """Say whether a callback is a step of a task."""
    callback: object = getattr(handle, "_callback", None)
    return isinstance(getattr(callback, "__self__", None), asyncio.Task)
