"""Letting handlers run until they are done, or until there is a reason to stop one."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from argosy.agents.running import Running
from argosy.agents.verdict import Outcome, Raised, Stopped, outcome_of


@dataclass(slots=True)
class Supervisor:
    """Runs each handler in a task of its own, and cancels that when the attempt is to stop."""

    grace_seconds: float
    """How long a handler may take to stop. One that takes longer is left behind: the process must end."""
    done: Callable[[Running], None]
    """Told of each handler that is done with: `outcome` then says how."""

    _loop: asyncio.AbstractEventLoop | None = field(init=False, default=None)
    """Asked for once: it takes a system call to find it."""

    def start(self, running: Running, handle: Callable[[], Coroutine[Any, Any, bytes]]) -> None:
        """Begin a handler: `handle` makes it, in its own task."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        running.began = time.perf_counter()
        running.stopping = self._stop
        running.handler = self._loop.create_task(self._run(running, handle), name=f"handler {running.name}")

    async def _run(self, running: Running, handle: Callable[[], Coroutine[Any, Any, bytes]]) -> None:
        # It tells its outcome itself: that every task is called back for when it is done costs a turn of the loop.
        begun = handle()
        del handle  # thousands may wait here
        outcome = await outcome_of(begun)
        task = running.handler
        if task is not None and task.cancelling() and running.stopped is None:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError as error:  # by itself, and then it returned without waiting
                outcome = Raised(error)
        self._ended(running, outcome)

    def _ended(self, running: Running, outcome: Outcome) -> None:
        if running.outcome is not None:  # it was left behind
            return
        running.outcome = outcome if running.stopped is None else Stopped(obeyed=True)
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
        # One that is cancelled before its first step never runs, and so tells nothing.
        task.add_done_callback(partial(self._never_began, running))
        task.cancel()
        self._wait(running)

    def _never_began(self, running: Running, _task: "asyncio.Task[None]") -> None:
        self._ended(running, Stopped(obeyed=True))

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
