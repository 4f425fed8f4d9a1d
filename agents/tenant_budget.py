"""The budget of a tenant: tokens and money that all its runs may take together in a day (UTC), over all workers.

Only Redis knows what was spent today: a Redis that was wiped begins the day anew.
"""

from dataclasses import dataclass
from typing import Final, Literal

from argosy.agents.budget import FORGOTTEN_SECONDS, Cost
from argosy.broker.keys import TenantKeys
from argosy.broker.store import Script, Store
from argosy.schemas.errors import BudgetSpent
from argosy.schemas.settings import TenantBudget

_TENANT_BUDGET: Final = Script(__file__, "tenant_budget")


@dataclass(frozen=True, slots=True)
class TenantLedger:
    """What one tenant spends. Both methods are idempotent, and raise Unreachable and Refused."""

    store: Store
    key_prefix: str
    tenant: str
    budget: TenantBudget

    async def reserve(self, call: str, cost: Cost) -> Literal["ok", "wait"]:
        """Reserve for a call; `wait`: calls under way may give back. Raises BudgetSpent."""
        match await self._ask("reserve", call, cost):
            case [b"ok"]:
                return "ok"
            case [b"wait"]:
                return "wait"
            case [b"spent", int(tokens), int(micros)]:
                raise BudgetSpent(
                    f"the budget of tenant {self.tenant} is spent for today: {tokens} tokens,"
                    f" {micros} millionths of money",
                    tokens=tokens,
                    micros=micros,
                    asked_tokens=cost.tokens,
                    asked_micros=cost.micros,
                )
            case reply:
                message = f"tenant_budget.lua gave {reply!r}"
                raise TypeError(message)

    async def settle(self, call: str, cost: Cost) -> None:
        """Put a call right: it took so much."""
        await self._ask("settle", call, cost)

    async def _ask(self, word: str, call: str, cost: Cost) -> object:
        budget = self.budget
        args = (
            word,
            call,
            cost.tokens,
            cost.micros,
            budget.tokens_per_day or 0,
            budget.micros_per_day or 0,
            round(FORGOTTEN_SECONDS * 1000),
        )
        return await self.store.run(_TENANT_BUDGET, [TenantKeys(self.key_prefix, self.tenant).spent], args)
