"""How far a peer has come and what its processes have used: looked at from outside, as for argosy's own arms."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from argosy.console.child import ChildState
from argosy.console.stack import LocalStack
from argosy.console.supervise import failure_of
from argosy.schemas.errors import ChildFailed

LOOK_SECONDS = 0.02
_BESIDE = {"PYTHONSAFEPATH": ""}
"""Make has it set, and a script's own modules lie beside it."""


class DidNotWork(Exception):
    """An arm ended without having done its work; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Used:
    """What work took: the clock's seconds, CPU seconds of the peer's own processes and of the servers."""

    seconds: float
    own: float
    servers: float


@dataclass(frozen=True, slots=True)
class Watch:
    """Reads the CPU time of children of the stack, with all that they have started."""

    stack: LocalStack
    servers: Sequence[str]

    def now(self, own: Iterable[int]) -> Used:
        """Give the moment and what was used up to it; `own` are the pids of a peer's processes."""
        servers = sum(cpu_seconds(self.pid(name)) for name in self.servers)
        return Used(time.monotonic(), sum(cpu_seconds(pid) for pid in own), servers)

    def pid(self, name: str) -> int:
        """Give the pid of a child; `ChildFailed` if it has ended."""
        child = self.stack.supervisor.children[name]
        if child.process is None or child.state is ChildState.ENDED:
            raise failure_of(child)
        return child.process.pid

    async def until(self, name: str, progress: Callable[[], Awaitable[int]], count: int) -> tuple[Used, int]:
        """Return how things stand as soon as so much has come out of a child, and how much that is.

        What was used is read once then: to look through all processes with each look takes half a core of two, from who
        has them both at work most of all.
        """
        while (found := await progress()) < count:
            self.pid(name)
            await asyncio.sleep(LOOK_SECONDS)
        return self.now([self.pid(name)]), found


def between(began: Used, ended: Used) -> Used:
    """Give what was used between two moments."""
    return Used(ended.seconds - began.seconds, ended.own - began.own, ended.servers - began.servers)


def cpu_seconds(pid: int) -> float:
    """Give what a process and all that it started have used, by the nanoseconds of each of their threads."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_own_seconds(each.pid) for each in family)


def _own_seconds(pid: int) -> float:
    used = 0
    with contextlib.suppress(OSError):  # it ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, IndexError):
                used += int((thread / "schedstat").read_text().split()[0])
    return used / 1e9


@dataclass(frozen=True, slots=True)
class Script:
    """A running script of a peer that measures itself (`arms/handshake.py`)."""

    process: asyncio.subprocess.Process
    errors: Path

    async def ready(self) -> None:
        """Return when it is warm."""
        if (line := await self._line()) != "ready":
            raise DidNotWork(f"it began with {line!r}")

    async def begin(self) -> None:
        """Let it work."""
        await self._word()

    async def seconds(self) -> float:
        """Return what the work took, as soon as it is done; the process stays until the context is left."""
        return float(json.loads(await self._line())["seconds"])

    async def _word(self) -> None:
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        self.process.stdin.write(b"\n")
        await self.process.stdin.drain()

    async def _line(self) -> str:
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        if line := await self.process.stdout.readline():
            return line.decode().strip()
        raise DidNotWork(_last_line(self.errors) or "it ended without a word")


@asynccontextmanager
async def script(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> AsyncGenerator[Script]:
    """Run a script for as long as the context is entered; then it is killed, for it has nothing left to do."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env={**os.environ, **environment, **_BESIDE},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield Script(process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def run(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a script to its end; `DidNotWork` if it fails."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=folder,
        env={**os.environ, **environment, **_BESIDE},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise DidNotWork(lines[-1] if lines else f"exit code {process.returncode}")


def reason(failure: BaseException) -> str:
    """Say in a line why there is no figure."""
    match failure:
        case ChildFailed():
            return str(failure).splitlines()[0]
        case _:
            return str(failure) or type(failure).__name__


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
