"""Keep child processes running: start, watch, restart with backoff, stop in order; leave nothing behind."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from argosy.console.child import (
    STEADY_SECONDS,
    Child,
    ChildSpec,
    ChildState,
    Intent,
    exit_in_words,
    restart_delay_seconds,
)
from argosy.console.log_file import last_lines, open_log
from argosy.console.process import ProcessId
from argosy.schemas.errors import ChildFailed

POLL_SECONDS: Final = 0.05
TELL_SECONDS: Final = 3.0
"""Between words about what is still waited for."""
_LIFELINE: Final = Path(__file__).with_name("lifeline.py")


class Supervisor:
    """Runs children for as long as it is entered; leaving it stops them all, later stages first.

    Use it as `async with Supervisor() as supervisor:`, from one event loop. If this process is killed, the
    kernel kills the children (Linux); elsewhere `reap` does, with the ids that `on_change` had written down.
    """

    def __init__(
        self, on_change: Callable[[], None] = lambda: None, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        """`on_change` is called after every change of any child's state; it must be quick.

        `tell` takes a line for people: a child ended by itself, and what comes of it.
        """
        self.children: dict[str, Child] = {}
        self._tasks = asyncio.TaskGroup()
        self._on_change = on_change
        self._tell = tell
        self._change = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Begin to supervise."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop every child, whatever happened."""
        try:
            await self.stop_all()
        finally:
            # Every task has ended: an error of the caller's needs no ExceptionGroup around it. A cancellation
            # may be the task group's own, and only it can tell.
            cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
            await self._tasks.__aexit__(*((kind, error, trace) if cancelled else (None, None, None)))

    async def start(self, spec: ChildSpec) -> Child:
        """Start a child and return when it is ready; `ChildFailed` if its first start fails."""
        if spec.name in self.children:
            message = f"a child named {spec.name!r} is already supervised"
            raise ValueError(message)
        child = self.children[spec.name] = Child(spec)
        self._tasks.create_task(self._keep(child), name=f"keep {spec.name}")
        settled = {ChildState.READY, ChildState.ENDED, ChildState.HELD}
        await self._until(lambda: child.state in settled or child.last_exit is not None)
        if child.last_exit and child.state is not ChildState.READY:
            await self.stop(spec.name)
            raise failure_of(child)
        return child

    async def kill(self, name: str) -> None:
        """Kill a child as a crash would, with SIGKILL; return once it is gone. Its policy may restart it."""
        child = self.children[name]
        before, ends = child.process, child.starts
        if before is not None:
            before.kill()
            await self._until(lambda: child.process != before or child.starts != ends)

    async def hold(self, name: str) -> None:
        """Kill a child with SIGKILL and keep it down until `resume`."""
        child = self.children[name]
        child.intent = Intent.HOLD
        self._changed()
        if child.process is not None:
            child.process.kill()
        await self._until(lambda: child.state in {ChildState.HELD, ChildState.ENDED})

    async def resume(self, name: str) -> None:
        """Start a held child again and return when it is ready."""
        self.children[name].intent = Intent.RUN
        self._changed()
        await self.until_ready(name)

    async def rest(self, name: str) -> None:
        """Stop a child as an operator would (its stop signal), and keep it down until `resume`."""
        child = self.children[name]
        child.intent = Intent.HOLD
        await self._end(child)
        await self._until(lambda: child.state in {ChildState.HELD, ChildState.ENDED})

    async def restart(self, name: str) -> None:
        """Stop a child as `rest` does, start it again, return when it is ready."""
        await self.rest(name)
        await self.resume(name)

    async def stop(self, name: str) -> Child:
        """Stop a child for good: its stop signal, then SIGKILL to its whole process group."""
        child = self.children.pop(name)
        child.intent = Intent.END
        await self._end(child)
        await self._until(lambda: child.state is ChildState.ENDED)
        return child

    async def stop_all(self) -> None:
        """Stop every child, later stages first, those of one stage together."""

        def stage(child: Child) -> int:
            return -child.spec.stage

        for _, children in groupby(sorted(self.children.values(), key=stage), key=stage):
            together = list(children)
            telling = asyncio.create_task(self._tell_what_stops(together), name="tell what stops")
            try:
                async with asyncio.TaskGroup() as stopping:
                    for child in together:
                        stopping.create_task(self.stop(child.spec.name), name=f"stop {child.spec.name}")
            finally:
                telling.cancel()

    async def _tell_what_stops(self, children: Sequence[Child]) -> None:
        """Say whom we wait for, and how long at most, as long as that takes."""
        began = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(TELL_SECONDS)
            slow = [child for child in children if child.state is not ChildState.ENDED]
            if slow:
                passed = asyncio.get_running_loop().time() - began
                most = max(child.spec.stop_within_seconds for child in slow)
                names = ", ".join(child.spec.name for child in slow)
                self._tell(
                    f"waits   for {names} to finish what runs there ({passed:.0f} s of at most {most:g})"
                )

    async def until_ready(self, name: str) -> Child:
        """Wait until a child is ready; `ChildFailed` if it ended for good."""
        child = self.children[name]
        await self._until(lambda: child.state in {ChildState.READY, ChildState.ENDED})
        if child.state is ChildState.ENDED:
            raise failure_of(child)
        return child

    async def _keep(self, child: Child) -> None:
        """One child's life: run, see why it ended, wait, run again."""
        while True:
            if child.intent is Intent.HOLD:
                self._set(child, ChildState.HELD)
                await self._until(lambda: child.intent is not Intent.HOLD)
            if child.intent is Intent.END:
                break
            exit_code = await self._run_once(child)
            if child.intent is not Intent.RUN:
                continue
            delay = restart_delay_seconds(child.spec.restart, exit_code, child.quick_ends)
            self._tell(_end_in_words(child, delay))
            if delay is None:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._until(lambda: child.intent is not Intent.RUN), delay)
        self._set(child, ChildState.ENDED)

    async def _run_once(self, child: Child) -> int:
        """Run the process once, to its end, and note how it went."""
        process = await _spawn(child.spec)
        started = time.monotonic()
        child.starts += 1
        child.problem = ""
        child.process = ProcessId.of(process.pid)
        self._set(child, ChildState.STARTING)
        if child.intent is not Intent.RUN:  # it was to stop while we spawned it
            kill_group(process.pid)
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch_start(child, process), name=f"watch {child.spec.name}")
                exit_code = await process.wait()
                watch.cancel()
        finally:
            kill_group(process.pid)  # what it started itself doesn't outlive it
        steady = child.state is ChildState.READY and time.monotonic() - started >= STEADY_SECONDS
        child.process, child.last_exit = None, exit_code
        child.problem = child.problem or exit_in_words(exit_code)
        child.quick_ends = 0 if steady else child.quick_ends + 1
        self._set(child, ChildState.BACKOFF)
        return exit_code

    async def _watch_start(self, child: Child, process: asyncio.subprocess.Process) -> None:
        """Mark the child ready as soon as it is; end it if that takes too long."""
        spec = child.spec
        try:
            async with asyncio.timeout(spec.ready_within_seconds):
                while spec.ready is not None and not await spec.ready():  # noqa: ASYNC110  # another process has no event
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            child.problem = f"not ready after {spec.ready_within_seconds:g} s"
            kill_group(process.pid)
        else:
            self._set(child, ChildState.READY)
            if child.told_ended:
                child.told_ended = False
                self._tell(f"again   {spec.name} is ready")

    async def _end(self, child: Child) -> None:
        """Signal the running process and see it gone."""
        self._changed()
        process = child.process
        if process is None:
            return
        process.kill(child.spec.stop_signal)
        try:
            await asyncio.wait_for(
                self._until(lambda: child.process != process), child.spec.stop_within_seconds
            )
        except TimeoutError:
            kill_group(process.pid)

    def _set(self, child: Child, state: ChildState) -> None:
        child.state = state
        self._changed()

    def _changed(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
        self._on_change()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._change.wait()


def _end_in_words(child: Child, delay_seconds: float | None) -> str:
    child.told_ended = True
    then = "it stays down"
    if delay_seconds is not None:
        then = f"it is started again in {delay_seconds:.1f} s" if delay_seconds else "it is started again"
    return f"ended   {child.spec.name}: {child.problem}; {then}; its log: {child.spec.log}"


def failure_of(child: Child) -> ChildFailed:
    """Say what became of a child, with the end of its log."""
    tail = last_lines(child.spec.log)
    why = f"{child.problem}; its log ends with:\n{tail}" if tail else child.problem
    return ChildFailed(f"{child.spec.name} did not start", why, f"read {child.spec.log}")


async def _spawn(spec: ChildSpec) -> asyncio.subprocess.Process:
    """Start the process in a group of its own: Ctrl-C then goes to the supervisor, which stops in order."""
    tied = (sys.executable, "-I", "-S", str(_LIFELINE), str(os.getpid()), *spec.argv)
    with open_log(spec.log) as log:
        return await asyncio.create_subprocess_exec(
            *tied,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **spec.env},
            cwd=spec.cwd,
            start_new_session=True,
        )


def kill_group(leader_pid: int) -> None:
    """Kill a process group; one that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_pid, signal.SIGKILL)
