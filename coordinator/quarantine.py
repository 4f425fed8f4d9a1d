"""Runs whose fold raised: set aside with the error, so that the lane goes on.

At its deadline such a run ends as failed.

A release that mends the fold raises the layout number, and lanes are rebuilt from the log.
"""

from collections.abc import Iterable

from pydantic import BaseModel

from argosy.coordinator.event import Event
from argosy.coordinator.state import RunState
from argosy.schemas.fault import MESSAGE_CHARACTERS, Fault
from argosy.schemas.runlog import RunAccepted, RunEnded


class SetAside(BaseModel, frozen=True):
    """What must be known to end a run without folding it."""

    offset: int
    """The record whose fold raised; 0 if the run was folded, and a record of ours could not be written."""
    error: str
    deadline_ms: int
    data_hash: str = ""
    pipeline: str = ""
    accepted_ms: int = 0
    traceparent: str | None = None


class Quarantine:
    """The runs set aside in a lane; they mirror a hash in Redis."""

    def __init__(self, stored: Iterable[tuple[str, bytes]] = ()) -> None:
        """Start with what Redis has."""
        self._runs = {run_id: SetAside.model_validate_json(value) for run_id, value in stored}
        self._changes: dict[str, bytes | None] = {}

    def __contains__(self, run_id: str) -> bool:
        """Say whether a run is set aside."""
        return run_id in self._runs

    def __getitem__(self, run_id: str) -> SetAside:
        """Return what is kept of a run."""
        return self._runs[run_id]

    def put(self, run_id: str, kept: SetAside) -> None:
        """Set a run aside."""
        self._runs[run_id] = kept
        self._changes[run_id] = kept.model_dump_json(exclude_defaults=True).encode()

    def remove(self, run_id: str) -> None:
        """Forget a run: it has ended."""
        del self._runs[run_id]
        self._changes[run_id] = None

    def accepted_before(self, time_ms: int) -> list[str]:
        """Name the runs that were accepted before then."""
        return [run_id for run_id, kept in self._runs.items() if kept.accepted_ms < time_ms]

    @property
    def dirty(self) -> bool:
        """Whether a commit has something to write."""
        return bool(self._changes)

    def take_changes(self) -> dict[str, bytes | None]:
        """Take what a commit has to set, or (None) to remove."""
        changes, self._changes = self._changes, {}
        return changes


def set_aside(state: RunState | None, event: Event, error: Exception, longest_ms: int) -> SetAside:
    """Keep what is needed of a run whose fold raised; total: the state itself may be what is damaged."""
    text = f"{type(error).__name__}: {error}"[:1_000]
    message = event.message
    if isinstance(message, RunAccepted) and (state is None or state.st in ("", "cancel")):
        return SetAside(
            offset=event.offset,
            error=text,
            deadline_ms=message.deadline_ms,
            data_hash=message.data_hash,
            pipeline=f"{message.pipeline.name}@{message.pipeline.version}",
            accepted_ms=event.time_ms,
            traceparent=event.traceparent,
        )
    return unsent(state, event.time_ms, error, longest_ms, event.offset)


def unsent(
    state: RunState | None, time_ms: int, error: Exception, longest_ms: int, offset: int = 0
) -> SetAside:
    """Keep what is needed of a run of which a record can't be written; total, as `set_aside`."""
    deadline = state.get("dl") if state is not None else None
    try:
        pinned = state.pinned if state is not None else None
    except (KeyError, ValueError):
        pinned = None
    return SetAside(
        offset=offset,
        error=f"{type(error).__name__}: {error}"[:1_000],
        deadline_ms=int(deadline) if deadline is not None and deadline.isdigit() else time_ms + longest_ms,
        data_hash=pinned.data_hash if pinned else "",
        accepted_ms=pinned.accepted_ms if pinned else time_ms,
        traceparent=pinned.traceparent if pinned else None,
    )


def end_of(kept: SetAside) -> RunEnded:
    """Make the `run.ended` of a run that is set aside, at its deadline."""
    text = f"the coordinator could not go on with this run: {kept.error}"[:MESSAGE_CHARACTERS]
    return RunEnded(
        outcome="failed",
        data_hash=kept.data_hash,
        pipeline=kept.pipeline,
        fault=Fault(code="coordinator", message=text),
        accepted_ms=kept.accepted_ms,
    )
