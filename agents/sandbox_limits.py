"""What a command in the sandbox may take, and how a process takes these limits on before it becomes the command."""

import os
import resource
import signal
import sys
from dataclasses import dataclass
from typing import Final, Self

from argosy.schemas.settings import SandboxSettings

OPEN_FILES: Final = 512
_BECOME: Final = """
import os, resource, sys
parent, words = int(sys.argv[1]), sys.argv[2].split(",")
for word in words:
    name, value = word.split("=")
    kind = getattr(resource, name, None)
    if kind is not None:
        try:
            # At the soft limit of CPU time comes a signal that tells why, at the hard one SIGKILL.
            resource.setrlimit(kind, (int(value), int(value) + (name == "RLIMIT_CPU")))
        except (OSError, ValueError):
            pass  # a system without this limit, or with a lower one
if parent and sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != parent:
        os._exit(137)
if sys.argv[3]:
    import shutil
    try:
        shutil.copytree(sys.argv[3], sys.argv[4], symlinks=True, dirs_exist_ok=True)
    except OSError as error:
        print(f"the folder can't be copied into the sandbox: {error}", file=sys.stderr)
        os._exit(126)
try:
    os.execvp(sys.argv[5], sys.argv[5:])
except OSError as error:
    print(f"{sys.argv[5]} can't be run: {error.strerror}", file=sys.stderr)
    os._exit(127)
"""
"""Run by a fresh Python: between fork and exec of a process with threads, nothing of Python is safe."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes of one command with all its processes; `scratch_bytes` of `/tmp` and of each file."""

    wall_seconds: float
    cpu_seconds: int
    memory_bytes: int
    processes: int
    scratch_bytes: int
    output_bytes: int

    @classmethod
    def of(cls, settings: SandboxSettings) -> Self:
        """Take them from the settings."""
        return cls(
            settings.wall_seconds,
            settings.cpu_seconds,
            settings.memory_bytes,
            settings.processes,
            settings.scratch_bytes,
            settings.output_bytes,
        )


def limited(
    command: tuple[str, ...], limits: Limits, *, dies_with: int = 0, copied: tuple[str, str] | None = None
) -> list[str]:
    """Make the words of a process that takes the limits on and becomes the command.

    `dies_with`: the id of the process that starts it, and with which it ends (Linux); 0: a sandbox sees to that.
    `copied`: a folder, and where it is copied to before. RLIMIT_NPROC counts all processes of the user, so that it is
    no limit of one command: the watch counts these.
    """
    words = {
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.scratch_bytes,
        "RLIMIT_NOFILE": min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        "RLIMIT_CORE": 0,
    }
    said = ",".join(f"{name}={value}" for name, value in words.items())
    return [sys.executable, "-I", "-S", "-c", _BECOME, str(dies_with), said, *(copied or ("", "")), *command]


def over_cpu(exit_code: int) -> bool:
    """Tell whether the system ended it at its CPU limit; a sandbox tells a signal as 128 more, a shell does too."""
    return exit_code in {128 + signal.SIGXCPU, -signal.SIGXCPU}


def own_pid() -> int:
    """Give the id that `dies_with` takes."""
    return os.getpid()
