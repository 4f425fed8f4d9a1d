"""`budget.lua` on the twin and on a real server: the ledger of a run ends with it, whatever is written last."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pydantic import SecretStr

from argosy.agents.budget import FORGOTTEN_SECONDS, Budgets, Cost
from argosy.agents.lanes import Lanes
from argosy.agents.order import Order
from argosy.agents.running import Running
from argosy.agents.time_limit import TimeLimit
from argosy.broker.keys import LaneKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.broker.redis import RedisStore
from argosy.broker.store import Store
from argosy.coordinator.chain import Chain
from argosy.coordinator.writes import Writes
from argosy.schemas.contract import Contract
from argosy.schemas.errors import BudgetSpent
from argosy.schemas.ids import TaskId
from argosy.schemas.settings import RedisSettings
from argosy.schemas.task import TaskDispatched
from argosy.telemetry.propagation import NO_TRACE

if TYPE_CHECKING:
    from support.stack import StackThread

FAR_MS = 4_000_000_000_000
LANE = 3


@pytest.fixture(params=["memory", "real"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        found: Store = MemoryRedis()
    else:
        stack: StackThread = request.getfixturevalue("stack")
        found = RedisStore(RedisSettings(url=SecretStr(stack.redis_url)))
    yield found
    await found.close()


class OneRun:
    """A run that may take 1,000 tokens, and its tasks `a` and `b`, each claimed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.prefix = f"t{uuid4().hex[:12]}"
        self.keys = LaneKeys(self.prefix, LANE)
        self.budgets = Budgets(store, Lanes(self.prefix), window_ms=0)

    async def begin(self, told_tokens: int = 0) -> None:
        chain, writes = Chain(self.store, self.keys), Writes()
        taken = await chain.take()
        fields = {"st": "active", "n": f"{told_tokens} 0 2", "t:a": "r 1 0 1 -", "t:b": "r 1 0 1 -"}
        writes.hset(self.keys.run("e", "run"), fields)
        for name in ("a", "b"):
            writes.hset(self.keys.task(TaskId(f"run/{name}")), {"attempt": "1", "fence": f"fence of {name}"})
        await chain.commit(writes, {"epoch": "e"}, mark=taken.identity)

    def call(self, name: str) -> Running:
        body = TaskDispatched(
            task_id=TaskId(f"run/{name}"),
            step=name,
            agent="ag",
            attempt=1,
            lane=LANE,
            contract=Contract.model_construct(),
            deadline_ms=FAR_MS,
            run_deadline_ms=FAR_MS,
            budget=1_000,
        )
        order = Order(body, "run", name, 1, NO_TRACE, 0, (body.task_id, 1), f"run/{name}#1")
        return Running(order, f"fence of {name}", 0, TimeLimit(0, FAR_MS), [])

    async def ledger(self) -> dict[bytes, bytes]:
        """Read it; whatever is in it, the key ends with the run."""
        key = self.keys.budget("run")
        found = await self.store.hgetall(key)
        assert not found or await self.store.ttl_ms(key) > 0
        return found


async def test_a_ledger_that_was_lost_after_the_budget_was_spent_ends_with_its_run(store: Store) -> None:
    run = OneRun(store)
    await run.begin(told_tokens=950)
    with pytest.raises(BudgetSpent, match="950 of 1000 tokens"):
        await run.budgets.reserve(run.call("a"), "1", Cost(100, 0))
    assert await run.ledger() == {b"tokens": b"950"}


async def test_the_only_call_under_way_ends_and_the_ledger_still_ends_with_its_run(store: Store) -> None:
    run = OneRun(store)
    await run.begin()
    assert await run.budgets.reserve(run.call("a"), "1", Cost(100, 0)) == "ok"
    assert len(await run.ledger()) == 1
    for _ in range(2):
        await run.budgets.settle(run.call("a"), "1", Cost(70, 5))
        assert await run.ledger() == {b"tokens": b"70", b"micros": b"5"}


async def test_nobody_is_said_to_wait_who_has_not_asked_for_long() -> None:
    now = 1_000_000.0
    run = OneRun(MemoryRedis(MemoryServer(clock=lambda: now)))
    await run.begin()
    assert await run.budgets.reserve(run.call("a"), "1", Cost(900, 0)) == "ok"
    assert await run.budgets.reserve(run.call("b"), "1", Cost(200, 0)) == "wait"
    assert b"w:b" in await run.ledger()
    now += FORGOTTEN_SECONDS / 2
    await run.budgets.settle(run.call("a"), "1", Cost(100, 0))
    assert await run.budgets.reserve(run.call("a"), "2", Cost(100, 0)) == "ok"
    assert b"w:b" in await run.ledger()
    now += FORGOTTEN_SECONDS / 2 + 1
    assert await run.budgets.reserve(run.call("a"), "3", Cost(100, 0)) == "ok"
    assert b"w:b" not in await run.ledger()
