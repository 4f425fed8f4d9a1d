"""Runs of the chaos app that call a tool of an MCP server, over stdio or over HTTP, which may not be called twice."""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from pydantic import BaseModel, JsonValue

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.mcp import McpServer, mcp
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
MARKET_URL: Final = "ARGOSY_CHAOS_MARKET"
"""The variable that says where the server over HTTP is."""
_CALLER: Final = "ARGOSY_CHAOS_CALLER"
os.environ[_CALLER] = str(os.getpid())

market = mcp(
    "market",
    url=os.environ.get(MARKET_URL, "http://127.0.0.1:9/mcp"),
    allow=["buy"],
    token_env=_CALLER,
    trusted=["buy"],
    timeout_seconds=5,
    start_seconds=5,
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
    return await _buy(ctx, shop, item)


@agent(concurrency=8, retries=12, backoff_seconds=0.5, tools=[market])
async def trader(ctx: Context, item: int) -> Bought:
    """Buy likewise, of the server that all workers share."""
    return await _buy(ctx, market, item)


async def _buy(ctx: Context, server: McpServer, item: int) -> Bought:
    got: list[str] = []

    async def buy(key: str) -> str:
        answer = await ctx.tools.call(server["buy"], key=key)
        got.append(str(answer["value"]) if isinstance(answer, dict) else "")
        return got[0]

    value = await worked(ctx, buy)
    if item < 0 and ctx.attempt == 1:
        message = f"item {item} fails once"
        raise ValueError(message)
    return Bought(got=got[0], value=value)


shops = Pipeline("shops", takes=list[int], gives=list[Bought])
shops.returns(shops.map(buyer, over=shops.input))

markets = Pipeline("markets", takes=list[int], gives=list[Bought])
markets.returns(markets.map(trader, over=markets.input))


def wrong_shops(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: each item bought, and the values that took effect, in order. Empty: nothing."""
    return _wrong(buyer.name, given, whole, took)


def wrong_markets(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """As `wrong_shops`."""
    return _wrong(trader.name, given, whole, took)


def _wrong(agent_name: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    items, bought = given if isinstance(given, list) else [], whole if isinstance(whole, list) else []
    values = [one["value"] for one in bought if isinstance(one, dict) and one["got"]]
    right = [took.get(f"{agent_name}.{item}") for item in range(len(items))]
    return "" if values == right else f"it says {whole}, took {right}"
