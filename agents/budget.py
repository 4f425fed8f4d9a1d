"""The budget of a run: tokens and money that all its model calls may take together, over all workers.

A call reserves what it may take at most; the ledger lies beside the run, in its lane's slot. What fold has summed up of
settled attempts is the least that counts as spent: a ledger that Redis lost begins with that.
"""

from dataclasses import dataclass
from typing import Final, Literal

from argosy.agents.lanes import Lanes
from argosy.agents.running import Running
from argosy.broker.keys import LaneKeys
from argosy.broker.store import Reply, Script, Store
from argosy.schemas.errors import BudgetSpent, ClaimLost

_BUDGET: Final = Script(__file__, "budget")
FORGOTTEN_SECONDS: Final = 900.0
"""A reservation that nobody put right for so long counts as spent: its process died, and its task did not come back."""

Answer = Literal["ok", "wait", "not_yet"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call may take, or took: tokens, and money in millionths."""

    tokens: int
    micros: int


@dataclass(frozen=True, slots=True)
class Budgets:
    """Reserves and puts right. Both are idempotent, and raise Unreachable and Refused."""

    store: Store
    lanes: Lanes
    window_ms: int

    async def reserve(self, running: Running, call: str, cost: Cost) -> Answer:
        """Reserve for a call of an attempt. `wait`: calls under way may give back; `not_yet`: the lane isn't live.

        Raises BudgetSpent if what is left is less than that, ClaimLost if the claim is gone.
        """
        reply = await self._ask(running, "reserve", call, cost)
        match reply:
            case [b"ok"]:
                return "ok"
            case [b"wait"]:
                return "wait"
            case [b"not_yet"]:
                return "not_yet"
            case [b"spent", int(tokens), int(micros), int(most_tokens), int(most_micros)]:
                limits = most_tokens or None, most_micros or None
                raise BudgetSpent(
                    f"the budget of run {running.order.run_id} is spent: "
                    + ", ".join(
                        f"{spent} of {limit} {what} taken, {asked} more asked for"
                        for spent, limit, what, asked in (
                            (tokens, limits[0], "tokens", cost.tokens),
                            (micros, limits[1], "millionths of money", cost.micros),
                        )
                        if limit is not None
                    ),
                    tokens=tokens,
                    micros=micros,
                    asked_tokens=cost.tokens,
                    asked_micros=cost.micros,
                    limit_tokens=limits[0],
                    limit_micros=limits[1],
                )
            case [b"over" | b"loss"]:
                message = f"the claim of {running.name} is gone"
                raise ClaimLost(message)
            case _:
                message = f"budget.lua gave {reply!r}"
                raise TypeError(message)

    async def settle(self, running: Running, call: str, cost: Cost) -> None:
        """Put a call right: it took so much."""
        await self._ask(running, "settle", call, cost)

    async def _ask(self, running: Running, word: str, call: str, cost: Cost) -> object:
        order, body = running.order, running.order.body
        args = (
            order.local,
            body.attempt,
            running.fence,
            body.run_deadline_ms + self.window_ms,
            word,
            call,
            cost.tokens,
            cost.micros,
            body.budget or 0,
            body.budget_micros or 0,
            round(FORGOTTEN_SECONDS * 1000),
        )

        async def ask(keys: LaneKeys, epoch: str) -> Reply:
            names = (
                keys.checkpoint,
                keys.live,
                keys.run(epoch, order.run_id),
                keys.task(body.task_id),
                keys.budget(order.run_id),
            )
            return await self.store.run(_BUDGET, names, (epoch, *args))

        return await self.lanes.ask(body.lane, ask)
