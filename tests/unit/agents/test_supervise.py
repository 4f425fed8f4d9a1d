"""Handlers that are told to stop: how long they may take, and when one is left behind."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

from argosy.agents.running import Running
from argosy.agents.supervise import Supervisor
from argosy.agents.time_limit import TimeLimit
from argosy.agents.verdict import Stopped

GRACE_SECONDS = 0.3


async def stopped(handler: Callable[[], Coroutine[Any, Any, bytes]]) -> Running:
    """Run a handler, stop it as it begins, and wait until it is done with."""
    done: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    order: Any = SimpleNamespace(name="run-1/a#1")
    running = Running(order, "mine", 0, TimeLimit(3600, 3600), [])
    Supervisor(GRACE_SECONDS, done.set_result).start(running, handler)
    await asyncio.sleep(0)
    running.stop("limit")
    return await asyncio.wait_for(done, 60)


async def test_a_process_that_stood_still_gives_the_handler_its_grace_again() -> None:
    async def slow() -> bytes:
        try:
            await asyncio.sleep(3600)
        finally:
            time.sleep(3 * GRACE_SECONDS)  # noqa: ASYNC251 - the process stands still
            for _ in range(5):  # turns, not time: whether a loaded machine goes on at once is not ours to say
                await asyncio.sleep(0)
        return b""

    assert (await stopped(slow)).outcome == Stopped(obeyed=True)


async def test_a_handler_that_is_deaf_and_blocks_again_and_again_is_left_behind_all_the_same() -> None:
    over = asyncio.Event()

    async def deaf() -> bytes:
        while not over.is_set():
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                continue
            time.sleep(2 * GRACE_SECONDS)  # noqa: ASYNC251 - that is what it does wrong
        return b""

    try:
        assert (await stopped(deaf)).outcome == Stopped(obeyed=False)
    finally:
        over.set()  # or the loop could not be closed
