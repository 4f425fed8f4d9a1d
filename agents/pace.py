"""How much a worker finished lately: looked at every few seconds by who tells it, never by the work itself."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argosy.broker.lag import WINDOW_SECONDS
from argosy.broker.offsets import Tracker
from argosy.broker.presence import PartSaid, Progress

SHORTEST_SECONDS: Final = 1.0
"""Looks that follow closer add nothing."""


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    seconds: float
    busy: bool
    done: Mapping[int, int]


class Pace:
    """The looks of the last minute: at most one a second."""

    def __init__(self, now: float) -> None:
        """Begin; `now` is monotonic, in seconds."""
        self._at = now
        self._seen: dict[int, tuple[int, int]] = {}
        self._looks: deque[_Look] = deque()
        self._was_busy = False

    def look(self, now: float, trackers: Mapping[int, Tracker]) -> Progress:
        """Look at the trackers by partition, and tell. A new assignment is counted from its beginning."""
        if now - self._at >= SHORTEST_SECONDS:
            self._add(now, trackers)
        done: Counter[int] = Counter()
        for look in self._looks:
            done.update(look.done)
        return Progress(
            parts={
                number: PartSaid(
                    next=-1 if tracker.next is None else tracker.next, open=tracker.open, done=done[number]
                )
                for number, tracker in trackers.items()
            },
            seconds=round(sum(look.seconds for look in self._looks), 1),
            busy_seconds=round(sum(look.seconds for look in self._looks if look.busy), 1),
        )

    def _add(self, now: float, trackers: Mapping[int, Tracker]) -> None:
        done: dict[int, int] = {}
        for number, tracker in trackers.items():
            epoch, before = self._seen.get(number, (tracker.epoch, 0))
            more = tracker.finished - (before if epoch == tracker.epoch else 0)
            if more:
                done[number] = more
        self._seen = {number: (tracker.epoch, tracker.finished) for number, tracker in trackers.items()}
        is_busy = any(tracker.open for tracker in trackers.values())
        self._looks.append(_Look(now, now - self._at, self._was_busy or is_busy or bool(done), done))
        self._at, self._was_busy = now, is_busy
        while self._looks and self._looks[0].at < now - WINDOW_SECONDS:
            self._looks.popleft()
