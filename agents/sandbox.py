"""Run a command that nobody has read: in bubblewrap, under limits, killed whole, its output bounded.

    ran = await run_sandboxed(("python3", "-m", "unittest"), folder, Settings().sandbox)

The command has no network and no capability, sees the system and this Python read-only, the folder as `/sandbox` and an
empty `/tmp`. Not kept out: the kernel's own faults (no seccomp filter, no virtual machine).
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from argosy.agents.sandbox_limits import Limits, limited, over_cpu, own_pid
from argosy.agents.sandbox_output import Kept
from argosy.agents.sandbox_probe import find_sandbox
from argosy.agents.sandbox_view import INSIDE, ORIGINAL, Access, Bubblewrap, environment
from argosy.agents.sandbox_watch import excess, taken_by
from argosy.schemas.settings import SandboxSettings
from argosy.telemetry import logs

Ended = Literal["exited", "wall", "cpu", "memory", "processes"]
_WATCH_SECONDS: Final = 0.05
_OVER_SECONDS: Final = 10.0
_CHUNK_BYTES: Final = 65_536
_BWRAP_PROCESSES: Final = 2


class Ran(BaseModel):
    """What became of a command. `exit_code` is 128 + the signal for one that a signal ended."""

    model_config = ConfigDict(frozen=True)

    exit_code: int
    ended: Ended
    """`exited` by itself, or the limit that ended it."""
    output: str
    """Standard output and error as they came; in the middle a line tells what was cut, if any was."""
    output_bytes: int
    """All of it, also what was cut."""
    cut_bytes: int = 0
    isolation: Literal["bubblewrap", "none"]
    """`none`: it ran without a sandbox, since a setting said so."""

    @property
    def passed(self) -> bool:
        """It ended by itself, with 0."""
        return self.ended == "exited" and self.exit_code == 0


async def run_sandboxed(
    command: tuple[str, ...],
    folder: Path,
    settings: SandboxSettings,
    *,
    access: Access = "read",
    variables: Mapping[str, str] | None = None,
) -> Ran:
    """Run it in `folder` and wait for its end; whoever cancels this kills it.

    `access`: it may read the folder, write in it, or has a copy, which is gone with it (without a sandbox: writes).
    SandboxMissing where no sandbox works, unless the settings say `kind=none`: then it runs under the limits only.
    Call it from the thread that lives as long as the process (the event loop's): the command dies with that thread.
    """
    limits = Limits.of(settings)
    sandbox = await find_sandbox() if settings.kind == "bubblewrap" else None
    if sandbox is None:
        logs.get("argosy.sandbox").warning(
            "ran without a sandbox", command=command[0], setting="sandbox.kind"
        )
        words, cwd = limited(command, limits, dies_with=own_pid()), folder
    else:
        before = sandbox.words(folder, access, scratch_bytes=limits.scratch_bytes)
        copied = (ORIGINAL, INSIDE) if access == "copy" else None
        words, cwd = [*before, *limited(command, limits, copied=copied)], Path("/")
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
        env=environment(dict(variables or {})),
        start_new_session=True,
    )
    running = _Running(process, limits, sandbox, Kept(limits.output_bytes))
    try:
        ended = await running.until_over()
    finally:
        await running.kill()
    return running.told(ended)


@dataclass(slots=True)
class _Running:
    process: asyncio.subprocess.Process
    limits: Limits
    sandbox: Bubblewrap | None
    kept: Kept
    reading: "asyncio.Task[None]" = field(init=False)

    def __post_init__(self) -> None:
        self.reading = asyncio.create_task(self._read(), name="read a sandbox's output")

    async def until_over(self) -> Ended:
        """Wait for the end, or for the first limit that is broken."""
        own = _BWRAP_PROCESSES if self.sandbox else 0
        waiting = asyncio.create_task(self.process.wait(), name="wait for a sandbox")
        try:
            async with asyncio.timeout(self.limits.wall_seconds):
                while not waiting.done():
                    await asyncio.wait({waiting}, timeout=_WATCH_SECONDS)
                    found = excess(taken_by(self.process.pid), self.limits, own=own)
                    if found is not None and not waiting.done():
                        return found
        except TimeoutError:
            return "wall"
        finally:
            waiting.cancel()
        return "cpu" if over_cpu(self.process.returncode or 0) else "exited"

    async def kill(self) -> None:
        """End all that is left of it: with its first process the pid namespace ends, and with that everything.

        The pipe's end is the sign that nobody is left; without a sandbox a process may have hidden itself from us.
        """
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        try:
            async with asyncio.timeout(_OVER_SECONDS):
                await self.process.wait()
                await self.reading
        except TimeoutError:
            self.reading.cancel()

    async def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        while chunk := await self.process.stdout.read(_CHUNK_BYTES):
            self.kept.add(chunk)

    def told(self, ended: Ended) -> Ran:
        code = self.process.returncode
        assert code is not None  # noqa: S101 - it was waited for
        return Ran(
            exit_code=code if code >= 0 else 128 - code,
            ended=ended,
            output=self.kept.text(),
            output_bytes=self.kept.seen_bytes,
            cut_bytes=self.kept.cut_bytes,
            isolation="none" if self.sandbox is None else "bubblewrap",
        )
