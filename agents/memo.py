"""Memos of a task, in its key.

Looked up under a live mark only, set if absent, always under the claim's fence.
"""

from dataclasses import dataclass
from typing import Final

from argosy.agents.lanes import Lanes
from argosy.agents.order import Order
from argosy.broker.keys import LaneKeys
from argosy.broker.store import Reply, Script, Store
from argosy.schemas.errors import ClaimLost


@dataclass(frozen=True, slots=True)
class Found:
    """A memo's JSON; `offset` in the run log if it is a logged one."""

    value: bytes
    offset: int | None


@dataclass(frozen=True, slots=True)
class Absent:
    """No such memo, under a live mark: its effect was not recorded."""


@dataclass(frozen=True, slots=True)
class NotLive:
    """The lane isn't live: what isn't there may be in the log, what was set isn't recorded yet. Ask again soon."""


_MEMO: Final = Script(__file__, "memo")


@dataclass(frozen=True, slots=True)
class Memos:
    """Looks up and sets.

    Both are idempotent, raise ClaimLost if the claim is gone, and Unreachable or Refused.
    """

    store: Store
    lanes: Lanes
    lease_ms: int
    window_ms: int

    async def look(self, order: Order, fence: str, name: str) -> Found | Absent | NotLive:
        """Look a memo up. Only `Absent` allows the effect to be made."""
        return await self._ask(order, fence, name, b"look")

    async def set(self, order: Order, fence: str, name: str, value: bytes) -> Found | NotLive:
        """Set a memo that isn't logged, if it is absent; the stored value comes back, whoever set it.

        Only `Found` says that it is recorded. `NotLive`: it is kept for three leases, as the claim is; were it
        relied upon, and this worker died in a rebuild that takes longer, its effect would be made again.
        """
        found = await self._ask(order, fence, name, b"set" + value)
        if isinstance(found, Absent):
            message = f"memo.lua set {name!r} and gave {found!r}"
            raise TypeError(message)
        return found

    async def _ask(self, order: Order, fence: str, name: str, action: bytes) -> Found | Absent | NotLive:
        body = order.body
        args = (
            order.local,
            body.attempt,
            fence,
            self.lease_ms,
            body.run_deadline_ms + self.window_ms,
            name,
            action,
        )

        async def call(keys: LaneKeys, epoch: str) -> Reply:
            names = (keys.checkpoint, keys.live, keys.run(epoch, order.run_id), keys.task(body.task_id))
            return await self.store.run(_MEMO, names, (epoch, *args))

        return _read(await self.lanes.ask(body.lane, call))


def _read(reply: object) -> Found | Absent | NotLive:
    match reply:
        case [b"found", bytes(value), bytes(offset)]:
            return Found(value, None if offset == b"-1" else int(offset))
        case [b"absent"]:
            return Absent()
        case [b"not_yet"]:
            return NotLive()
        case [b"over"]:
            message = "the task, its attempt or its run has ended"
            raise ClaimLost(message)
        case [b"loss"]:
            message = "another worker holds this task"
            raise ClaimLost(message)
        case _:
            message = f"memo.lua gave {reply!r}"
            raise TypeError(message)
