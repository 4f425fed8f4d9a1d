"""What budgets tell to people who look: spent, reserved, and who waits until others give back."""

import pytest

from argosy.agents.budget import Cost
from argosy.agents.budget_figures import budget_of_run, figures, tenants
from argosy.agents.tenant_budget import TenantLedger
from argosy.broker.keys import LaneKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.console.limits_report import LimitsReport, limit_notes
from argosy.schemas.errors import BudgetSpent
from argosy.schemas.settings import TenantBudget

DAY = 86_400


async def test_a_tenant_tells_what_it_spent_and_reserved_and_who_waits() -> None:
    now = 1_000_000.0 * DAY
    store = MemoryRedis(MemoryServer(clock=lambda: now))
    budget = TenantBudget(tokens_per_day=1_000)
    ledger = TenantLedger(store, "p", "team a", budget)
    assert await ledger.reserve("run/a#f:1", Cost(700, 9)) == "ok"
    assert await ledger.reserve("run/b#f:1", Cost(600, 8)) == "wait"
    (day,) = await tenants(store, "p", {"team a": budget}, round(now * 1000))
    assert (day.tenant, day.budget.tokens, day.budget.reserved_tokens) == ("team a", 0, 700)
    assert {task: asked.tokens for task, asked in day.budget.waiting.items()} == {"run/b": 600}
    assert limit_notes(LimitsReport((), (day,))) == [
        "tenant team a: 0 of 1000 tokens spent and 700 reserved by calls under way today; 1 task waiting for room"
    ]
    await ledger.settle("run/a#f:1", Cost(300, 9))
    assert await ledger.reserve("run/b#f:1", Cost(600, 8)) == "ok"
    (day,) = await tenants(store, "p", {}, round(now * 1000))
    assert (day.budget.tokens, day.budget.reserved_tokens, day.budget.waiting) == (300, 600, {})
    assert day.budget.said == ""
    assert limit_notes(LimitsReport((), (day,))) == []
    now += DAY
    (day,) = await tenants(store, "p", {}, round(now * 1000))
    assert day.budget.tokens == 0


async def test_who_asked_and_never_came_back_is_forgotten() -> None:
    now = 1_000_000.0 * DAY
    store = MemoryRedis(MemoryServer(clock=lambda: now))
    budget = TenantBudget(tokens_per_day=1_000)
    ledger = TenantLedger(store, "p", "team", budget)
    assert await ledger.reserve("run/a#f:1", Cost(700, 0)) == "ok"
    assert await ledger.reserve("run/b#f:1", Cost(600, 0)) == "wait"
    now += 60
    (day,) = await tenants(store, "p", {"*": budget}, round(now * 1000))
    assert (day.budget.waiting, day.budget.most_tokens) == ({}, 1_000)
    now += 1_000
    with pytest.raises(BudgetSpent):
        await ledger.reserve("run/c#f:1", Cost(600, 0))
    assert not any(name.startswith(b"w:") for name in await store.hgetall("p:{tenant-team}:spent"))


async def test_of_a_run_what_its_log_tells_is_the_least() -> None:
    keys, store = LaneKeys("p", 0), MemoryRedis(MemoryServer())
    found = await budget_of_run(store, keys.budget("r"), keys.run("e", "r"), (500, None), 0)
    assert found.said == "0 of 500 tokens spent"
    found = figures({b"tokens": b"9", b"c:a#1|f:1": b"30 4 0", b"w:b": b"50 6 7"}, (500, 80), 10)
    assert found.said == (
        "9 of 500 tokens spent and 30 reserved by calls under way,"
        " 0 of 80 millionths of money spent and 4 reserved by calls under way"
    )
    assert found.waiting["b"].tokens == 50
