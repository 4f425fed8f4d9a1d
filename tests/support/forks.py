"""Processes of `argosy` in a tenth of a second: forked from one that has imported everything, then as if started.

`python forks.py MODULE …` imports these, reads an order a line (`{"words": […], "variables": {…}, "log": "…"}`, and if
need be `"errors"`, a file of their own, `"folder"`, and `"as_user"`: without the modules of tests), forks, and runs
the command line in the child; it tells each child's id, and later how it ended. All children die with it.
"""

import asyncio
import atexit
import gc
import importlib
import json
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Self

PLUG = "ARGOSY_TEST_PLUG"
"""The variable that names a function, `module:function`, to be called in the process before it is what was ordered."""
_LOOK_SECONDS = 0.05
_NEEDED = (
    "argosy.agents.model",
    "argosy.agents.openai_client",
    "argosy.agents.worker",
    "argosy.console.scheduling",
    "argosy.console.serve",
    "argosy.console.topics_watch",
    "argosy.coordinator.service",
    "argosy.console.submit",
    "support.crash_app",
    "support.crash_table",
    "support.fault_app",
)


@dataclass(eq=False)
class Process:
    """One that was started."""

    pid: int
    log: Path
    ended: "asyncio.Future[int]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Its exit code; minus the number of the signal that ended it."""

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if not self.ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    @property
    def stopped(self) -> bool:
        """Whether a signal has stopped it."""
        with suppress(OSError):
            stat = Path(f"/proc/{self.pid}/stat").read_text("ascii", errors="replace")
            return stat.rpartition(")")[2].split()[0] == "T"
        return False

    def said(self) -> str:
        """All that it has logged."""
        return self.log.read_text("utf-8", errors="replace")


class Forks:
    """Starts processes. `async with Forks() as forks`: all of them end with it."""

    def __init__(self) -> None:
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._processes: dict[int, Process] = {}
        self._early: dict[int, int] = {}
        self._one = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            str(Path(__file__)),
            *_NEEDED,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        self._reading = asyncio.create_task(self._read(), name="read what forks tell")
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.signal(signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def start(self, words: Sequence[str], variables: Mapping[str, str], log: Path) -> Process:
        """Start `argosy WORDS` with these variables and no others; its output goes into the log."""
        assert self._process.stdin is not None
        await asyncio.to_thread(log.touch)
        async with self._one:
            order = json.dumps({"words": list(words), "variables": dict(variables), "log": str(log)})
            self._process.stdin.write(order.encode() + b"\n")
            await self._process.stdin.drain()
            pid = await self._started.get()
        assert pid, "the process that forks has ended"
        process = self._processes[pid] = Process(pid, log)
        if pid in self._early:
            process.ended.set_result(self._early.pop(pid))
        return process

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said: dict[str, int] = json.loads(line)
            if "code" not in said:
                self._started.put_nowait(said["pid"])
            elif (process := self._processes.pop(said["pid"], None)) is not None:
                process.ended.set_result(said["code"])
            else:
                self._early[said["pid"]] = said["code"]
        self._started.put_nowait(0)


def _serve() -> None:
    for name in sys.argv[1:]:  # so that no child has to
        importlib.import_module(name)
    from argosy.broker import tokens  # noqa: PLC0415 - only in the process that forks
    from argosy.schemas.codec import MESSAGES  # noqa: PLC0415

    tokens.count("so that the vocabulary is there")
    for message in MESSAGES.values():
        message.model_rebuild()
    gc.freeze()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # who is asked by it before it listens must not end of it
    own, rest = os.getpid(), b""
    while True:
        if select.select([0], [], [], _LOOK_SECONDS)[0]:
            read = os.read(0, 1 << 16)
            if not read:
                return
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                pid = os.fork()
                if pid == 0:
                    _become(json.loads(line), own)
                _tell({"pid": pid})
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                _tell({"pid": ended[0], "code": os.waitstatus_to_exitcode(ended[1])})


def _tell(said: Mapping[str, int]) -> None:
    os.write(1, json.dumps(said).encode() + b"\n")


def _become(order: dict[str, Any], parent: int) -> NoReturn:
    """Be what was ordered, to the end."""
    from argosy.console.lifeline import tie_to  # noqa: PLC0415 - as above
    from argosy.console.main import run  # noqa: PLC0415 - as above
    from support.crash_points import arm  # noqa: PLC0415 - as above

    code: object = 1
    try:
        tie_to(parent)
        log = os.open(order["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(os.open(order.get("errors", order["log"]), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644), 2)
        os.chdir(order.get("folder", "."))
        os.environ.clear()
        os.environ.update(order["variables"])
        sys.argv = ["argosy", *order["words"]]
        _plug(os.environ.get(PLUG, ""))  # first: whatever it changes lies inside of what `arm` wraps
        arm(os.environ)
        if order.get("as_user"):
            _forget_tests(os.environ.get("PYTHONPATH", ""))
        run()
    except SystemExit as end:
        code = end.code or 0
    except BaseException as error:  # noqa: BLE001 - nothing may come back into the loop that forks
        traceback.print_exception(error)
    _end_in_order()
    os._exit(code if isinstance(code, int) else 1)


def _forget_tests(path: str) -> None:
    """Find modules where a process of a user with this PYTHONPATH does: an app may need none that only tests have."""
    tests = str(Path(__file__).parents[1])
    sys.path[:] = [*filter(None, path.split(os.pathsep)), *(one for one in sys.path if one != tests)]
    if tests not in sys.path:
        for name in [name for name in sys.modules if name.partition(".")[0] == "support"]:
            del sys.modules[name]


def _end_in_order() -> None:
    """End as the interpreter does, which `os._exit` doesn't: wait for threads, then call what is to be called.

    What imports registered before the fork is called too, as it is in a process that was not forked; the process that
    forks registers nothing itself.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public one
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 - as above
    except BaseException as error:  # noqa: BLE001 - as above
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()


def _plug(target: str) -> None:
    if target:
        module, _, function = target.partition(":")
        getattr(importlib.import_module(module), function)()


if __name__ == "__main__":
    _serve()
