"""What every handler of the chaos app does: it makes an effect outside of the fleet, and takes a while.

`ARGOSY_CHAOS_EFFECTS` names the ledger's folder; `ARGOSY_CHAOS_SECONDS` says how long a handler takes at most.
"""

import asyncio
import os
import random
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from argosy.pipelines.context import Context
from argosy.testing.effects import Effects

_EFFECTS: Final[list[Effects]] = []


def effects() -> Effects:
    """Give this process's part of the ledger."""
    if not _EFFECTS:
        _EFFECTS.append(Effects(Path(os.environ["ARGOSY_CHAOS_EFFECTS"])))
    return _EFFECTS[0]


async def make(key: str) -> str:
    """Make an effect: a value that no other execution has."""
    value = uuid.uuid4().hex
    effects().write("made", key, value)
    return value


async def began(ctx: Context) -> str:
    """Note a delivery, take a while, and give the key of the task's effect."""
    effects().write("began", ctx.task_id)
    most = float(os.environ.get("ARGOSY_CHAOS_SECONDS", "0"))
    if most:
        await asyncio.sleep(random.uniform(0, most))  # noqa: S311 - spreads the work, no secret
    return f"{ctx.task_id}|{ctx.idempotency_key('effect')}"


def first_time(ctx: Context) -> bool:
    """Say whether a task asks for the first time, in whatever process and attempt."""
    once = Path(os.environ["ARGOSY_CHAOS_EFFECTS"]) / ctx.task_id.replace("/", "_")
    if once.exists():
        return False
    once.touch()
    return True


async def worked(ctx: Context, effect: Callable[[str], Awaitable[str]]) -> str:
    """Do a task's work: its effect, by what makes a memo of it. Give a value that no other execution has."""
    key = await began(ctx)
    value = await effect(key)
    effects().write("known", key, value)
    return f"{ctx.task_id}:{uuid.uuid4().hex}"


async def work(ctx: Context, *, log: bool = False) -> str:
    """Do the work, its effect a step."""
    return await worked(ctx, lambda key: ctx.step("effect", make, key, log=log))
