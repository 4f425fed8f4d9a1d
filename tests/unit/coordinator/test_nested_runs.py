"""Pipelines inside pipelines and for each item, from code to result: client, coordinator, real worker, on twins."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import BaseModel

from argosy import Agent, Context, Hole, Pipeline, Reject, agent, all_ended, size
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


@agent
async def sort_out(ctx: Context, drafts: Sequence[Draft | Hole], titles: list[str]) -> str:  # noqa: ARG001
    names = (f"-{draft.task_id}" if isinstance(draft, Hole) else draft.title for draft in drafts)
    return f"{', '.join(names)}: {' '.join(titles)}"


class Shelf(BaseModel):
    drafts: list[Draft]


checked = Pipeline("checked", takes=Draft, gives=Draft)
_bound = checked.step(binding, checked.input, when=checked.input.pick(lambda draft: draft.title != "skip"))
checked.returns(_bound)

press = Pipeline("press", takes=Shelf, gives=str)
_drafts = press.map(checked, over=press.input.pick(lambda s: s.drafts), max_parallel=2, join=all_ended())
_titles = press.map(upper, over=_drafts.query("[].title", list[str]), name="titles")
press.returns(press.step(sort_out, _drafts, _titles, when=_drafts.pick(lambda drafts: size(drafts) > 1)))

lists = Pipeline("lists", takes=Draft, gives=list[str])
lists.returns(lists.map(upper, over=lists.input.pick(lambda draft: draft.lines)))
many = Pipeline("many", takes=Shelf, gives=list[list[str]])
many.returns(many.map(lists, over=many.input.pick(lambda s: s.drafts)))
first = Pipeline("first", takes=Shelf, gives=list[str])
first.returns(first.map(lists, over=first.input.pick(lambda s: s.drafts)).pick(lambda found: found[0]))


@asynccontextmanager
async def worker(world: ShellWorld, agents: Iterable[Agent[..., Any]]) -> AsyncGenerator[None]:
    """A worker for these agents, once the coordinator has made their topics."""
    agents = tuple(agents)
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
        async with worker(world, shop.agents().values()):
            assert await good.result(timeout_seconds=150) == "t: A B C"
            assert await bad.result(timeout_seconds=150) == "no book: bad/library/binding/bind"
            await world.until(lambda: not world.left_over())


async def test_a_pipeline_for_each_item_with_conditions_holes_and_parts_of_its_list() -> None:
    shelf = Shelf(
        drafts=[
            Draft(title="one", lines=["x"]),
            Draft(title="skip", lines=["y"]),
            Draft(title="two", lines=[]),
            Draft(title="three", lines=["z" * 70_000]),
        ]
    )
    async with shell_world(settings_of(lease_seconds=30.0)) as world, client_of(world) as client:
        run = await client.submit(press, shelf, run_id="p")
        whole = await client.submit(many, shelf, run_id="m")
        part = await client.submit(first, shelf, run_id="f")
        async with worker(world, press.agents().values()):
            assert await run.result(timeout_seconds=150) == (
                "one, -p/checked.1/binding, -p/checked.2/binding/bind, three: ONE THREE"
            )
            assert await whole.result(timeout_seconds=150) == [["X"], ["Y"], [], ["Z" * 70_000]]
            assert await part.result(timeout_seconds=150) == ["X"]
            await world.until(lambda: not world.left_over())
