"""Notice that files changed: a few are looked at now and then, which needs no library and works on any disk."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.3

Stamps = Mapping[Path, tuple[int, int, int] | None]
"""By file: when it was written, its size, and which file it is (editors put a new one in place); None: not there."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Files by name, and every Python file of some folders, also one that is not there yet."""

    files: tuple[Path, ...]
    folders: tuple[Path, ...] = ()

    def broadly(self) -> "Watched":
        """Watch the folders of the files too."""
        return Watched(self.files, tuple(sorted({file.parent for file in self.files})))

    def look(self) -> Stamps:
        """Look at the files as they are now."""
        beside = [file for folder in self.folders for file in folder.glob("*.py")]
        return {file: _stamp(file) for file in (*self.files, *beside)}


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


async def until_changed(watched: Watched, before: Stamps) -> list[Path]:
    """Wait until files are not as they were, and until they are at rest; return those that changed."""
    last = before
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = watched.look()
        changed = [file for file in sorted({*now, *before}) if now.get(file) != before.get(file)]
        if changed and now == last:
            return changed
        last = now
