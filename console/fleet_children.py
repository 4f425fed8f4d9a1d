"""The processes of a fleet as children of a supervisor: what `dev` and `demo` add to the local stack."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from argosy.console.child import ChildSpec
from argosy.console.process import ProcessId

SERVERS, COORDINATORS, WORKERS = range(3)
"""Stages: workers are stopped before coordinators, these before the servers."""

_THIS: Final = (sys.executable, "-m", "argosy")


def coordinator_child(
    name: str, folder: Path, environment: Mapping[str, str], app: str | None = None
) -> ChildSpec:
    """Describe a coordinator; `folder` takes its log and its ready file. It runs the schedules of an app."""
    words = ("coordinator",) if app is None else ("coordinator", app)
    return _child(name, words, folder, environment, COORDINATORS)


def worker_child(name: str, target: str, folder: Path, environment: Mapping[str, str]) -> ChildSpec:
    """Describe a worker of `target` (`app.py:agent`)."""
    return _child(name, ("worker", target), folder, environment, WORKERS)


def _child(
    name: str, words: tuple[str, ...], folder: Path, environment: Mapping[str, str], stage: int
) -> ChildSpec:
    ready_file = folder / "run" / f"{name}.ready"
    ready_file.parent.mkdir(parents=True, exist_ok=True)
    ready_file.unlink(missing_ok=True)
    return ChildSpec(
        name=name,
        argv=(*_THIS, *words, "--ready-file", str(ready_file)),
        log=folder / "logs" / f"{name}.log",
        env={**environment, "PYTHONSAFEPATH": "1"},
        ready=written(ready_file),
        stop_within_seconds=30,
        stage=stage,
    )


def written(file: Path) -> Callable[[], Awaitable[bool]]:
    """Make the question whether a running process has written its ready file."""

    async def ready() -> bool:
        return await asyncio.to_thread(_by_running_process, file)

    return ready


def _by_running_process(file: Path) -> bool:
    """Tell whether the file was written by a process that still runs: one that was killed has left it there."""
    try:
        return ProcessId.of(int(file.read_text("ascii"))) is not None
    except (OSError, ValueError):
        return False
