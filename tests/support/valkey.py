"""A real Valkey server of a test's own, for tests that stop it, starve it or shut it in."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final, Self

from argosy.broker.redis import RedisStore
from argosy.console.ports import LOOPBACK, free_ports
from argosy.console.valkey_server import find_valkey
from argosy.schemas.settings import RedisSettings

PERSISTENT: Final = ("--appendonly", "yes", "--appendfsync", "no", "--aof-use-rdb-preamble", "no")
"""Options of a server whose file has all that it has acknowledged, so that kill -9 takes nothing.

With `everysec` it may keep writes back for two seconds, while the disk is busy with what came before.
"""


class Valkey:
    """One server process; its data survives `kill` and `start` if `options` say so."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self._options = folder, options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_ports(1)[0]
        self.url = f"redis://{LOOPBACK}:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it has loaded its data."""
        assert self._process is None
        folder = str(self.folder)
        fixed = ("--port", str(self.port), "--bind", LOOPBACK, "--dir", folder, "--save", "")
        log = (self.folder / "valkey.log").open("ab")
        with log:
            words = [str(find_valkey()), *fixed, *self._options]
            # Signals stay as Python has them: a file that may not grow is an error to it (SIGXFSZ), not its death.
            self._process = subprocess.Popen(words, stdout=log, stderr=log, restore_signals=False)
        deadline = time.monotonic() + 120
        while not _answers(self.port):
            assert self._process.poll() is None, (self.folder / "valkey.log").read_text()
            assert time.monotonic() < deadline, "the server doesn't answer"

    def kill(self) -> None:
        """kill -9, stopped or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None

    @property
    def pid(self) -> int:
        """The process id now; it must run."""
        assert self._process is not None
        return self._process.pid

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nobody answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def settings(self, *, timeout_seconds: float = 5.0, url: str | None = None) -> RedisSettings:
        """Return settings that reach it."""
        return RedisSettings.model_validate({"url": url or self.url, "timeout_seconds": timeout_seconds})

    def store(self, *, timeout_seconds: float = 5.0, url: str | None = None) -> RedisStore:
        """Return a client; its test closes it."""
        return RedisStore(self.settings(timeout_seconds=timeout_seconds, url=url))

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        try:
            probe.connect((LOOPBACK, port))
            probe.sendall(b"PING\r\n")
            return probe.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False
