"""Arm resting: the memory that a waiting handler holds, with all that a worker knows of its task."""

import asyncio
from pathlib import Path

from app import TALLY, rests
from drain import UNTRACED, WIDE
from figures import Figure, at_most
from fleet import LIMIT_SECONDS, Fleet, fleet_on
from submitting import ITEM, submit

from argosy.console.stack import LocalStack

FIRST = 200
"""Handlers that have begun before: what is made once is made."""
STEADY_SECONDS = 2.0


async def measure(stack: LocalStack, repeats: int, handlers: int) -> list[Figure]:
    """Measure by resident memory: with all of them under way, beside with a few."""
    found: list[float] = []
    try:
        for _ in range(repeats):
            async with asyncio.timeout(LIMIT_SECONDS):
                found.append(await _repeat(stack, handlers))
    except TimeoutError:
        found = []
    name = f"{handlers:,} waiting handlers in one worker: resident memory each"
    return [Figure("resting", name, "KB", found, at_most(8.0))]


async def _repeat(stack: LocalStack, handlers: int) -> float:
    tally = stack.folder / "tally"
    tally.write_bytes(b"")
    room = str(handlers + FIRST)
    environment = {
        TALLY: str(tally),
        "ARGOSY_WORKER__CONCURRENCY": room,
        "ARGOSY_WORKER__PER_PARTITION": room,
        "ARGOSY_WORKER__DRAIN_SECONDS": "0.1",
    }
    async with fleet_on(stack, ["resting"], **environment, **WIDE, **UNTRACED) as fleet:
        await fleet.coordinator()
        await fleet.worker(["resting"])
        async with fleet.connect() as client:
            await submit(client, rests, [ITEM] * FIRST)
            before = await _resident(fleet, tally, FIRST)
            await submit(client, rests, [ITEM] * handlers)
            after = await _resident(fleet, tally, FIRST + handlers)
    return (after - before) / handlers / 1e3


async def _resident(fleet: Fleet, tally: Path, handlers: int) -> int:
    while tally.stat().st_size < handlers:  # noqa: ASYNC110, ASYNC240 - another process has no event; a look
        await asyncio.sleep(0.1)
    await asyncio.sleep(STEADY_SECONDS)  # what was made on the way is let go
    return fleet.resident_bytes("worker")
