"""The app that `make chaos` and `make soak` run: all kinds of runs, whose handlers write to an outside ledger.

Every value is one that no other execution has, so a result tells which executions took effect, in the order of its
join.
"""

import os
import time

from pydantic import BaseModel

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.testing.chaos_beats import beat, beats, turn
from argosy.testing.chaos_pages import papers, summaries
from argosy.testing.chaos_plans import plans
from argosy.testing.chaos_purses import purses
from argosy.testing.chaos_rounds import rounds, teams
from argosy.testing.chaos_savers import savers
from argosy.testing.chaos_shops import markets, shops
from argosy.testing.chaos_tools import asked
from argosy.testing.chaos_waits import gates
from argosy.testing.chaos_work import effects, first_time
from argosy.testing.chaos_work import work as work_of

__all__ = [
    "asked",
    "beat",
    "beats",
    "blocker",
    "gates",
    "killer",
    "markets",
    "papers",
    "plans",
    "purses",
    "rounds",
    "savers",
    "shops",
    "summaries",
    "teams",
    "turn",
    "work",
]


class Made(BaseModel):
    """What a step answered."""

    value: str


class Whole(BaseModel):
    """What the join was given, in its order."""

    drafts: list[str]
    check: str
    value: str


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def draft(ctx: Context, item: int) -> Made:
    """One shard; a negative item fails once."""
    if item < 0 and ctx.attempt == 1:
        message = f"item {item} fails once"
        raise ValueError(message)
    return Made(value=await work_of(ctx))


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def check(ctx: Context, items: list[int]) -> Made:
    """Beside the shards; its memo is in the run log too."""
    del items
    return Made(value=await work_of(ctx, log=True))


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def merge(ctx: Context, drafts: list[Made], checked: Made) -> Whole:
    """Join them all."""
    return Whole(drafts=[made.value for made in drafts], check=checked.value, value=await work_of(ctx))


@agent(concurrency=2, retries=1)
async def deadly(ctx: Context, text: str) -> str:
    """End the process, each time: as a segmentation fault or the kernel's out-of-memory killer would."""
    effects().write("died", ctx.task_id, text)
    os._exit(139)


@agent(concurrency=2, retries=1)
async def blocking(ctx: Context, seconds: float) -> str:
    """Block the event loop, once for each task."""
    if first_time(ctx):
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
