"""The active runs that a lane has in memory: loaded on demand, capped in bytes.

A run that waits costs no memory.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from argosy.broker.keys import LaneKeys
from argosy.broker.store import Store
from argosy.coordinator.patience import patiently
from argosy.coordinator.state import RunState, load

_UNKNOWN_BYTES = 200
"""What it costs to remember that a run doesn't exist."""
_MOST_OVER = 1_000
"""Runs that have ended, or don't exist, and are kept for what comes late: a repeated submit, a second copy of a settle.
Else each run of a fleet would stay until the cap, which is there for active ones."""


class Runs:
    """Least recently used first. What fold has touched stays until its commit is through."""

    def __init__(self, store: Store, keys: LaneKeys, epoch: str, most_bytes: int) -> None:
        """Nothing is loaded yet."""
        self._store, self._keys, self._epoch, self._most_bytes = store, keys, epoch, most_bytes
        self._held: OrderedDict[str, RunState | None] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._over: OrderedDict[str, None] = OrderedDict()

    def __getitem__(self, run_id: str) -> RunState | None:
        """Return a run that was loaded; None: there is no such run. KeyError if it wasn't asked for."""
        self._held.move_to_end(run_id)
        return self._held[run_id]

    def __setitem__(self, run_id: str, state: RunState | None) -> None:
        """Keep what fold made of a run."""
        self._held[run_id] = state
        self._held.move_to_end(run_id)
        self.measure(run_id)
        if state is None or state.st == "ended":
            self._over[run_id] = None
            self._over.move_to_end(run_id)
        elif run_id in self._over:
            del self._over[run_id]

    def measure(self, run_id: str) -> None:
        """Take notice of what a run takes that was changed where it is; its views are written as text."""
        state = self._held[run_id]
        size = _UNKNOWN_BYTES if state is None else state.bytes_estimate()
        self._bytes += size - self._sizes.get(run_id, 0)
        self._sizes[run_id] = size

    def forget(self, run_id: str) -> None:
        """Load it again when it is asked for."""
        if run_id in self._held:
            del self._held[run_id]
            self._bytes -= self._sizes.pop(run_id)
            self._over.pop(run_id, None)

    async def load(self, run_ids: Iterable[str]) -> None:
        """Have these in memory, all that are missing with one round trip; waits while Redis is away."""
        missing = [run_id for run_id in dict.fromkeys(run_ids) if run_id not in self._held]
        if not missing:
            return
        hashes = await patiently("runs", lambda: self._read(missing))
        for run_id, found in zip(missing, hashes, strict=True):
            self[run_id] = load(run_id, {name.decode(): value for name, value in found.items()})

    async def _read(self, run_ids: Sequence[str]) -> list[dict[bytes, bytes]]:
        keys = [self._keys.run(self._epoch, run_id) for run_id in run_ids]
        return await asyncio.gather(*(self._store.hgetall(key) for key in keys))

    def shrink(self) -> None:
        """Get below the cap; call it when nothing is uncommitted.

        What is over goes whatever the cap says, but for the newest; then what was not used for the longest.

        Of a run that is larger than the cap by itself only what can be read again from its own fields is given
        up at first: it would have to be loaded again for each of its tasks.
        """
        while len(self._over) > _MOST_OVER:
            self.forget(next(iter(self._over)))
        for run_id, state in self._held.items():
            if self._bytes <= self._most_bytes:
                return
            if state is not None and state.held_bytes:
                state.let_go()
                self.measure(run_id)
        while self._bytes > self._most_bytes and self._held:
            self.forget(next(iter(self._held)))
