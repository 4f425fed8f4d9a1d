"""What a lane has under way: runs in all and by pipeline, what their state takes, and who asks for a larger budget.

Counted as runs begin, change and end. The counts are written by the commits that hold the runs themselves, so they are
as true as these; receivers and people read them.
"""

from collections.abc import Mapping
from typing import Final

from argosy.coordinator.plan import plan_of
from argosy.coordinator.state import RunState
from argosy.schemas.asking import ASKING, ASKING_COUNT, ASKING_FIELD, ASKING_OF
from argosy.schemas.codec import Message
from argosy.schemas.runlog import RunAccepted

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

    @property
    def asking(self) -> dict[str, int]:
        """Runs that wait for a larger budget, by pipeline."""
        if not self._counts.get(ASKING_COUNT):
            return {}
        found = ((name, count) for name, count in self._counts.items() if count)
        return {name.removeprefix(ASKING_OF): count for name, count in found if name.startswith(ASKING_OF)}

    def folded(self, message: Message, state: RunState | None, before: int, ends: str | None) -> None:
        """Count a run that began, grew or ended; `before` is what it took, `ends` its pipeline if it just ended."""
        now = size_of(state)
        if ends is not None:
            self.end(ends, before)
        elif before:
            self.grow(now - before)
        elif now and isinstance(message, RunAccepted):
            self.begin(message.pipeline.name, now)

    def drop(self, state: RunState | None, size: int, asked: bytes | None) -> None:
        """Count a run no more that is set aside or forgotten: it took so many bytes, and asked for this."""
        if size and state is not None:
            pipeline = pipeline_of(state)
            self.end(pipeline, size)
            self.asked(pipeline, asked, None)

    def asked(self, pipeline: str, before: bytes | None, now: bytes | None) -> None:
        """Count a run that asks, or does no more, by its field before and now."""
        more = _asks(now) - _asks(before)
        if more:
            self._add(ASKING_COUNT, more)
            self._add(ASKING_OF + pipeline, more)

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


def asked_of(state: RunState | None) -> bytes | None:
    """Give what a run's state says of its budget: the same object as long as it says the same."""
    return None if state is None else state.get(ASKING_FIELD)


def _asks(asked: bytes | None) -> bool:
    try:
        return asked is not None and ASKING.validate_json(asked).waiting > 0
    except ValueError:  # damaged: the run is set aside
        return False


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
