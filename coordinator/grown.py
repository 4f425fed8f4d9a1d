"""Runs that were folded since the last commit: what each was counted as before.

A turn may fold hundreds of results of one run. What they leave is written as text and counted once, for its commit.
"""

from argosy.coordinator.event import Event
from argosy.coordinator.lane_load import size_of
from argosy.coordinator.state import RunState


class Grown:
    """By run. Only such as are under way: a tombstone counts as nothing."""

    def __init__(self) -> None:
        """Nothing was folded yet."""
        self._before: dict[str, tuple[int, Event]] = {}

    def keep(self, event: Event, counted: int) -> None:
        """Keep that an event changed its run, which is counted as so many bytes."""
        self._before[event.run_id] = counted, event

    def counted(self, run_id: str, state: RunState | None) -> int:
        """Say as how many bytes a run is counted."""
        found = self._before.get(run_id)
        return size_of(state) if found is None else found[0]

    def let_go(self, run_id: str, state: RunState | None) -> int:
        """Say as how many bytes a run is counted that has ended, or is counted no more."""
        counted = self.counted(run_id, state)
        self._before.pop(run_id, None)
        return counted

    def take(self) -> dict[str, tuple[int, Event]]:
        """Take as how many bytes runs are counted, each with its last event."""
        before, self._before = self._before, {}
        return before
