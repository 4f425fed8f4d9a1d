"""Holding on to claims: renewing leases, putting back what Redis lost, storing a result.

All of it is `hold.lua`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from argosy.agents.lanes import Lanes
from argosy.agents.order import Order
from argosy.broker.keys import LaneKeys
from argosy.broker.store import Arg, Reply, Script, Store

Held = Literal["ok", "over", "loss"]
"""`ok`: ours; `over`: run, task or attempt has ended, the claim was given up; `loss`.

Another fence holds it.
"""

HOLD: Final = Script(__file__, "hold")
MOST: Final = 50
"""Claims in one call: a script must not hold the server for long."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One claim, as `hold.lua` is told of it."""

    order: Order
    fence: str
    lease_ms: int
    result: bytes = b""


@dataclass(frozen=True, slots=True)
class Holds:
    """The call in its two forms.

    From the event loop for one claim, and as keys and arguments for the lease thread.
    """

    lanes: Lanes
    lease_ms: int
    window_ms: int

    async def store_result(self, store: Store, holding: Holding) -> Held:
        """Store a result under the fence, as the first step of a settle; idempotent.

        Raises Unreachable, Refused.
        """

        async def call(keys: LaneKeys, epoch: str) -> Reply:
            return await store.run(HOLD, *self.arguments(keys, epoch, (holding,)))

        return read_held((await self.lanes.ask(holding.order.body.lane, call))[0])

    def arguments(
        self, keys: LaneKeys, epoch: str, holdings: Sequence[Holding]
    ) -> tuple[list[str], list[Arg]]:
        """Build KEYS and ARGV for claims of one lane, at most `MOST`."""
        names = [keys.checkpoint, keys.live]
        args: list[Arg] = [epoch, self.lease_ms]
        for holding in holdings:
            body = holding.order.body
            names += (keys.run(epoch, holding.order.run_id), keys.task(body.task_id))
            args += (
                holding.order.local,
                body.attempt,
                holding.fence,
                holding.lease_ms,
                body.run_deadline_ms + self.window_ms,
                holding.result,
            )
        return names, args


def read_held(reply: Reply) -> Held:
    """Read what was said of one claim."""
    match reply:
        case b"ok":
            return "ok"
        case b"over":
            return "over"
        case b"loss":
            return "loss"
        case _:
            message = f"hold.lua gave {reply!r}"
            raise TypeError(message)
