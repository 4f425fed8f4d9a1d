"""Holding on to claims: renewing leases, putting back what Redis lost, storing a result.

All of it is `hold.lua`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

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


class Holding(NamedTuple):
    """One claim, as `hold.lua` is told of it."""

    order: Order
    fence: str
    lease_ms: int
    result: bytes = b""


@dataclass(frozen=True, slots=True)
class Holds:
    """The call in its two forms: from the event loop with results, and as keys and arguments for the lease thread."""

    lanes: Lanes
    lease_ms: int
    window_ms: int

    async def store_results(self, store: Store, lane: int, holdings: Sequence[Holding]) -> list[Held]:
        """Store results of one lane under their fences, at most `MOST`: the first step of a settle; idempotent.

        Raises Unreachable, Refused.
        """

        async def call(keys: LaneKeys, epoch: str) -> Reply:
            return await store.run(HOLD, *self.arguments(keys, epoch, holdings))

        return [read_held(said) for said in await self.lanes.ask(lane, call)]

    def arguments(
        self, keys: LaneKeys, epoch: str, holdings: Sequence[Holding]
    ) -> tuple[list[str], list[Arg]]:
        """Build KEYS and ARGV for claims of one lane, at most `MOST`."""
        names = [keys.checkpoint, keys.live]
        args: list[Arg] = [epoch, self.lease_ms]
        run, task = keys.run(epoch, ""), keys.task("")
        for order, fence, lease_ms, result in holdings:
            body = order.body
            names += (run + order.run_id, task + body.task_id)
            args += (
                order.local,
                body.attempt,
                fence,
                lease_ms,
                body.run_deadline_ms + self.window_ms,
                result,
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
