"""Calls of git on one repository: an environment of its own, and errors that say what it said."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Final

from argosy.schemas.errors import ConfigurationError, Reject

_CALL_SECONDS: Final = 60.0
_SETTINGS: Final = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "gc.auto=0",
    "-c",
    "core.fsync=committed,reference",
)


_NO_ROOM: Final = re.compile("No space left|Disk quota exceeded|Cannot allocate memory|[Oo]ut of memory")


class GitFailed(Reject, code="git_failed"):
    """Git refused: the repository isn't what this task takes it for."""


@dataclass(frozen=True, slots=True)
class Git:
    """`folder` is the git directory: of a bare repository, as nobody works in its files."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    def __call__(self, *words: str, data: bytes = b"", fds: Sequence[int] = ()) -> str:
        """Run it; return what it printed, without the last line's end. `fds` stay open in it.

        Raises GitFailed, or OSError where the machine has no room.
        """
        return self.raw(*words, data=data, fds=fds).decode("utf-8", errors="replace").rstrip("\n")

    def raw(self, *words: str, data: bytes = b"", fds: Sequence[int] = ()) -> bytes:
        """Run it; return what it printed, as it is."""
        done = self.tried(*words, data=data, fds=fds)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", errors="replace").strip()
            message = f"git {words[0]} in {self.folder.name}: {said or f'ended with {done.returncode}'}"
            # A machine without room is no word on the task: another attempt may find some.
            raise OSError(message) if _NO_ROOM.search(said) else GitFailed(message)
        return done.stdout

    def tried(
        self, *words: str, data: bytes = b"", fds: Sequence[int] = ()
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run it, whatever it says."""
        return subprocess.run(  # noqa: S603 - our own words, each one argument
            [program(), *_SETTINGS, *words],
            input=data,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self._environment(),
            pass_fds=tuple(fds),
            timeout=_CALL_SECONDS,
        )

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "GIT_DIR": str(self.folder.absolute()),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            **self.variables,
        }


def program() -> str:
    """Find git; ConfigurationError says how to get it."""
    found = which("git")
    if found is None:
        do = "install it (Debian, Ubuntu: apt-get install git; Fedora: dnf install git; macOS: brew install git)"
        raise ConfigurationError("there is no git here", "the software team commits with it", do)
    return found
