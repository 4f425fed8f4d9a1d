"""Letting a handler run until it is done, or until there is a reason to stop it."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from argosy.agents.running import Running
from argosy.agents.verdict import Raised, Returned, outcome_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stopped:
    """The handler was told to stop, for `Running.stopped`; `obeyed`: it did, within the grace."""

    obeyed: bool


async def supervise(
    running: Running, handler: Awaitable[T], grace_seconds: float
) -> Returned[T] | Raised | Stopped:
    """Run a handler in a task of its own, and cancel that when the attempt is to stop.

    A handler that doesn't stop within the grace is left behind: the caller must end the process.
    """
    task = asyncio.create_task(outcome_of(handler), name=f"handler {running.name}")
    try:
        if await running.until_done(task):
            return _outcome(task)
        task.cancel()
        await asyncio.wait({task}, timeout=grace_seconds)
        return Stopped(task.done())
    finally:
        # Cancelled ourselves: the worker ends in an emergency.
        if not task.done():
            task.cancel()


def _outcome(task: "asyncio.Task[Returned[T] | Raised]") -> Returned[T] | Raised:
    # A handler that cancels its own task and then returns without waiting: the task is cancelled after its outcome.
    return Raised(asyncio.CancelledError()) if task.cancelled() else task.result()
