"""The chain of a lane's commits.

Each names the one before it, so that another owner, a rollback or a wipe shows at once.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from argosy.broker.keys import LaneKeys
from argosy.broker.store import Reply, Script, Store
from argosy.coordinator.writes import Writes
from argosy.schemas.errors import ChainBroken, Refused, Unreachable
from argosy.telemetry import logs

_TAKE: Final = Script(__file__, "take")
_COMMIT: Final = Script(__file__, "commit")
_PAUSE_SECONDS: Final = 0.05
_PAUSE_MOST_SECONDS: Final = 1.0
UNTOUCHED: Final = ""
DELETED: Final = "-"


@dataclass(frozen=True, slots=True)
class Taken:
    """What Redis held when the lane was taken."""

    identity: str
    live: str
    """The identity under which the lane was last marked live; empty: never, or lost."""
    checkpoint: dict[str, str]
    now_ms: int
    """The server's clock, epoch milliseconds: all hosts that take lanes share it."""


class Chain:
    """One owner's commits of one lane, strictly one after another."""

    def __init__(self, store: Store, keys: LaneKeys) -> None:
        """Nothing is written until `take`."""
        self._store, self._keys = store, keys
        self._last = ""
        self.identity = ""
        self._log = logs.get("argosy.lane")

    async def take(self) -> Taken:
        """Become the owner; call it only after the broker has proved that we are in the group.

        Waits out an unreachable server.
        """
        own = _new_id()
        reply = await self._until_known(lambda: self._store.run(_TAKE, self._pair, [own]))
        match reply:
            case [bytes(identity), bytes(live), list(flat), int(now_ms)]:
                words = [part.decode() for part in flat if isinstance(part, bytes)]
            case _:
                message = f"take.lua answered {reply!r}"
                raise Refused(message)
        self._last, self.identity = own, identity.decode()
        fields = dict(zip(words[::2], words[1::2], strict=True))
        return Taken(self.identity, live.decode(), fields, now_ms)

    async def commit(self, writes: Writes, checkpoint: Mapping[str, str], *, mark: str = UNTOUCHED) -> None:
        """Apply the writes and the checkpoint's fields (empty value: delete) at once.

        `mark`: UNTOUCHED, DELETED, or the identity under which the lane becomes live. An unknown outcome is
        retried as it is. Raises ChainBroken when another commit than ours is the last one or the server is
        another one: take the lane again.
        """
        own = _new_id()
        fields = [part for pair in checkpoint.items() for part in pair]
        args = [self._last, own, mark, len(fields), *fields, *writes.args]
        keys = [*self._pair, *writes.keys]
        reply = await self._until_known(lambda: self._store.run(_COMMIT, keys, args))
        match reply:
            case [bytes(status), bytes(identity)]:
                pass
            case _:
                message = f"commit.lua answered {reply!r}"
                raise Refused(message)
        if status not in {b"applied", b"done"} or identity.decode() != self.identity:
            message = f"lane {self._keys.lane}: commit {status.decode()} by server {identity.decode()}"
            raise ChainBroken(message)
        self._last = own

    @property
    def _pair(self) -> list[str]:
        return [self._keys.checkpoint, self._keys.live]

    async def _until_known(self, call: Callable[[], Awaitable[Reply]]) -> Reply:
        pause = _PAUSE_SECONDS
        while True:
            try:
                return await call()
            except (Unreachable, Refused) as error:
                # Never a run's fault, so never a quarantine: this commit's outcome must be learnt first.
                self._log.warning("commit waits for Redis", lane=self._keys.lane, error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_MOST_SECONDS)


def _new_id() -> str:
    return secrets.token_hex(8)
