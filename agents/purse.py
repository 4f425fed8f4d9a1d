"""What the model calls of one attempt are paid from: the budget of its run, and that of its tenant."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from argosy.agents.budget import Budgets, Cost
from argosy.agents.model_client import ModelRequest
from argosy.agents.running import Running
from argosy.agents.tenant_budget import TenantLedger
from argosy.schemas.chat import Usage
from argosy.schemas.errors import BudgetSpent, ModelRefused, Refused, Unreachable
from argosy.schemas.prices import Price, price_of
from argosy.telemetry import metrics


@dataclass(frozen=True, slots=True)
class Purse:
    """The budget of the run that an attempt belongs to."""

    budgets: Budgets | None
    """None where the run itself has none."""
    tenant: TenantLedger | None
    running: Running
    prices: Mapping[str, Price]

    def cost(self, request: ModelRequest, usage: Usage) -> Cost:
        """Say what a usage costs. Raises ModelRefused if nobody knows the price, and money is limited."""
        of_tenant = None if self.tenant is None else self.tenant.budget.micros_per_day
        if self.running.order.body.budget_micros is None and of_tenant is None:
            return Cost(usage.total_tokens, 0)
        price = price_of(self.prices, request.provider, request.model)
        if price is None:
            raise ModelRefused(
                f"there is a budget of money, and nobody knows what {request.provider}:{request.model} costs;"
                " set ARGOSY_MODEL__PRICES"
            )
        return Cost(usage.total_tokens, price.of(usage))

    async def reserve(self, number: str, cost: Cost) -> Literal["ok", "wait", "not_yet"]:
        """Reserve for a call, of the run and of its tenant, or of neither. Raises BudgetSpent, ClaimLost."""
        agent = self.running.order.body.agent
        try:
            said = "ok" if self.budgets is None else await self.budgets.reserve(self.running, number, cost)
        except BudgetSpent:
            metrics.budget_refused(agent, "run")
            raise
        if said != "ok" or self.tenant is None:
            return said
        try:
            said = await self.tenant.reserve(self._call(number), cost)
        except BudgetSpent:
            metrics.budget_refused(agent, "tenant")
            await self._pay_run(number, Cost(0, 0))
            raise
        if said != "ok":
            await self._pay_run(number, Cost(0, 0))
        return said

    async def pay(self, number: str, cost: Cost) -> None:
        """Put a call right. What can't be told stays reserved, and is taken as spent."""
        with suppress(Unreachable, Refused):
            await self._pay_run(number, cost)
            if self.tenant is not None:
                await self.tenant.settle(self._call(number), cost)

    async def _pay_run(self, number: str, cost: Cost) -> None:
        if self.budgets is not None:
            await self.budgets.settle(self.running, number, cost)

    def _call(self, number: str) -> str:
        return f"{self.running.order.body.task_id}#{self.running.fence}:{number}"
