"""Runs of the chaos app that call a tool of an MCP server, which may not be called twice."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from pydantic import BaseModel, JsonValue

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.mcp import mcp
from argosy.pipelines.pipeline import Pipeline
from argosy.testing.chaos_work import worked

HAS_MCP: Final = find_spec("mcp") is not None
"""The library is there that workers need for such tools: `argosy[mcp]` brings it."""

shop = mcp(
    "shop",
    command=[sys.executable, "-P", "-m", "argosy.testing.chaos_shop"],
    allow=["buy"],
    env=["ARGOSY_CHAOS_EFFECTS", "PYTHONPATH"],
    trusted=["buy"],
)


class Bought(BaseModel):
    """What a step got of the server."""

    got: str
    value: str


@agent(concurrency=8, retries=12, backoff_seconds=0.2, tools=[shop])
async def buyer(ctx: Context, item: int) -> Bought:
    """Buy; a negative item fails once, afterwards.

    A server that dies fails the calls of its neighbours too: more retries than others have.
    """
    got: list[str] = []

    async def buy(key: str) -> str:
        answer = await ctx.tools.call(shop["buy"], key=key)
        got.append(str(answer["value"]) if isinstance(answer, dict) else "")
        return got[0]

    value = await worked(ctx, buy)
    if item < 0 and ctx.attempt == 1:
        message = f"item {item} fails once"
        raise ValueError(message)
    return Bought(got=got[0], value=value)


shops = Pipeline("shops", takes=list[int], gives=list[Bought])
shops.returns(shops.map(buyer, over=shops.input))


def wrong_shops(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: each item bought, and the values that took effect, in order. Empty: nothing."""
    items, bought = given if isinstance(given, list) else [], whole if isinstance(whole, list) else []
    values = [one["value"] for one in bought if isinstance(one, dict) and one["got"]]
    right = [took.get(f"buyer.{item}") for item in range(len(items))]
    return "" if values == right else f"it says {whole}, took {right}"
