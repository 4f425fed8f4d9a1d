"""Pipelines inside pipelines, from the author's code to the result: client, coordinator, real worker, on twins."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from pydantic import BaseModel

from argosy import Context, Hole, Pipeline, Reject, agent
from argosy.agents.worker import Worker
from argosy.broker.memory_redis import MemoryRedis
from support.shell_world import ShellWorld, client_of, settings_of, shell_world


class Draft(BaseModel):
    title: str
    lines: list[str]


@agent
async def upper(ctx: Context, line: str) -> str:
    return await ctx.step("upper", shout, line)


async def shout(line: str) -> str:
    return line.upper()


@agent(retries=0)
async def bind(ctx: Context, title: str, lines: list[str]) -> Draft:  # noqa: ARG001
    if not lines:
        raise Reject("nothing to bind")
    return Draft(title=title, lines=lines)


@agent
async def cover(ctx: Context, book: Draft | Hole) -> str:  # noqa: ARG001
    return f"no book: {book.task_id}" if isinstance(book, Hole) else f"{book.title}: {' '.join(book.lines)}"


binding = Pipeline("binding", takes=Draft, gives=Draft)
_upper = binding.map(upper, over=binding.input.pick(lambda draft: draft.lines))
binding.returns(binding.step(bind, binding.input.pick(lambda draft: draft.title), _upper))

library = Pipeline("library", takes=Draft, gives=Draft)
library.returns(library.step(binding, library.input))

shop = Pipeline("shop", takes=Draft, gives=str)
shop.returns(shop.step(cover, shop.step(library, shop.input).or_hole()))


@asynccontextmanager
async def worker(world: ShellWorld) -> AsyncGenerator[None]:
    """A worker for all agents, once the coordinator has made their topics."""
    agents = tuple(shop.agents().values())
    names = [world.names.tasks(agent.name) for agent in agents]
    await world.until(lambda: all(world.kafka.broker.plan_of(name) is not None for name in names))
    redis, kafka, stop = MemoryRedis(world.server), world.kafka.view("worker"), asyncio.Event()
    running = Worker(world.settings, kafka, redis, world.payloads, agents, count_tokens=len, end=pytest.fail)
    task = asyncio.create_task(running.run(stop), name="worker")
    try:
        yield
    finally:
        stop.set()
        await task


async def test_a_run_goes_through_pipelines_inside_and_leaves_nothing_behind() -> None:
    async with shell_world(settings_of(lease_seconds=30.0)) as world, client_of(world) as client:
        good = await client.submit(shop, Draft(title="t", lines=["a", "b", "c"]), run_id="good")
        bad = await client.submit(shop, Draft(title="t", lines=[]), run_id="bad")
        async with worker(world):
            assert await good.result(timeout_seconds=20) == "t: A B C"
            assert await bad.result(timeout_seconds=20) == "no book: bad/library/binding/bind"
            await world.until(lambda: not world.left_over())
