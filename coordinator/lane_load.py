"""What a lane has under way: runs in all and by pipeline, and what their state takes. Counted as runs begin and end.

The counts are written by the commits that hold the runs themselves, so they are as true as these; receivers read them.
"""

from collections.abc import Mapping
from typing import Final

from argosy.coordinator.plan import plan_of
from argosy.coordinator.state import RunState

UNDER_WAY: Final = frozenset({"active", "ending"})
_OF: Final = "of:"


class LaneLoad:
    """The counts of one lane; they mirror a hash in Redis."""

    def __init__(self, stored: Mapping[str, int] | None = None) -> None:
        """Start with what Redis has."""
        self._counts = dict(stored or {})
        self._changed: dict[str, None] = {}

    @property
    def runs(self) -> int:
        """Runs under way."""
        return self._counts.get("runs", 0)

    def begin(self, pipeline: str, size: int) -> None:
        """Count a run of so many bytes that has begun."""
        self._add("runs", 1)
        self._add("bytes", size)
        self._add(_OF + pipeline, 1)

    def grow(self, size: int) -> None:
        """Count what a run under way takes more, or less, than before."""
        if size:
            self._add("bytes", size)

    def end(self, pipeline: str, size: int) -> None:
        """Count a run of so many bytes no more."""
        self._add("runs", -1)
        self._add("bytes", -size if self.runs else -self._counts.get("bytes", 0))
        self._add(_OF + pipeline, -1)

    def _add(self, name: str, more: int) -> None:
        # State of a release that didn't count yet: what began then is not there to be taken away.
        self._counts[name] = max(0, self._counts.get(name, 0) + more)
        self._changed[name] = None

    @property
    def dirty(self) -> bool:
        """Whether a commit has something to write."""
        return bool(self._changed)

    def take_changes(self) -> dict[str, int | None]:
        """Take what a commit has to set, or (None) to remove: what is none."""
        changed, self._changed = self._changed, {}
        changes = {name: self._counts[name] or None for name in changed}
        for name, count in changes.items():
            if count is None:
                del self._counts[name]
        return changes


def size_of(state: RunState | None) -> int:
    """Say what a run takes while it is under way; a tombstone counts as nothing."""
    return state.stored_bytes if state is not None and state.st in UNDER_WAY else 0


def pipeline_of(state: RunState) -> str:
    """Name the pipeline of a run; empty if its state is damaged."""
    try:
        title = plan_of(state.pinned.identity, state.get("plan") or b"").title
    except (KeyError, ValueError):
        return ""
    return title.partition("@")[0]


def of_pipeline(name: str) -> str:
    """Name the field of a pipeline."""
    return _OF + name
