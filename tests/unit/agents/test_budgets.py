"""Runs with a budget: never overspent by more than the calls in flight; what is over it fails, or is a hole."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from argosy import Context, Hole, Pipeline, RunFailed, RunRefused, agent, by_deadline
from argosy.agents.budget import Budgets, Cost
from argosy.agents.model_client import Completion, ModelRequest
from argosy.agents.tenant_budget import TenantLedger
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.schemas.chat import Reply, Usage
from argosy.schemas.errors import BudgetSpent, Unreachable
from argosy.schemas.prices import Price
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.settings import ModelSettings, TenantBudget
from argosy.testing import FakeModel, Fleet
from argosy.testing.history import History
from argosy.testing.stage import plain_settings

MODEL = "openai:gpt-5-mini"
BILL = Usage(input_tokens=60, output_tokens=40)


@agent(model=MODEL, reserve=100, retries=3, concurrency=4)
async def ask(ctx: Context, number: int) -> str:
    return await ctx.model.ask(f"{number}?")


@agent
async def count(_ctx: Context, answers: Sequence[str | Hole]) -> int:
    return sum(isinstance(answer, str) for answer in answers)


asking = Pipeline("asking", takes=list[int], gives=list[str])
asking.returns(asking.map(ask, over=asking.input))

holed = Pipeline("holed", takes=list[int], gives=int)
holed.returns(holed.step(count, holed.map(ask, over=holed.input, join=by_deadline(600, at_least=1))))


def model() -> FakeModel:
    return FakeModel(Reply(text="yes", usage=BILL))


def fleet(
    pipeline: Pipeline[list[int], list[str]] | Pipeline[list[int], int] = asking,
    *,
    rules: int = 2,
    said: FakeModel | None = None,
    workers: int = 1,
) -> Fleet:
    settings = plain_settings(rules=rules)
    settings.model = ModelSettings(prices={MODEL: Price(input=1_000_000, output=2_000_000)})
    return Fleet(pipeline, model=said or model(), settings=settings, workers=workers)


def usages(history: History) -> list[Usage]:
    """What each attempt that was settled has used, also those that came too late for the run's own sum."""
    return [told.body.usage for told in history.log if isinstance(told.body, TaskSettled)]


async def test_a_run_within_its_budget_is_as_any_other() -> None:
    async with fleet() as there:
        run = await there.submit(asking, [*range(10)], budget=2_000, budget_micros=2_000)
        assert await run.result() == ["yes"] * 10


async def test_a_run_over_its_budget_of_tokens_fails_with_figures_and_is_not_tried_again() -> None:
    said = model()
    async with fleet(said=said) as there:
        run = await there.submit(asking, [*range(40)], budget=1_000)
        with pytest.raises(RunFailed, match="budget"):
            await run.result()
        await there.advance(60)  # calls under way when it failed settle behind its end
        history = await there.history(run)
    ended = history.ended
    assert ended is not None
    fault = ended.fault
    assert fault is not None
    assert fault.code == "budget_spent"
    assert fault.figures["tokens"] + fault.figures["asked_tokens"] > 1_000
    assert len(said.calls) * BILL.total_tokens <= 1_000
    assert {task.attempts for task in history.tasks} == {1}
    settled = sum(usage.total_tokens for usage in usages(history))
    assert ended.usage.total_tokens <= settled == len(said.calls) * BILL.total_tokens


async def test_a_run_over_its_budget_of_money_fails() -> None:
    said = model()
    async with fleet(said=said) as there:
        run = await there.submit(asking, [*range(40)], budget_micros=1_400)
        with pytest.raises(RunFailed, match="millionths of money"):
            await run.result()
        await there.advance(60)
        history = await there.history(run)
    ended = history.ended
    assert 1 <= len(said.calls) <= 10
    assert ended is not None
    settled = sum(usage.micros for usage in usages(history))
    assert ended.usage.micros <= settled == len(said.calls) * (60 + 80)


