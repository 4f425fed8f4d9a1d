"""Work that may take long beside a loop that others wait for: in a thread, in a loop of its own, until nobody waits."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from threading import Event
from typing import Any, TypeVar

T = TypeVar("T")


async def apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do `work` there. Who stops waiting stops it too: at the next point at which it gives way to its loop."""
    left = Event()
    working: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = []

    async def until_left() -> T:
        task = asyncio.ensure_future(work())
        working.append((asyncio.get_running_loop(), task))
        if left.is_set():
            task.cancel()
        return await task

    try:
        return await asyncio.to_thread(lambda: asyncio.run(until_left()))
    except asyncio.CancelledError:
        left.set()
        for loop, task in working:
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(task.cancel)
        raise
