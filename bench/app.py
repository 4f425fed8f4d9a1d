"""What the bench lets workers run: agents that do nothing, wait, or tell when they began."""

import asyncio
import os
import time

from pydantic import BaseModel

from argosy import Context, Pipeline, agent

WIDTH = 8
"""Branches of the graph 1→8→1."""
HOPS = 20
"""Steps of the chain."""
WAIT_SECONDS = 1.0
WIDTH_OF_MAP = 200
"""Shards of a map that has half of them out at once."""
TALLY = "BENCH_TALLY"
"""The variable that names the file to which each resting handler adds one byte."""


class Item(BaseModel):
    """What no-op tasks take and give: some text."""

    text: str


class Items(BaseModel):
    """What a map spreads."""

    items: list[Item]


class Span(BaseModel):
    """When handlers began and ended, in seconds of the machine's monotonic clock, which all processes share."""

    began: list[float] = []
    ended: list[float] = []


@agent(concurrency=256)
async def noop(ctx: Context, item: Item) -> Item:
    """Give what came."""
    del ctx
    return item


@agent(concurrency=256)
async def joined(  # noqa: PLR0913, PLR0917 - as many as a typed step may read
    ctx: Context, a: Item, b: Item, c: Item, d: Item, e: Item, f: Item
) -> Item:
    """Give the first of six."""
    del ctx, b, c, d, e, f
    return a


@agent(concurrency=256)
async def counted(ctx: Context, items: list[Item]) -> int:
    """Count the results of a map."""
    del ctx
    return len(items)


@agent(concurrency=256)
async def stamped(ctx: Context, so_far: Span) -> Span:
    """Add the moment at which this handler began."""
    del ctx
    return Span(began=[*so_far.began, time.monotonic()])


@agent(concurrency=64)  # the bench sets others
async def waiting(ctx: Context, item: Item) -> Span:
    """Wait, as for a model, and tell from when to when."""
    del ctx, item
    began = time.monotonic()
    await asyncio.sleep(WAIT_SECONDS)
    return Span(began=[began], ended=[time.monotonic()])


@agent(concurrency=64, timeout_seconds=3_600)
async def resting(ctx: Context, item: Item) -> Item:
    """Say that it is here, and wait for longer than anybody looks."""
    del ctx
    tally = os.open(os.environ[TALLY], os.O_WRONLY | os.O_APPEND)
    os.write(tally, b".")
    os.close(tally)
    await asyncio.sleep(3_600)
    return item


one = Pipeline("one", takes=Item, gives=Item)
one.returns(one.step(noop, one.input))

graph = Pipeline("graph", takes=Item, gives=Item)
_first = graph.step(noop, graph.input, name="first")
_branches = [graph.step(noop, _first, name=f"branch-{number}") for number in range(WIDTH)]
_a, _b, _c, _d, _e, _f, _g, _h = _branches
graph.returns(graph.step(joined, _a, _b, _c, _d, _e, _f, after=[_g, _h]))

mapped = Pipeline("mapped", takes=Items, gives=int)
_each = mapped.map(noop, over=mapped.input.pick(lambda given: given.items), max_parallel=1_000)
mapped.returns(mapped.step(counted, _each))

halved = Pipeline("halved", takes=Items, gives=int)
_half = halved.map(noop, over=halved.input.pick(lambda given: given.items), max_parallel=WIDTH_OF_MAP // 2)
halved.returns(halved.step(counted, _half))

chain = Pipeline("chain", takes=Span, gives=Span)
_link = chain.input
for _number in range(HOPS):
    _link = chain.step(stamped, _link, name=f"hop-{_number}")
chain.returns(_link)

waits = Pipeline("waits", takes=Item, gives=Span)
waits.returns(waits.step(waiting, waits.input))

rests = Pipeline("rests", takes=Item, gives=Item)
rests.returns(rests.step(resting, rests.input))
