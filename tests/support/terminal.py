"""The real command line on a terminal of its own, typed at as a person would."""

import errno
import os
import select
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

CTRL_C: Final = "\x03"

# The terminal becomes the session's own, so that its Ctrl-C reaches who runs there.
_TAKE: Final = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass
class Terminal:
    """A process and what it has shown so far."""

    process: "subprocess.Popen[bytes]"
    master: int
    shown: str = ""
    seconds: float = 240.0
    _raw: bytearray = field(default_factory=bytearray)

    def until(self, text: str) -> None:
        """Wait until it shows a text; AssertionError that tells what it showed instead."""
        end = monotonic() + self.seconds
        while text not in self.shown:
            assert self._read(end - monotonic()), f"it never showed {text!r}:\n{self.shown}"

    def type(self, text: str) -> None:
        """Type it."""
        os.write(self.master, text.encode())

    def ended(self) -> int:
        """Read to its end and return the exit code as a shell tells it."""
        end = monotonic() + self.seconds
        while self._read(end - monotonic()):
            pass
        code = self.process.wait(max(0.1, end - monotonic()))
        return code if code >= 0 else 128 - code

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], max(0.0, seconds))
        assert ready, f"nothing more came in time; it showed:\n{self.shown}"
        try:
            data = os.read(self.master, 65_536)
        except OSError as error:
            if error.errno != errno.EIO:  # how Linux says that nobody has the other side open any more
                raise
            return False
        self._raw += data
        self.shown = self._raw.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


@contextmanager
def terminal(
    folder: Path, variables: Mapping[str, str], *arguments: str, columns: int = 80
) -> Generator[Terminal]:
    """Start `argosy …` there; what still runs at the end is killed."""
    master, slave = os.openpty()
    command = [sys.executable, "-I", "-c", _TAKE, sys.executable, "-P", "-m", "argosy", *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **variables, "TERM": "xterm", "COLUMNS": str(columns)},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