@pytest.mark.parametrize("wipes", [0, 3])
async def test_workers_together_never_overspend_and_holes_stand_for_the_rest(wipes: int) -> None:
    said = model()
    async with fleet(holed, said=said, workers=3) as there:
        run = await there.submit(holed, [*range(60)], budget=3_000)
        for _ in range(wipes):
            await there.advance(0.1)
            there.lose_redis()
        done = await run.result()
        spent = len(said.calls) * BILL.total_tokens
    assert 10 <= done <= 30
    # What was under way when Redis was lost may come on top: three workers of four slots each.
    assert spent <= 3_000 + wipes * 12 * BILL.total_tokens


class Slow(FakeModel):
    """A model that takes ten seconds for each answer."""

    async def complete(self, request: ModelRequest) -> Completion:
        completion = await super().complete(request)
        await asyncio.sleep(10)
        return completion


async def test_calls_at_the_same_time_are_within_the_budget_together_and_wait_for_what_others_give_back() -> (
    None
):
    said = Slow(Reply(text="yes", usage=BILL))
    async with fleet(holed, said=said, workers=3) as there:
        run = await there.submit(holed, [*range(60)], budget=2_000)
        assert 10 <= await run.result() <= 20
    assert len(said.calls) * BILL.total_tokens <= 2_000


async def test_a_call_that_was_under_way_when_its_worker_died_counts_as_spent() -> None:
    said = Slow(Reply(text="yes", usage=BILL))
    async with fleet(said=said) as there:
        run = await there.submit(asking, [1], budget=150)
        await there.advance(5)
        there.crash(ask)
        with pytest.raises(RunFailed, match="budget"):
            await run.result()
    assert len(said.calls) == 1


@agent(model=MODEL, reserve=100)
async def glance(ctx: Context, question: str) -> str:
    async for piece in ctx.model.stream(question):
        return piece
    return ""


@agent(model=MODEL, reserve=100)
async def after(ctx: Context, question: str) -> str:
    return await ctx.model.ask(question)


async def test_a_stream_that_is_left_early_counts_with_what_came_of_it_and_holds_nothing_up() -> None:
    two = Pipeline("two", takes=str, gives=str)
    two.returns(two.step(after, two.step(glance, two.input)))
    async with Fleet(two, model=model()) as there:
        run = await there.submit(two, "why?", budget=180)
        before = there.now
        assert await run.result() == "yes"
        assert there.now - before < 60


async def test_a_call_that_a_handler_cancelled_counts_at_once_with_what_it_may_take() -> None:
    @agent(model=MODEL, reserve=100, retries=3)
    async def hasty(ctx: Context, question: str) -> str:
        async with asyncio.timeout(1):
            return await ctx.model.ask(question)

    hurried = Pipeline("hurried", takes=str, gives=str)
    hurried.returns(hurried.step(hasty, hurried.input))
    said = Slow(Reply(text="yes", usage=BILL))
    async with Fleet(hurried, model=said) as there:
        before = there.now
        run = await there.submit(hurried, "why?", budget=180)
        with pytest.raises(RunFailed, match="budget"):
            await run.result()
        assert there.now - before < 120
    assert len(said.calls) == 1


async def test_a_handler_that_is_told_to_stop_does_not_wait_for_a_redis_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slow(*_args: object) -> None:
        await asyncio.sleep(600)

    @agent(model=MODEL, reserve=100)
    async def patient(ctx: Context, question: str) -> int:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await ctx.model.ask(question)
        return round(loop.time() - began)

    stopped = Pipeline("stopped", takes=str, gives=int)
    stopped.returns(stopped.step(patient, stopped.input))
    monkeypatch.setattr(Budgets, "settle", slow)
    async with Fleet(stopped, model=Slow(Reply(text="yes", usage=BILL))) as there:
        run = await there.submit(stopped, "why?", budget=1_000)
        assert await run.result() == 10


async def test_what_an_earlier_attempt_could_not_put_right_counts_as_spent_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def deaf(*_args: object) -> None:
        raise Unreachable("Redis is away")

    @agent(model=MODEL, reserve=100, retries=3)
    async def unlucky(ctx: Context, question: str) -> str:
        await ctx.model.ask(question)
        raise ValueError(question)

    doomed = Pipeline("doomed", takes=str, gives=str)
    doomed.returns(doomed.step(unlucky, doomed.input))
    monkeypatch.setattr(Budgets, "settle", deaf)
    async with Fleet(doomed, model=model()) as there:
        before = there.now
        run = await there.submit(doomed, "why?", budget=180)
        with pytest.raises(RunFailed, match="budget"):
            await run.result()
        assert there.now - before < 120


