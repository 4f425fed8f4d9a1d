"""Runs that are held up, and run again: an app for workers of a full fleet, and of replays."""

import asyncio
import os
from pathlib import Path

from argosy import Context, Pipeline, Reject, agent
from support.ledger import make_effect, the_ledger


def _there(name: str) -> bool:
    """Say whether a test has put a file beside the ledger."""
    return Path(os.environ["ARGOSY_TEST_LEDGER"]).with_name(name).exists()


@agent(retries=0, concurrency=64, timeout_seconds=600)
async def hold(ctx: Context, text: str) -> str:
    """Wait for the test's word."""
    while not _there("go"):  # noqa: ASYNC110 - the word comes as a file
        await asyncio.sleep(0.05)
    return f"{ctx.run_id}: {text}"


@agent(retries=0)
async def gather(ctx: Context, text: str) -> str:
    """Cost something, once for each task."""
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    the_ledger().know(key, await ctx.step("effect", make_effect, key))
    if text == "bad" and not _there("mended"):
        raise Reject("a bad text")
    return text.upper()


@agent(retries=0)
async def write(ctx: Context, parts: list[str]) -> str:
    """Cost something too."""
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    the_ledger().know(key, await ctx.step("effect", make_effect, key))
    return f"{ctx.run_id}: {' '.join(parts)}"


held = Pipeline("held", takes=str, gives=str)
held.returns(held.step(hold, held.input))

costly = Pipeline("costly", takes=list[str], gives=str)
costly.returns(costly.step(write, costly.map(gather, over=costly.input, max_parallel=4)))
