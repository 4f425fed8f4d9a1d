"""Commands of `argosy`, each a process of its own that is forked: a start in a fifth of the CPU time of a fresh one."""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import Final

from argosy.console.commands import COMMANDS

_NOT_HERE: Final = ("argosy.console.demo", "argosy.console.local_model")
"""Heavy ones, which no test calls so."""
_START_SECONDS: Final = 120
"""The first start waits for all imports."""
_CLOSE_SECONDS: Final = 30


@dataclass(frozen=True)
class Forked:
    """A process that was started; as `subprocess.Popen` has it."""

    pid: int
    _ended: "Future[int]"

    def poll(self) -> int | None:
        """Return its exit code (minus the number of the signal that ended it), if it has ended."""
        return self._ended.result() if self._ended.done() else None

    def wait(self, timeout: float) -> int:
        """Wait for its end; TimeoutError after so many seconds."""
        return self._ended.result(timeout)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if not self._ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class ForkedCommands:
    """Runs commands for all tests of a process, several at once if need be."""

    def __init__(self) -> None:
        modules = {command.target.partition(":")[0] for command in COMMANDS.values()} - set(_NOT_HERE)
        forks = Path(__file__).with_name("forks.py")
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(forks), *sorted(modules)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        self._started: SimpleQueue[int] = SimpleQueue()
        self._ended: defaultdict[int, Future[int]] = defaultdict(Future)
        self._one = threading.Lock()
        self._reading = threading.Thread(target=self._read, name="read what forks tell", daemon=True)
        self._reading.start()

    def run(
        self, words: Sequence[str], variables: Mapping[str, str], folder: Path, seconds: float
    ) -> "subprocess.CompletedProcess[str]":
        """Run one in a folder with these variables and no others; TimeoutExpired after so many seconds."""
        with TemporaryDirectory(prefix="argosy-command-") as kept:
            out, errors = Path(kept, "out"), Path(kept, "errors")
            process = self.start(words, variables, folder, out, errors)
            try:
                code = process.wait(seconds)
            except TimeoutError:
                process.send_signal(signal.SIGKILL)
                raise subprocess.TimeoutExpired(["argosy", *words], seconds) from None
            told = (file.read_text(encoding="utf-8") for file in (out, errors))
            return subprocess.CompletedProcess(["argosy", *words], code, *told)

    def start(
        self, words: Sequence[str], variables: Mapping[str, str], folder: Path, out: Path, errors: Path
    ) -> Forked:
        """Start one; what it says goes into these files, which may be one."""
        order = {
            "words": list(words),
            "variables": dict(variables),
            "log": str(out),
            "errors": str(errors),
            "folder": str(folder),
            "as_user": True,
        }
        assert self._process.stdin is not None
        with self._one:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            try:
                pid = self._started.get(timeout=_START_SECONDS)
            except Empty:
                self._process.kill()  # its late answer would be taken for that to the next order
                pid = 0
            assert pid, "the process that forks has ended, or forks no more"
            return Forked(pid, self._ended[pid])

    def close(self) -> None:
        """End it, and whatever still runs."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join(_CLOSE_SECONDS)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                said: dict[str, int] = json.loads(line)
                if "code" not in said:
                    self._ended[said["pid"]] = Future()
                    self._started.put(said["pid"])
                else:
                    self._ended[said["pid"]].set_result(said["code"])
        self._started.put(0)


@cache
def forked_commands() -> ForkedCommands:
    """Return the one of this process, started when it is first asked for."""
    commands = ForkedCommands()
    atexit.register(commands.close)
    return commands
