"""What processes said last: the ends of their logs, for the report of a test that failed."""

from pathlib import Path
from typing import Final

LINES: Final = 60
FILES: Final = 12
CHARACTERS: Final = 400
_DATA: Final = "data"
"""Where Kafka keeps its topics, whose files are called logs too."""


def last_words(folder: Path, since: float) -> list[tuple[str, str]]:
    """Return name and end of each log below that was written to since this moment (seconds of the epoch)."""
    written: list[tuple[float, Path]] = []
    for path in folder.rglob("*.log"):
        if _DATA in path.parts:
            continue
        try:
            written.append((path.stat().st_mtime, path))
        except OSError:  # gone in between
            continue
    newest = [path for at, path in sorted(written) if at >= since][-FILES:]
    return [(str(path.relative_to(folder)), _end(path)) for path in newest]


def _end(path: Path) -> str:
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - (1 << 16)))
            lines = log.read().decode("utf-8", "replace").splitlines()[-LINES:]
    except OSError as error:
        lines = [str(error)]
    return "\n".join(line[:CHARACTERS] for line in lines)
