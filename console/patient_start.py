"""Waiting at a process's start for services that don't answer yet, as one that runs waits for those that are away."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from argosy.schemas.errors import Unreachable
from argosy.telemetry import logs

_AGAIN_SECONDS: Final = 2.0


async def until_reached(
    who: str,
    call: Callable[[], Awaitable[object]],
    stop: asyncio.Event,
    *,
    again_seconds: float = _AGAIN_SECONDS,
) -> bool:
    """Repeat a call until its services answer, and say so while they don't; False: told to stop before.

    Raises what else the call raises: what no waiting mends.
    """
    while not stop.is_set():
        try:
            await call()
        except Unreachable as error:
            logs.get(f"argosy.{who}").warning("waiting for services to start with", error=str(error))
        else:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(again_seconds):
                await stop.wait()
    return False
