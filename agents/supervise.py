"""Letting handlers run until they are done, or until there is a reason to stop one."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from argosy.agents.running import Running
from argosy.agents.verdict import Raised, Stopped, outcome_of


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Runs each handler in a task of its own, and cancels that when the attempt is to stop."""

    grace_seconds: float
    """How long a handler may take to stop. One that takes longer is left behind: the process must end."""
    done: Callable[[Running], None]
    """Told of each handler that is done with: `outcome` then says how."""

    def start(self, running: Running, handler: Coroutine[Any, Any, bytes]) -> None:
        """Begin a handler."""
        loop = asyncio.get_running_loop()
        running.began = time.perf_counter()
        running.stopping = self._stop
        task = running.handler = loop.create_task(outcome_of(handler), name=f"handler {running.name}")
        task.add_done_callback(partial(self._ended, running, handler))

    def _ended(
        self, running: Running, handler: Coroutine[Any, Any, bytes], task: "asyncio.Task[Any]"
    ) -> None:
        handler.close()  # one whose task was cancelled before its first step was never awaited
        if running.outcome is not None:  # it was left behind
            return
        if running.stopped is not None:
            running.outcome = Stopped(obeyed=True)
        elif task.cancelled():  # by itself, and then it returned without waiting
            running.outcome = Raised(asyncio.CancelledError())
        else:
            running.outcome = task.result()
        # The task holds its context, which holds this attempt: a circle that only the garbage collector would find.
        running.handler = None
        self._finish(running)

    def _finish(self, running: Running) -> None:
        running.seconds = time.perf_counter() - running.began
        running.stopping = None
        self.done(running)

    def _stop(self, running: Running) -> None:
        task = running.handler
        if task is None:
            return
        if task.done():  # its outcome was on its way: it counts
            running.stopped = None
            return
        task.cancel()
        self._wait(running)

    def _wait(self, running: Running, *, again: bool = False) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.grace_seconds
        loop.call_at(due, self._give_up, running, due, again)

    def _give_up(self, running: Running, due: float, again: bool) -> None:  # noqa: FBT001 - a callback's
        if running.outcome is not None:
            return
        if not again and asyncio.get_running_loop().time() > due + self.grace_seconds / 2:
            # The process stood still: nobody could obey meanwhile. Once: a handler that blocks looks the same.
            self._wait(running, again=True)
            return
        running.outcome = Stopped(obeyed=False)
        self._finish(running)
