"""One life of a simulated process: it runs, is stopped and goes on, or dies between two of its steps."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, Literal

from argosy.testing.gate import GATE
from argosy.testing.virtual_loop import VirtualLoop

State = Literal["up", "paused", "blocked", "dead"]
"""`blocked`: its event loop stands still, its other threads run."""


class Process:
    """A `Gate`: each step of its tasks passes here. Death is that of kill -9: nothing of it ever runs again."""

    def __init__(self, loop: VirtualLoop, name: str, life: int, seed: int | str) -> None:
        """`life` counts the lives of one name."""
        self.name, self.life = name, life
        self.state: State = "up"
        self.steps = 0
        self.skew_seconds = 0.0
        """How far its clock is ahead of everybody's."""
        self.over = False
        """The world has ended: even the dead may come to their end."""
        self.stop = asyncio.Event()
        """What SIGTERM would set."""
        self.chance = random.Random(f"{seed} {name} {life}")  # noqa: S311 - repeatable, no secret
        self.last_step: int | None = None
        """The step at which it dies, before that step."""
        self.on_last_step: Callable[[], None] = self.kill
        self._loop = loop
        self._held: list[asyncio.Handle] = []
        self.thread = Thread(self)

    @property
    def full_name(self) -> str:
        """Tell this life apart from the others of its name."""
        return f"{self.name}.{self.life}"

    def begin(self, main: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start its main task; what that starts is of this process too."""
        context = copy_context()
        context.run(GATE.set, self)
        return self._loop.create_task(main, name=self.full_name, context=context)

    def admits(self, handle: asyncio.Handle) -> bool:
        """See `Gate`."""
        if self.over:
            return True
        if self.state != "up":
            self._held.append(handle)
            return False
        self.steps += 1
        if self.steps == self.last_step:
            self._held.append(handle)
            self.on_last_step()
            return False
        return True

    def pause(self) -> None:
        """Stop it as SIGSTOP does: it notices nothing."""
        if self.state == "up":
            self.state = "paused"

    def block(self) -> None:
        """Let its event loop stand still, as a handler does that never awaits."""
        if self.state == "up":
            self.state = "blocked"

    def resume(self) -> None:
        """Let it go on, with all that came due meanwhile."""
        if self.state in {"paused", "blocked"}:
            self.state = "up"
            self._again()

    def kill(self) -> None:
        """Let nothing of it ever run again."""
        self.state = "dead"

    def end(self) -> None:
        """Let all that is left of it run out, now that the world is over and nothing has an effect any more."""
        self.over = True
        self._again()

    def _again(self) -> None:
        held, self._held = self._held, []
        self._loop.again(held, self)
        held, self.thread.held = self.thread.held, []
        self._loop.again(held, self.thread)


class Thread:
    """A `Gate`: the other thread of a process. It runs while the event loop is blocked."""

    def __init__(self, process: Process) -> None:
        """Be a thread of this process."""
        self.process = process
        self.held: list[asyncio.Handle] = []

    def admits(self, handle: asyncio.Handle) -> bool:
        """See `Gate`."""
        if self.process.over or self.process.state in {"up", "blocked"}:
            return True
        self.held.append(handle)
        return False

    def begin(self, main: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start what the thread runs."""
        context = copy_context()
        context.run(GATE.set, self)
        return asyncio.get_running_loop().create_task(main, name=name, context=context)


async def forever() -> None:
    """Wait for what never comes: where a process has just died in its own step."""
    await asyncio.get_running_loop().create_future()
