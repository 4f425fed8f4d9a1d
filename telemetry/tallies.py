"""Counts and distributions kept in plain numbers, and told when somebody collects: the SDK takes 6 us for each record.

A counter is one that the SDK asks (an observable one), whoever set the SDK up. There is no such histogram: ours are put
beside what the SDK has collected by a reader of our own (`tally_reader`).
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from opentelemetry.metrics import CallbackOptions, Observation

from argosy.telemetry.label_bounds import Labels, bounded


class Count:
    """One counter. Its numbers are those since the process began."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._counts: dict[Labels, int] = {}
        self._lock: Final = threading.Lock()

    def add(self, *labels: tuple[str, str], more: int = 1) -> None:
        """Count one more, or several."""
        with self._lock:
            count = self._counts.get(labels)
            if count is None:
                labels = bounded(labels, len(self._counts))
                count = self._counts.get(labels, 0)
            self._counts[labels] = count + more

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Tell the numbers to the SDK."""
        with self._lock:
            found = list(self._counts.items())
        return [Observation(count, dict(labels)) for labels, count in found]


@dataclass(slots=True)
class Cell:
    """What was recorded under one set of labels."""

    buckets: list[int]
    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")


class Distribution:
    """One histogram with fixed bounds; a value equal to a bound lies below it."""

    def __init__(self, name: str, unit: str, description: str, bounds: Sequence[float]) -> None:
        """Begin empty."""
        self.name, self.unit, self.description, self.bounds = name, unit, description, tuple(bounds)
        self._cells: dict[Labels, Cell] = {}
        self._lock: Final = threading.Lock()
        self.began_ns = time.time_ns()

    def record(self, values: Iterable[float], *labels: tuple[str, str]) -> None:
        """Add values."""
        bounds = self.bounds
        with self._lock:
            cell = self._cells.get(labels)
            if cell is None:
                labels = bounded(labels, len(self._cells))
                cell = self._cells.setdefault(labels, Cell([0] * (len(bounds) + 1)))
            for value in values:
                cell.buckets[bisect_left(bounds, value)] += 1
                cell.count += 1
                cell.total += value
                if value < cell.least:  # noqa: PLR1730 - a call takes three times as long
                    cell.least = value
                if value > cell.most:  # noqa: PLR1730
                    cell.most = value

    def collected(self) -> list[tuple[Labels, Cell]]:
        """Return all that was recorded since the process began."""
        with self._lock:
            return [
                (labels, replace(cell, buckets=list(cell.buckets))) for labels, cell in self._cells.items()
            ]
