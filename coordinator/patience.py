"""Waiting for a service that is away: the call is repeated until it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from argosy.schemas.errors import Refused, Unreachable
from argosy.telemetry import logs

T = TypeVar("T")

_FIRST_SECONDS: Final = 0.1
_MOST_SECONDS: Final = 2.0


async def patiently(what: str, call: Callable[[], Awaitable[T]]) -> T:
    """Return what the call returns, after any number of tries; only for calls that may be repeated.

    Says so while it waits.
    """
    pause = _FIRST_SECONDS
    while True:
        try:
            return await call()
        except (Unreachable, Refused) as error:
            logs.get("argosy.coordinator").warning("waiting", what=what, error=str(error))
        await asyncio.sleep(pause)
        pause = min(pause * 2, _MOST_SECONDS)
