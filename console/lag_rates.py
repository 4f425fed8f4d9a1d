"""How fast work comes and is finished, whether a queue grows, and how long it takes to drain. Pure.

What came in the last minute stands in the log: its records bear the time of their append. What was finished, each
worker says with its presence; of a group that has no such workers (receivers, lanes) two measures tell it.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from argosy.broker.lag import WINDOW_SECONDS, GroupLag
from argosy.broker.presence import Progress

Trend = Literal["growing", "shrinking", "steady"]
STEADY_SHARE: Final = 0.1
"""Of what came or was finished: a smaller difference is none."""
WATCHED_SECONDS: Final = 50.0
"""Who has watched for less, with beats of some seconds, can't say that nothing happened for a minute."""
MEASURES: Final = 64
"""So many are kept at most, for comparison with the oldest of the last minute."""
SHORTEST_SECONDS: Final = 1.0
"""Measures closer to each other than this tell nothing: coordinators commit once a second."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Messages a second. None: not known. `pace` is the rate while there was something to do: what a drain goes by."""

    arriving: float | None = None
    finishing: float | None = None
    pace: float | None = None
    watched_seconds: float = 0.0
    """How long it was looked at what is finished."""

    @property
    def done(self) -> int | None:
        """How many were finished in the last minute; None: it wasn't watched for so long."""
        if self.finishing is None or self.watched_seconds < WATCHED_SECONDS:
            return None
        return round(self.finishing * WINDOW_SECONDS)

    def trend(self, messages: int) -> Trend | None:
        """Say what the last minute did to a queue of so many.

        An empty one is steady: what came in that minute may have been finished before anybody watched.
        """
        if self.arriving is None or self.finishing is None:
            return None
        if not messages:
            return "steady"
        came, went = self.arriving * WINDOW_SECONDS, self.finishing * WINDOW_SECONDS
        if abs(came - went) <= max(1.0, STEADY_SHARE * max(came, went)):
            return "steady"
        return "growing" if came > went else "shrinking"

    def drain_seconds(self, messages: int) -> float | None:
        """Say how long these take at the pace of today; None: nothing was finished lately, or nobody knows."""
        if not messages:
            return 0.0
        return round(messages / self.pace, 1) if self.pace else None


def arriving(offsets: int) -> float:
    """Give the rate of what came in the last minute."""
    return offsets / WINDOW_SECONDS


def finished(progress: Iterable[Progress], partition: int | None = None) -> tuple[float, float, float] | None:
    """Sum up what workers say that they finished, of one partition, or of all; None: nobody says.

    Returns messages a second, messages a second of work, and for how many seconds the one watched that did longest.
    """
    finishing = pace = watched = 0.0
    said = False
    for each in progress:
        if not each.seconds or (partition is not None and partition not in each.parts):
            continue
        done = each.done if partition is None else each.parts[partition].done
        finishing += done / each.seconds
        pace += done / each.busy_seconds if each.busy_seconds else 0.0
        watched, said = max(watched, each.seconds), True
    return (finishing, pace, watched) if said else None


@dataclass(frozen=True, slots=True)
class _Measure:
    at_ms: int
    committed: Mapping[tuple[str, int], int]


@dataclass(slots=True)
class Measures:
    """Commits as they were measured in the last minute: a bounded number of measures."""

    kept: deque[_Measure] = field(default_factory=lambda: deque[_Measure](maxlen=MEASURES))

    def keep(self, groups: Iterable[GroupLag], at_ms: int) -> None:
        """Keep a measure."""
        committed = {
            (group.group, one.partition): one.committed
            for group in groups
            for one in group.partitions
            if one.committed is not None
        }
        self.kept.append(_Measure(at_ms, committed))
        while self.kept and self.kept[0].at_ms < at_ms - WINDOW_SECONDS * 1000:
            self.kept.popleft()

    def finishing(
        self, group: GroupLag, now_ms: int, partition: int | None = None
    ) -> tuple[float, float] | None:
        """Give the rate at which a group committed since the oldest measure, and how many seconds ago that was.

        None: there is none that is old enough.
        """
        if not self.kept or now_ms - self.kept[0].at_ms < SHORTEST_SECONDS * 1000:
            return None
        first = self.kept[0]
        moved = 0
        for one in group.partitions:
            before = first.committed.get((group.group, one.partition), one.start)
            if partition in {None, one.partition} and one.committed is not None:
                moved += max(0, one.committed - before)
        seconds = (now_ms - first.at_ms) / 1000
        return moved / seconds, seconds
