"""The log of a child process: appended to over restarts, bounded, and quoted when the child fails."""

from pathlib import Path
from typing import BinaryIO, Final

LARGEST_BYTES: Final = 16 * 1024 * 1024
_TAIL_BYTES: Final = 16 * 1024


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending; one that has grown too large is set aside as `<name>.1` first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    return path.open("ab")


def last_lines(path: Path, count: int = 15) -> str:
    """Return the end of a log, for an error message; empty if there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        text = log.read().decode("utf-8", errors="replace")
    return "\n".join(text.splitlines()[-count:])
