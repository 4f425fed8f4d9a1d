"""What budgets are spent, reserved and waited for, for people who look. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.keys import TenantKeys, tenant_of, tenants_pattern
from argosy.broker.store import Store
from argosy.schemas.settings import TenantBudget

_DAY_MS: Final = 86_400_000
WAITED_MS: Final = 30_000
"""Who waits for others to give back asks again within this."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for that waits until others give back."""

    tokens: int
    micros: int
    since_ms: int
    """When it asked last."""


@dataclass(frozen=True, slots=True)
class BudgetFigures:
    """A budget, of a run or of a tenant's day: `most_*` None is no limit of that kind. Money in millionths."""

    tokens: int = 0
    micros: int = 0
    reserved_tokens: int = 0
    reserved_micros: int = 0
    most_tokens: int | None = None
    most_micros: int | None = None
    waiting: Mapping[str, Asked] = field(default_factory=dict[str, Asked])
    """By the task's name: in the run, for a tenant with the run's before it."""

    @property
    def said(self) -> str:
        """The figures as a sentence."""
        kinds = (
            ("tokens", self.tokens, self.reserved_tokens, self.most_tokens),
            ("millionths of money", self.micros, self.reserved_micros, self.most_micros),
        )
        return ", ".join(
            f"{spent} of {most} {what} spent"
            + (f" and {reserved} reserved by calls under way" if reserved else "")
            for what, spent, reserved, most in kinds
            if most is not None
        )


@dataclass(frozen=True, slots=True)
class TenantFigures:
    """What one tenant spent today (UTC). A tenant without a limit here has one where its workers run."""

    tenant: str
    budget: BudgetFigures


async def budget_of_run(
    store: Store, ledger_key: str, run_key: str, most: tuple[int | None, int | None], now_ms: int
) -> BudgetFigures:
    """Look at the budget of a run; `most`: its tokens and its money. Raises Unreachable and Refused."""
    ledger = await store.hgetall(ledger_key)
    told = (await store.hmget(run_key, ["n"]))[0] or b""
    found = figures(ledger, most, now_ms)
    given, made, _, *money = [int(each) for each in told.split()] or [0, 0, 0]
    # What the run's log tells is the least, as for `budget.lua`: a ledger that Redis lost begins with it.
    return BudgetFigures(
        max(found.tokens, given + made),
        max(found.micros, *money, 0),
        found.reserved_tokens,
        found.reserved_micros,
        *most,
        found.waiting,
    )


async def tenants(
    store: Store, key_prefix: str, budgets: Mapping[str, TenantBudget], now_ms: int
) -> tuple[TenantFigures, ...]:
    """Look at all tenants that spent of a budget today. Raises Unreachable and Refused."""
    names = {
        name
        async for key in store.scan(tenants_pattern(key_prefix))
        if (name := tenant_of(key.decode())) is not None
    }
    found: list[TenantFigures] = []
    for name in sorted(names):
        ledger = await store.hgetall(TenantKeys(key_prefix, name).spent)
        budget = budgets.get(name) or budgets.get("*") or TenantBudget()
        if int(ledger.get(b"day", b"0")) != now_ms // _DAY_MS:
            ledger = {name: value for name, value in ledger.items() if name.startswith((b"c:", b"w:"))}
        most = budget.tokens_per_day, budget.micros_per_day
        found.append(TenantFigures(name, figures(ledger, most, now_ms)))
    return tuple(found)


def figures(ledger: Mapping[bytes, bytes], most: tuple[int | None, int | None], now_ms: int) -> BudgetFigures:
    """Read what `budget.lua` and `tenant_budget.lua` write."""
    held = [_three(value) for name, value in ledger.items() if name.startswith(b"c:")]
    waiting = {
        name[2:].decode(): Asked(*_three(value)) for name, value in ledger.items() if name.startswith(b"w:")
    }
    return BudgetFigures(
        int(ledger.get(b"tokens", 0)),
        int(ledger.get(b"micros", 0)),
        sum(tokens for tokens, _, _ in held),
        sum(micros for _, micros, _ in held),
        *most,
        {task: asked for task, asked in sorted(waiting.items()) if now_ms - asked.since_ms <= WAITED_MS},
    )


def _three(value: bytes) -> tuple[int, int, int]:
    first, second, third = value.split()
    return int(first), int(second), int(third)
