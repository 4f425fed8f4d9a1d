"""Kafka's classes, loaded and checked once: an archive that halves the CPU time of a start.

The first broker that is stopped in order writes it (five seconds, once for each Java); later ones map
it. Java itself refuses an archive of another Java or of other jars, and starts as if there were none.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argosy.console.cache import locked

# 128 + SIGTERM: an orderly end. After any other the file may be cut short, and Java doesn't check its whole.
ORDERLY_EXIT: Final = 143


@dataclass(frozen=True)
class ClassArchive:
    """`kept` is its place in the cache; `written` is where a server writes it when there is none yet."""

    kept: Path
    written: Path

    def options(self) -> list[str]:
        """Return the options with which a server uses the archive, or writes it at its end."""
        return self.use() or [f"-XX:ArchiveClassesAtExit={self.written}"]

    def use(self) -> list[str]:
        """Return the option with which a tool uses the archive, if there is one; it has too few classes to write it."""
        return [f"-XX:SharedArchiveFile={self.kept}"] if self.kept.exists() else []

    def keep(self, exit_code: int | None) -> None:
        """Take what a server wrote into the cache, if that server ended in order."""
        if not self.written.exists():
            return
        if exit_code == ORDERLY_EXIT and not self.kept.exists():
            with locked(self.kept.parent):
                staging = self.kept.with_suffix(".new")
                shutil.copyfile(self.written, staging)  # the cache may lie on another file system
                os.replace(staging, self.kept)  # noqa: PTH105  # the one call that is documented to be atomic
        self.written.unlink()


def forget_archives(folder: Path) -> None:
    """Remove the archives of a folder whose jars have changed: Java would refuse them for ever."""
    for archive in folder.glob("classes-*.jsa"):
        archive.unlink()
