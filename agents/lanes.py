"""Asking scripts of a lane: which keys they get, and under which state epoch.

A run's key lies under the lane's state epoch, which only the lane's checkpoint knows. So a script is told the
epoch that we believe in, changes
nothing if that is wrong, and says the right one; we remember it per lane and ask again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from argosy.broker.keys import LaneKeys
from argosy.broker.store import Reply
from argosy.schemas.errors import Unreachable

_TURNS = 8
"""A lane changes its epoch once per rebuild.

More turns than this are a lane that is being rebuilt all the time.
"""


@dataclass(slots=True)
class Lanes:
    """The lanes' keys, and the state epochs they were last seen under."""

    prefix: str
    _keys: dict[int, LaneKeys] = field(default_factory=dict[int, LaneKeys])
    _epochs: dict[int, str] = field(default_factory=dict[int, str])

    def keys(self, lane: int) -> LaneKeys:
        """Return the keys of a lane."""
        found = self._keys.get(lane)
        if found is None:
            found = self._keys[lane] = LaneKeys(self.prefix, lane)
        return found

    def epoch(self, lane: int) -> str:
        """Return the epoch that we believe in; empty if the lane was never asked."""
        return self._epochs.get(lane, "")

    def learn(self, lane: int, reply: Reply) -> list[Reply] | None:
        """Take a script's reply; None if it only told the lane's epoch, which is remembered: ask again."""
        if not isinstance(reply, list) or not reply:
            message = f"lane {lane}: a script gave {reply!r}"
            raise TypeError(message)
        if reply[0] == b"epoch" and isinstance(reply[1], bytes):
            self._epochs[lane] = reply[1].decode()
            return None
        return reply

    async def ask(self, lane: int, call: Callable[[LaneKeys, str], Awaitable[Reply]]) -> Sequence[Reply]:
        """Make a call with the lane's keys and epoch until the epoch is right.

        Raises what `call` raises; Unreachable if the epoch changes with every turn.
        """
        keys = self.keys(lane)
        for _ in range(_TURNS):
            found = self.learn(lane, await call(keys, self.epoch(lane)))
            if found is not None:
                return found
        message = f"lane {lane} changes its state epoch with every call"
        raise Unreachable(message)
