"""What a command sees of the machine: read-only system and Python, one folder, an empty /tmp, and nothing else."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

INSIDE: Final = "/sandbox"
"""Where the folder is seen, whatever it is called outside."""
ORIGINAL: Final = "/original"
"""Where the folder lies that a copy is made of."""
Access = Literal["read", "write", "copy"]
"""`copy`: into memory, bounded like `/tmp`; the command may write there, and nothing of that is ever outside."""
_SYSTEM: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_USED: Final = ("/etc/ld.so.cache", "/etc/alternatives", "/nix/store")
_USER: Final = "1000"


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The program, and whether it can forbid further user namespaces (from 0.8 on)."""

    program: str
    ends_namespaces: bool

    def words(self, folder: Path, access: Access, *, scratch_bytes: int) -> list[str]:
        """Make the words before the command's own."""
        place, size = str(folder.absolute()), str(scratch_bytes)
        shown = {
            "read": ("--ro-bind", place, INSIDE),
            "write": ("--bind", place, INSIDE),
            "copy": ("--ro-bind", place, ORIGINAL, "--size", size, "--tmpfs", INSIDE),
        }
        return [
            self.program,
            "--unshare-all",
            "--unshare-user",
            *(["--disable-userns"] if self.ends_namespaces else []),
            "--die-with-parent",
            "--new-session",
            *("--cap-drop", "ALL"),
            *("--uid", _USER, "--gid", _USER, "--hostname", "sandbox"),
            *("--proc", "/proc", "--dev", "/dev"),
            *("--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),  # noqa: S108 - the sandbox's own
            *("--size", size, "--tmpfs", "/tmp"),  # noqa: S108 - the sandbox's own
            *_read_only(),
            *shown[access],
            *("--remount-ro", "/"),
            *("--chdir", INSIDE, "--"),
        ]


def _read_only() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for place in map(Path, _SYSTEM):
        if place.is_symlink():
            yield from ("--symlink", str(place.readlink()), str(place))
        elif place.is_dir():
            yield from ("--ro-bind", str(place), str(place))
    for used in _USED:
        yield from ("--ro-bind-try", used, used)
    for prefix in python_prefixes():
        yield from ("--ro-bind", prefix, prefix)


def python_prefixes() -> list[str]:
    """Give the folders of this Python that lie outside the system: its own, and that of its environment."""
    real = Path(sys.executable).resolve().parent.parent
    found = dict.fromkeys((sys.base_prefix, sys.base_exec_prefix, str(real), sys.prefix))
    return [each for each in found if not Path(each).is_relative_to("/usr") and each != os.sep]


def environment(more: dict[str, str]) -> dict[str, str]:
    """Make the whole environment of a command: nothing of ours is in it."""
    path = os.pathsep.join(
        dict.fromkeys((str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"))
    )
    return {
        "PATH": path,
        "HOME": "/tmp",  # noqa: S108 - the sandbox's own
        "TMPDIR": "/tmp",  # noqa: S108
        "USER": "sandbox",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        **more,
    }