@pytest.mark.parametrize("lost", [Budgets, TenantLedger])
async def test_a_reply_that_is_lost_reserves_once(
    monkeypatch: pytest.MonkeyPatch, lost: type[Budgets | TenantLedger]
) -> None:
    reserve, replies = lost.reserve, [0]

    async def deaf(*args: Any) -> Any:  # noqa: ANN401 - of either
        said = await reserve(*args)
        replies[0] += 1
        if replies[0] == 1:
            raise Unreachable("the reply was lost")
        return said

    monkeypatch.setattr(lost, "reserve", deaf)
    settings = plain_settings()
    settings.model = ModelSettings(tenant_budgets={"team": TenantBudget(tokens_per_day=150)})
    async with Fleet(asking, model=model(), settings=settings) as there:
        run = await there.submit(asking, [1], budget=150, tenant="team")
        assert await run.result() == ["yes"]
    assert replies[0] > 1


async def test_what_another_claim_of_the_same_task_reserved_of_its_tenant_counts_as_spent() -> None:
    ledger = TenantLedger(MemoryRedis(MemoryServer()), "p", "team", TenantBudget(tokens_per_day=1_000))
    assert await ledger.reserve("run/a#f1:1", Cost(400, 0)) == "ok"
    assert await ledger.reserve("run/b#f1:1", Cost(400, 0)) == "ok"
    assert await ledger.reserve("run/a#f2:1", Cost(400, 0)) == "wait"
    await ledger.settle("run/b#f1:1", Cost(300, 0))
    with pytest.raises(BudgetSpent, match="700 tokens"):
        await ledger.reserve("run/a#f2:1", Cost(400, 0))


async def test_calls_of_a_worker_that_died_count_as_spent() -> None:
    said = model()
    async with fleet(holed, said=said, workers=2) as there:
        run = await there.submit(holed, [*range(40)], budget=2_000)
        there.crash(ask, at="in_handler", times=3)
        assert await run.result() <= 20
    assert len(said.calls) * BILL.total_tokens <= 2_000


async def test_runs_of_a_tenant_share_its_day_and_others_have_their_own() -> None:
    said = model()
    settings = plain_settings()
    settings.model = ModelSettings(
        prices={MODEL: Price(input=1_000_000, output=2_000_000)},
        tenant_budgets={"team": TenantBudget(tokens_per_day=2_000), "*": TenantBudget(micros_per_day=10_000)},
    )
    async with Fleet(holed, model=said, settings=settings, workers=2) as there:
        runs = [await there.submit(holed, [*range(12)], tenant="team") for _ in range(2)]
        done = sum([await run.result() for run in runs])
        assert 10 <= done <= 20
        assert len(said.calls) * BILL.total_tokens <= 2_000
        assert await (await there.submit(holed, [*range(15)], tenant="other")).result() == 15
        assert await (await there.submit(holed, [*range(30)])).result() == 30


async def test_a_new_day_begins_with_nothing_spent() -> None:
    now = 1_000_000.0 * 86_400
    store = MemoryRedis(MemoryServer(clock=lambda: now))
    ledger = TenantLedger(store, "p", "team", TenantBudget(tokens_per_day=1_000))
    assert await ledger.reserve("a:1", Cost(800, 0)) == "ok"
    assert await ledger.reserve("a:1", Cost(800, 0)) == "ok"
    assert await ledger.reserve("b:1", Cost(800, 0)) == "wait"
    for _ in range(2):
        await ledger.settle("a:1", Cost(700, 0))
    with pytest.raises(BudgetSpent, match="700 tokens"):
        await ledger.reserve("b:1", Cost(800, 0))
    now += 86_400
    assert await ledger.reserve("b:1", Cost(800, 0)) == "ok"


async def test_a_fleet_of_older_rules_refuses_a_budget() -> None:
    async with fleet(rules=1) as there:
        run = await there.submit(asking, [1], budget=10_000)
        with pytest.raises(RunRefused, match="rules 2"):
            await run.result()
