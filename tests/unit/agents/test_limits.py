"""Fleets whose model has limits: kept to by all workers together, used to the full, and fair between agents."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

import pytest

from argosy import Agent, Context, Pipeline, agent
from argosy.agents.model_client import Completion, ModelRequest
from argosy.schemas.chat import Reply, Usage
from argosy.schemas.errors import ModelBusy
from argosy.schemas.settings import ModelLimits, ModelSettings, Settings
from argosy.testing import FakeModel, Fleet, Limits
from argosy.testing.model_limits import Gate, Limited
from argosy.testing.stage import plain_settings

MODEL: Final = "openai:gpt-5-mini"
SECONDS: Final = 0.5
"""What a call takes."""


class Strict:
    """A model server that refuses what is over its limits, and takes a while for each answer."""

    def __init__(self, limits: Limits, *, output_tokens: int = 30) -> None:
        self.limits, self.output_tokens = limits, output_tokens
        self.gate: Gate | None = None
        self.refused = 0
        self.answered: Counter[str] = Counter()
        self.tokens = 0
        self.first = self.last = 0.0
        self.busy_until = 0.0

    async def complete(self, request: ModelRequest) -> Completion:
        now = asyncio.get_running_loop().time()
        if self.gate is None:
            self.gate, self.first = Gate(self.limits, now), now
        if now < self.busy_until:
            self.refused += 1
            raise ModelBusy("busy", after_seconds=self.busy_until - now)
        admitted = self.gate.admit(now, request.prompt_tokens + (request.max_output_tokens or 0))
        if isinstance(admitted, Limited):
            self.refused += 1
            raise ModelBusy(f"over {admitted.reason}", after_seconds=admitted.wait_seconds)
        await asyncio.sleep(SECONDS)
        usage = Usage(input_tokens=request.prompt_tokens, output_tokens=self.output_tokens)
        self.last = asyncio.get_running_loop().time()
        self.gate.settle(self.last, admitted, usage.total_tokens)
        self.answered[request.agent] += 1
        self.tokens += usage.total_tokens
        return Completion(Reply(text="yes", usage=usage, model="m"))

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Reply]:
        yield (await self.complete(request)).reply

    async def close(self) -> None:
        """Nothing is open."""


def limited(limits: ModelLimits, **model: float) -> Settings:
    settings = plain_settings()
    settings.model = ModelSettings.model_validate({"limits": {MODEL: limits.model_dump()}, **model})
    return settings


@agent(model=MODEL, reserve=100, retries=0, concurrency=8)
async def crowd(ctx: Context, number: int) -> str:
    return await ctx.model.ask(f"{number}: is it so?")


@agent(model=MODEL, reserve=100, retries=0, concurrency=8)
async def lone(ctx: Context, number: int) -> str:
    return await ctx.model.ask(f"{number}: is it so?")


crowded = Pipeline("crowded", takes=list[int], gives=list[str])
crowded.returns(crowded.map(crowd, over=crowded.input))
alone = Pipeline("alone", takes=int, gives=str)
alone.returns(alone.step(lone, alone.input))


async def test_workers_together_keep_to_the_rate_and_use_it() -> None:
    server = Strict(Limits(requests_per_minute=600, burst_seconds=5))
    limits = ModelLimits(requests_per_minute=600, burst_seconds=3)
    async with Fleet(crowded, alone, model=server, workers=4, settings=limited(limits)) as fleet:
        run = await fleet.submit(crowded, [*range(400)])
        assert await run.result() == ["yes"] * 400
    assert server.refused == 0
    # 600 a minute are 10 a second.
    assert server.answered["crowd"] >= 0.95 * 10 * (server.last - server.first - SECONDS)


async def test_a_long_wait_costs_no_attempt_and_holds_no_slot() -> None:
    server = Strict(Limits(requests_per_minute=60, burst_seconds=2))
    limits = ModelLimits(requests_per_minute=60, burst_seconds=1)
    async with Fleet(crowded, alone, model=server, settings=limited(limits, limit_wait_seconds=2)) as fleet:
        run = await fleet.submit(crowded, [*range(40)])
        assert await run.result() == ["yes"] * 40
        tasks = (await fleet.history(run)).tasks
    assert {task.attempts for task in tasks} == {1}
    assert server.refused == 0
    assert server.last - server.first <= 40 * 1.1 + SECONDS


@agent(model=MODEL, reserve=100, retries=0, concurrency=8)
async def in_turn(ctx: Context, number: int) -> str:
    return await ctx.model.ask(f"{number}: one?") + await ctx.model.ask(f"{number}: two?")


@agent(model=MODEL, reserve=100, retries=0, concurrency=8)
async def at_once(ctx: Context, number: int) -> str:
    return "".join(await asyncio.gather(*(ctx.model.ask(f"{number}: {which}?") for which in ("one", "two"))))


@pytest.mark.parametrize("twice", [in_turn, at_once])
async def test_a_handler_of_several_calls_makes_each_once_however_long_the_queue(
    twice: Agent[[int], str],
) -> None:
    twofold = Pipeline("twofold", takes=list[int], gives=list[str])
    twofold.returns(twofold.map(twice, over=twofold.input))
    server = Strict(Limits())
    async with Fleet(
        twofold, model=server, workers=2, settings=limited(ModelLimits(requests_per_minute=30))
    ) as fleet:
        run = await fleet.submit(twofold, [*range(20)])
        assert await run.result() == ["yesyes"] * 20
    assert server.answered.total() == 40


async def test_one_call_of_another_agent_waits_for_no_crowd() -> None:
    server = Strict(Limits(requests_per_minute=120, burst_seconds=3))
    limits = ModelLimits(requests_per_minute=120, burst_seconds=1)
    async with Fleet(crowded, alone, model=server, workers=2, settings=limited(limits)) as fleet:
        many = await fleet.submit(crowded, [*range(120)])
        await fleet.advance(10)
        before = fleet.now
        one = await fleet.submit(alone, 1)
        assert await one.result() == "yes"
        assert fleet.now - before <= 4
        assert server.answered["crowd"] < 60
        assert await many.result() == ["yes"] * 120
    assert server.refused == 0


@pytest.mark.parametrize("calls", [None, 6])
async def test_a_wiped_redis_lets_nobody_over_the_limit(calls: int | None) -> None:
    server = Strict(Limits(requests_per_minute=600, concurrency=calls, burst_seconds=5))
    limits = ModelLimits(requests_per_minute=600, calls=calls, burst_seconds=3)
    async with Fleet(crowded, alone, model=server, workers=4, settings=limited(limits)) as fleet:
        run = await fleet.submit(crowded, [*range(200)])
        for _ in range(3):
            await fleet.advance(4)
            fleet.lose_redis()
        assert await run.result() == ["yes"] * 200
    assert server.refused == 0


async def test_tokens_are_put_right_by_what_was_used() -> None:
    server = Strict(Limits(tokens_per_minute=12_000, burst_seconds=30))
    limits = ModelLimits(tokens_per_minute=12_000, burst_seconds=20)
    async with Fleet(crowded, alone, model=server, workers=2, settings=limited(limits)) as fleet:
        run = await fleet.submit(crowded, [*range(300)])
        await run.result()
    assert server.refused == 0
    assert server.tokens >= 0.95 * 200 * (server.last - server.first - SECONDS)


async def test_a_busy_server_is_left_alone_by_all_workers() -> None:
    server = Strict(Limits())
    async with Fleet(
        crowded, alone, model=server, workers=4, settings=limited(ModelLimits(calls=8))
    ) as fleet:
        server.busy_until = fleet.now + 40
        run = await fleet.submit(crowded, [*range(100)])
        assert await run.result() == ["yes"] * 100
        tasks = (await fleet.history(run)).tasks
    assert server.refused <= 8
    assert {task.attempts for task in tasks} == {1}


async def test_a_worker_that_dies_with_calls_under_way_gives_their_places_back() -> None:
    server = Strict(Limits(concurrency=4))
    async with Fleet(
        crowded, alone, model=server, workers=2, settings=limited(ModelLimits(calls=2))
    ) as fleet:
        run = await fleet.submit(crowded, [*range(40)])
        for _ in range(4):
            await fleet.advance(3.3)
            fleet.crash("crowd-1")
        assert await run.result() == ["yes"] * 40


class Slow(FakeModel):
    """A model that takes five minutes for a slow question, a second for any other."""

    async def complete(self, request: ModelRequest) -> Completion:
        completion = await super().complete(request)
        await asyncio.sleep(300 if "slow" in str(request.turns) else 1)
        return completion


async def test_who_waits_for_a_budget_that_others_have_reserved_keeps_nobody_from_the_model() -> None:
    @agent(model=MODEL, reserve=100, concurrency=2, timeout_seconds=3_000)
    async def twice(ctx: Context, number: int) -> str:
        await ctx.model.ask("quick?")  # from now on it keeps its slot: to hand it back is to ask this again
        await asyncio.sleep(3 * number)
        return await ctx.model.ask("slow?")

    asked = Pipeline("asked", takes=list[int], gives=list[str])
    asked.returns(asked.map(twice, over=asked.input))
    other = Pipeline("other", takes=int, gives=str)
    other.returns(other.step(lone, other.input))
    said = Slow(Reply(text="yes", usage=Usage(input_tokens=10, output_tokens=10)))
    settings = limited(ModelLimits(calls=2))
    async with Fleet(asked, other, model=said, settings=settings) as there:
        # Each call asks for some hundred tokens: beside the slow one there is no room for another.
        spender = await there.submit(asked, [0, 1], budget=230)
        await there.advance(30)
        began = there.now
        assert await (await there.submit(other, 1)).result() == "yes"
        assert there.now - began < 20
        assert await spender.result() == ["yes", "yes"]
        assert there.now - began < 900
