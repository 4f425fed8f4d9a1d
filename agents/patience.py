"""Patience with services: Kafka, Redis or the payload store being away is never the fault of a task."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Final, TypeVar

from argosy.agents.time_limit import TimeLimit
from argosy.schemas.errors import Refused, Unreachable
from argosy.telemetry import logs

T = TypeVar("T")

_FIRST_SECONDS: Final = 0.05
_MOST_SECONDS: Final = 2.0


async def patiently(call: Callable[[], Awaitable[T]], doing: str, limit: TimeLimit | None = None) -> T:
    """Make a call that is safe to repeat until the service answers; `limit` doesn't run meanwhile.

    A refusal (a wrong ACL, a full server) is waited out too: it says nothing about the task, and an operator
    can mend it.
    """
    try:
        return await call()
    except (Unreachable, Refused) as error:
        first = error
    logs.get("argosy.worker").warning("waiting for a service", doing=doing, error=str(first))
    with limit.paused() if limit is not None else nullcontext():
        wait = _FIRST_SECONDS
        while True:
            await asyncio.sleep(wait)
            try:
                return await call()
            except (Unreachable, Refused) as error:
                if wait < _MOST_SECONDS <= wait * 2:
                    logs.get("argosy.worker").error(
                        "still waiting for a service", doing=doing, error=str(error)
                    )
                wait = min(wait * 2, _MOST_SECONDS)
