"""Runs that ask when their budget is spent: they wait, cost nothing meanwhile, and go on when it is raised."""

import asyncio

import pytest

from argosy import Context, Pipeline, RunFailed, agent
from argosy.schemas.chat import Reply, Usage
from argosy.schemas.errors import BadArgument
from argosy.testing import FakeModel, Fleet

MODEL = "openai:gpt-5-mini"
BILL = Usage(input_tokens=60, output_tokens=40)
GATES: list[asyncio.Event] = []
CALLS: list[str] = []


@agent(model=MODEL, reserve=100, retries=1, concurrency=4)
async def ask(ctx: Context, number: int) -> str:
    return await ctx.model.ask(f"{number}?")


@agent(model=MODEL, reserve=100, retries=0)
async def twice(ctx: Context, number: int) -> str:
    first = await ctx.model.ask(f"{number}?")
    CALLS.append("first")
    await GATES[-1].wait()
    return first + await ctx.model.ask(f"{number} again?")


asking = Pipeline("asking", takes=list[int], gives=list[str])
asking.returns(asking.map(ask, over=asking.input, max_parallel=4))

talking = Pipeline("talking", takes=int, gives=str)
talking.returns(talking.step(twice, talking.input))


def model() -> FakeModel:
    return FakeModel(Reply(text="yes", usage=BILL))


async def test_a_run_waits_is_told_and_goes_on_when_its_budget_is_raised() -> None:
    said = model()
    async with Fleet(asking, model=said) as fleet:
        run = await fleet.submit(asking, [*range(10)], budget=350, on_spent="ask")
        await fleet.advance(30)
        assert await run.state() == "running"
        (one,) = await run.waiting()
        assert (one.kind, one.tasks, one.budget, one.step) == ("budget", 4, 350, "")
        assert "of 350 tokens taken" in one.question
        before = len(said.calls)
        await fleet.advance(300)
        assert len(said.calls) == before
        await run.raise_budget(5_000, by="ann")
        assert await run.result() == ["yes"] * 10
        assert len(said.calls) == 10
        assert await run.waiting() == []


async def test_it_waits_on_where_the_raise_is_not_enough() -> None:
    async with Fleet(asking, model=model()) as fleet:
        run = await fleet.submit(asking, [*range(4)], budget=150, on_spent="ask")
        await fleet.advance(30)
        await run.raise_budget(350)
        await fleet.advance(30)
        (one,) = await run.waiting()
        assert one.budget == 350
        await run.raise_budget(1_000)
        assert await run.result() == ["yes"] * 4


async def test_a_state_that_redis_lost_while_it_waited_comes_back_from_the_log() -> None:
    async with Fleet(asking, model=model()) as fleet:
        run = await fleet.submit(asking, [*range(6)], budget=250, on_spent="ask")
        await fleet.advance(30)
        before = await run.waiting()
        fleet.lose_redis()
        await fleet.advance(60)
        assert await run.waiting() == before
        await run.raise_budget(5_000)
        assert await run.result() == ["yes"] * 6


async def test_a_no_fails_what_waits() -> None:
    async with Fleet(asking, model=model()) as fleet:
        run = await fleet.submit(asking, [*range(6)], budget=250, on_spent="ask")
        await fleet.advance(30)
        await run.deny_budget(by="ann", reason="too dear")
        with pytest.raises(RunFailed, match="says ann: too dear"):
            await run.result()


async def test_silence_is_a_no_after_its_time() -> None:
    async with Fleet(asking, model=model()) as fleet:
        run = await fleet.submit(asking, [*range(6)], budget=250, on_spent="ask", ask_seconds=60)
        await fleet.advance(100)
        with pytest.raises(RunFailed, match="nobody raised it within 60 s"):
            await run.result()


async def test_a_handler_that_is_at_work_has_the_benefit_of_a_raise_at_once() -> None:
    async with Fleet(talking, model=model()) as fleet:
        GATES.append(asyncio.Event())
        CALLS.clear()
        run = await fleet.submit(talking, 1, budget=200)
        await fleet.settle()
        assert CALLS == ["first"]
        await run.raise_budget(1_000)
        await fleet.settle()
        GATES[-1].set()
        assert await run.result() == "yesyes"
        assert CALLS == ["first"]
        tasks = (await fleet.history(run)).tasks
        assert [task.attempts for task in tasks] == [1]


async def test_what_asks_for_nothing_is_refused_before_it_is_sent() -> None:
    async with Fleet(asking, model=model()) as fleet:
        with pytest.raises(BadArgument, match="no budget to be asked for"):
            await fleet.submit(asking, [1], on_spent="ask")
        with pytest.raises(BadArgument):
            await fleet.submit(asking, [1], budget=5, ask_seconds=5)
        run = await fleet.submit(asking, [1], budget=10_000)
        with pytest.raises(BadArgument):
            await run.raise_budget()
        with pytest.raises(BadArgument):
            await run.raise_budget(0)
        assert await run.result() == ["yes"]
