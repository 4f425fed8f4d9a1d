"""The app that `make chaos` and `make soak` run: a map with joins whose handlers write to an outside ledger.

Every value is one that no other execution has, so a result tells which executions took effect, in the order of its
join. `ARGOSY_CHAOS_EFFECTS` names the ledger's folder; `ARGOSY_CHAOS_SECONDS` says how long a handler takes at most.
"""

import asyncio
import os
import random
import time
import uuid
from pathlib import Path

from pydantic import BaseModel

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.testing.effects import Effects


class Made(BaseModel):
    """What a step answered."""

    value: str


class Whole(BaseModel):
    """What the join was given, in its order."""

    drafts: list[str]
    check: str
    value: str


_EFFECTS: list[Effects] = []


def _effects() -> Effects:
    if not _EFFECTS:
        _EFFECTS.append(Effects(Path(os.environ["ARGOSY_CHAOS_EFFECTS"])))
    return _EFFECTS[0]


async def _make(key: str) -> str:
    value = uuid.uuid4().hex
    _effects().write("made", key, value)
    return value


async def _work(ctx: Context, *, log: bool = False) -> str:
    _effects().write("began", ctx.task_id)
    most = float(os.environ.get("ARGOSY_CHAOS_SECONDS", "0"))
    if most:
        await asyncio.sleep(random.uniform(0, most))  # noqa: S311 - spreads the work, no secret
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    value = await ctx.step("effect", _make, key, log=log)
    _effects().write("known", key, value)
    return f"{ctx.task_id}:{uuid.uuid4().hex}"


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def draft(ctx: Context, item: int) -> Made:
    """One shard; a negative item fails once."""
    if item < 0 and ctx.attempt == 1:
        message = f"item {item} fails once"
        raise ValueError(message)
    return Made(value=await _work(ctx))


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def check(ctx: Context, items: list[int]) -> Made:
    """Beside the shards; its memo is in the run log too."""
    del items
    return Made(value=await _work(ctx, log=True))


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def merge(ctx: Context, drafts: list[Made], checked: Made) -> Whole:
    """Join them all."""
    return Whole(drafts=[made.value for made in drafts], check=checked.value, value=await _work(ctx))


@agent(concurrency=2, retries=1)
async def deadly(ctx: Context, text: str) -> str:
    """End the process, each time: as a segmentation fault or the kernel's out-of-memory killer would."""
    _effects().write("died", ctx.task_id, text)
    os._exit(139)


@agent(concurrency=2, retries=1)
async def blocking(ctx: Context, seconds: float) -> str:
    """Block the event loop, once for each task."""
    once = Path(os.environ["ARGOSY_CHAOS_EFFECTS"]) / ctx.task_id.replace("/", "_")
    if not once.exists():
        once.touch()
        time.sleep(seconds)  # noqa: ASYNC251 - to block is what it is for
    return "awake again"


work = Pipeline("work", takes=list[int], gives=Whole)
_drafts = work.map(draft, over=work.input)
_checked = work.step(check, work.input)
work.returns(work.step(merge, _drafts, _checked))

killer = Pipeline("killer", takes=str, gives=str)
killer.returns(killer.step(deadly, killer.input))

blocker = Pipeline("blocker", takes=float, gives=str)
blocker.returns(blocker.step(blocking, blocker.input))
