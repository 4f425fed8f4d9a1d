"""Runs of the shape that `argosy plan-capacity` reckons with: one task, layers of what it listed, one that joins."""

import asyncio
from typing import Any, Final

from pydantic import BaseModel

from argosy import Context, Pipeline, agent

_WORDS: Final = "a line of some thirty letters. "
_LONG_SECONDS: Final = 3_000.0
_AROUND: Final = len('{"text":""}')


class Item(BaseModel):
    """What a task takes and gives."""

    text: str


class Items(BaseModel):
    """What the first task lists."""

    items: list[Item]


class Ask(BaseModel):
    """What a run is given: how many items, each as this one."""

    text: str
    width: int


@agent(concurrency=256)
async def first(ctx: Context, ask: Ask) -> Items:
    """List as many as are asked for."""
    del ctx
    return Items(items=[Item(text=ask.text)] * ask.width)


@agent(concurrency=256)
async def wide(ctx: Context, item: Item) -> Item:
    """Give what came."""
    del ctx
    return item


@agent(concurrency=256)
async def last(ctx: Context, items: list[Item]) -> Item:
    """Give the first of all."""
    del ctx
    return items[0]


@agent(concurrency=5_000, timeout_seconds=3_600)
async def resting(ctx: Context, item: Item) -> Item:
    """Wait as for a model that doesn't answer."""
    del ctx
    await asyncio.sleep(_LONG_SECONDS)
    return item


AGENTS: Final = ("first", "wide", "last")


def layered(depth: int, *, waits: bool = False) -> Pipeline[Any, Any]:
    """Make the pipeline of a depth; `waits`: a day passes before the last task."""
    pipeline: Pipeline[Any, Any]
    if depth == 1:
        pipeline = Pipeline("layered-1", takes=Items, gives=list[Item])
        listed = pipeline.input
    else:
        name = f"layered-{depth}{'-waiting' if waits else ''}"
        pipeline = Pipeline(name, takes=Ask, gives=Item if depth > 2 else list[Item])
        listed = pipeline.step(first, pipeline.input)
    layer: Any = pipeline.map(
        wide, over=listed.pick(lambda found: found.items), name="wide-1", max_parallel=1_000
    )
    for number in range(2, depth - 1):
        layer = pipeline.map(wide, over=layer, name=f"wide-{number}", max_parallel=1_000)
    after = [pipeline.sleep(86_400, name="rest", after=[layer])] if waits else []
    pipeline.returns(pipeline.step(last, layer, after=after) if depth > 2 else layer)
    return pipeline


def asked(depth: int, width: int, payload_bytes: int) -> Ask | Items:
    """Make an input whose items have about so many bytes of JSON."""
    text = _WORDS * (payload_bytes // len(_WORDS) + 1)
    text = text[: max(0, payload_bytes - _AROUND)]
    return Items(items=[Item(text=text)] * width) if depth == 1 else Ask(text=text, width=width)


rest = Pipeline("rest", takes=Item, gives=Item)
rest.returns(rest.step(resting, rest.input))
