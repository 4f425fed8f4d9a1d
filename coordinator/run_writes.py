"""What a commit writes of a run: the fields that have changed, or the whole hash anew."""

from typing import Final

from argosy.coordinator.fold import CANCEL_AHEAD_MS
from argosy.coordinator.state import RunState
from argosy.coordinator.writes import Writes

_CANCEL_MS: Final = 2 * CANCEL_AHEAD_MS
"""Twice as long as it counts: its lane may be behind."""


def write_run(state: RunState | None, key: str, writes: Writes, tombstone_ms: int, *, anew: bool) -> None:
    """Write one; None: there is no such run any more."""
    if anew:
        writes.delete(key)
    if state is None:
        return
    changes = state.changes()
    if anew:
        writes.hset(key, state.dump())
    else:
        writes.hset(key, {name: value for name, value in changes.items() if value is not None})
        writes.hdel(key, [name for name, value in changes.items() if value is None])
    if state.st == "ended":
        writes.expire(key, tombstone_ms)
    elif state.st == "cancel":
        writes.expire(key, _CANCEL_MS)
