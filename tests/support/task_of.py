"""Finds the running tasks of a library, which are nobody's but its own."""

import asyncio
import signal
from contextlib import suppress
from typing import Any


def task_of(routine: str) -> set[asyncio.Task[Any]]:
    """Return the tasks of this loop whose coroutine has this qualified name."""
    return {task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "") == routine}


def at_signal() -> None:
    """For `forks.PLUG`: a process whose clients of Kafka's fetch no more once it gets SIGUSR1."""

    def end(_number: int, _frame: object) -> None:
        with suppress(RuntimeError):  # its loop has ended
            for task in task_of("Fetcher._fetch_requests_routine"):
                task.cancel()

    signal.signal(signal.SIGUSR1, end)
