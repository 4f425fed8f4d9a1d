"""Patience with services: Kafka, Redis or the payload store being away is never the fault of a task."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Final, TypeVar

from argosy.agents.running import Running
from argosy.schemas.errors import ClaimLost, HandlerTimeout, Refused, Unreachable
from argosy.telemetry import logs

T = TypeVar("T")

_FIRST_SECONDS: Final = 0.05
_MOST_SECONDS: Final = 2.0


async def patiently(call: Callable[[], Awaitable[T]], doing: str, running: Running | None = None) -> T:
    """Make a call that is safe to repeat until the service answers.

    The time limit of `running` stands still meanwhile. Its deadline raises HandlerTimeout, any other reason
    to stop ClaimLost; without `running` there is no end to it.

    A refusal (a wrong ACL, a full server) is waited out too: it says nothing about the task, and an operator
    can mend it.
    """
    try:
        return await call()
    except (Unreachable, Refused) as error:
        first = error
    logs.get("argosy.worker").warning("waiting for a service", doing=doing, error=str(first))
    with running.limit.paused() if running is not None else nullcontext():
        wait = _FIRST_SECONDS
        while True:
            await asyncio.sleep(wait)
            if running is not None:
                _check(running)
            try:
                return await call()
            except (Unreachable, Refused) as error:
                if wait < _MOST_SECONDS <= wait * 2:
                    logs.get("argosy.worker").error(
                        "still waiting for a service", doing=doing, error=str(error)
                    )
                wait = min(wait * 2, _MOST_SECONDS)


def _check(running: Running) -> None:
    if running.stopped is None and running.limit.left() <= 0:
        running.stop(running.limit.over_by)
    match running.stopped:
        case None:
            pass
        case "limit" | "deadline":
            message = f"{running.name} waited for a service until its deadline"
            raise HandlerTimeout(message)
        case "over" | "loss" | "drain":
            message = f"{running.name} is not ours any more ({running.stopped})"
            raise ClaimLost(message)
