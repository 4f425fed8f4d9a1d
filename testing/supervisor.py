"""Keeps the processes of a simulated fleet alive: whoever dies is started again, as any supervisor does."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from argosy.schemas.errors import ArgosyError, ConfigurationError
from argosy.testing.process import Process
from argosy.testing.wire import NETWORK
from argosy.testing.world import Doors, World

RESTART_SECONDS: Final = 1.0

Main = Callable[[Process, Doors], Coroutine[Any, Any, None]]
"""What a process runs, until its `stop`."""


@dataclass(slots=True)
class _Member:
    main: Main
    lives: int = 0
    process: Process | None = None
    doors: Doors | None = None
    wanted: bool = True


class Supervisor:
    """The processes by name. A name has one life at a time."""

    def __init__(self, world: World) -> None:
        """Supervise in this world."""
        self._world = world
        self._members: dict[str, _Member] = {}
        self.defects: list[str] = []
        """Processes that ended with an error that isn't one of ours."""
        world.observer.crash = self.crash

    def add(self, name: str, main: Main) -> None:
        """Start a process and keep it alive. Call it while the loop runs."""
        self._members[name] = _Member(main)
        self._live(name)

    @property
    def names(self) -> list[str]:
        """All names, in the order of their beginning."""
        return list(self._members)

    def find(self, name: str) -> Process | None:
        """Return the life that a name has now; None between two. Raises ConfigurationError for no such name."""
        member = self._members.get(name)
        if member is None:
            raise ConfigurationError(
                f"there is no process {name!r}", do=f"name one of {', '.join(self._members)}"
            )
        return member.process

    def doors(self, name: str) -> Doors | None:
        """Return the doors of the life that a name has now."""
        return self._members[name].doors

    def crash(self, process: Process) -> None:
        """Kill a process as -9 does. Its group learns of it when its session ends; it is started again before."""
        if process.state == "dead":
            return
        world = self._world
        process.kill()
        world.trace.note("fleet", f"{process.full_name} is dead")
        world.loop.call_later(
            world.broker.session_seconds, world.broker.expel, process.full_name, context=NETWORK
        )
        self._again(process.name)

    def pause(self, process: Process, seconds: float, *, threads: bool = False) -> None:
        """Stop a process for a while; its group may give up on it meanwhile. Then it goes on as if nothing had been.

        With `threads` only its event loop stops, its other threads go on.
        """
        if process.state != "up":
            return
        world = self._world
        (process.block if threads else process.pause)()
        world.trace.note("fleet", f"{process.full_name} is {process.state} for {seconds:g} s")
        if seconds > world.broker.session_seconds:
            world.loop.call_later(
                world.broker.session_seconds, world.broker.expel, process.full_name, context=NETWORK
            )
        world.loop.call_later(seconds, self._resume, process, context=NETWORK)

    def _resume(self, process: Process) -> None:
        if process.state in {"paused", "blocked"}:
            self._world.trace.note("fleet", f"{process.full_name} goes on")
            process.resume()

    def stop_all(self) -> list[asyncio.Event]:
        """Tell every process to stop, and start none again."""
        for member in self._members.values():
            member.wanted = False
        return [member.process.stop for member in self._members.values() if member.process is not None]

    def _live(self, name: str) -> None:
        member, world = self._members[name], self._world
        member.lives += 1
        process = Process(world.loop, name, member.lives, world.seed)
        process.on_last_step = partial(self.crash, process)
        member.process, member.doors = process, world.doors(process.full_name)
        world.observer.processes[process.full_name] = process
        world.trace.note("fleet", f"{process.full_name} starts")
        task = process.begin(member.main(process, member.doors))
        task.add_done_callback(partial(self._ended, process), context=NETWORK)

    def _ended(self, process: Process, task: "asyncio.Task[None]") -> None:
        if process.state == "dead" or process.over:
            return
        process.kill()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ArgosyError):
            self.defects.append(f"{process.full_name} ended with {error!r}")
        self._world.trace.note("fleet", f"{process.full_name} has ended: {error!r}")
        self._world.broker.expel(process.full_name)
        self._again(process.name)

    def _again(self, name: str) -> None:
        member = self._members[name]
        member.process, member.doors = None, None
        if member.wanted:
            self._world.loop.call_later(RESTART_SECONDS, self._live, name, context=NETWORK)
