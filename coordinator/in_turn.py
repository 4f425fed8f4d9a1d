"""Whose turn it is: what came of one run, in the order in which it came, as long as it is on its way to the run log.

A run that nobody knows yet takes no signal and no answer: one that overtook its submit would be lost.
"""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Place:
    """The place of one record behind those of its run that came before it."""

    run: bytes
    first: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once all that came before it are over."""
    over: bool = False
    after: "Place | None" = None


class InTurn:
    """The records of one process that are under way; a run of which none is costs nothing."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._last: dict[bytes, Place] = {}

    def __contains__(self, run: bytes) -> bool:
        """Whether something of a run is under way."""
        return run in self._last

    def join(self, run: bytes) -> Place:
        """Take the place behind what is under way of a run."""
        place, before = Place(run), self._last.get(run)
        if before is None:
            place.first.set()
        else:
            before.after = place
        self._last[run] = place
        return place

    def leave(self, place: Place) -> None:
        """Be over; the next in line is first when all before it are."""
        place.over = True
        following: Place | None = place
        while following is not None and following.over and following.first.is_set():
            if following.after is None:
                del self._last[following.run]
            else:
                following.after.first.set()
            following = following.after
