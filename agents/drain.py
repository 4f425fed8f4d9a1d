"""Leaving in good order: take nothing more, let what runs come to its end, hand back the rest, commit."""

import asyncio
from collections.abc import Sequence
from typing import Final

from argosy.agents.desk import Desk
from argosy.schemas.errors import Refused, Unreachable
from argosy.telemetry import logs

LAST_SECONDS: Final = 5.0
"""For the last calls of Redis and Kafka: a service that is away must not keep us from leaving."""


async def drain(desks: Sequence[Desk], seconds: float) -> None:
    """Drain all desks of a worker, in `seconds` and a little. Heartbeats and leases must go on meanwhile."""
    for desk in desks:
        desk.close()
    running = sum(desk.running for desk in desks)
    logs.get("argosy.worker").info("draining", running=running, seconds=seconds)
    await asyncio.gather(*(_leave(desk, seconds) for desk in desks))


async def _leave(desk: Desk, seconds: float) -> None:
    await desk.finish(seconds)
    try:
        async with asyncio.timeout(LAST_SECONDS):
            await desk.hand_back()
            await desk.intake.commit()
    except (Unreachable, Refused, TimeoutError) as error:
        logs.get("argosy.worker").warning("left without a last word; leases will run out", error=str(error))
