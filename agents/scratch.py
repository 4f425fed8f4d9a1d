"""Folders for a while: gone when left, and swept by the next one if whoever made them was killed."""

import fcntl
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LOCK: Final = ".alive"
_UNBORN: Final = "new-"
_OURS: Final = "own-"
_UNBORN_SECONDS: Final = 3600.0
"""Whoever was killed between making a folder and locking it leaves one that nobody can tell from a live one."""


@contextmanager
def scratch(parent: Path) -> Generator[Path]:
    """Make a folder of our own below `parent`.

    It holds a file that we keep locked: the kernel lets go of it when we die, and so others see that it is free.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    made = Path(tempfile.mkdtemp(dir=parent, prefix=_UNBORN))
    named = parent / made.name.replace(_UNBORN, _OURS, 1)
    with (made / _LOCK).open("w") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        made.rename(named)  # from now on the lock tells
        try:
            yield named
        finally:
            shutil.rmtree(named, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the folders of the dead."""
    for folder in parent.iterdir():
        try:
            if folder.name.startswith(_UNBORN):
                dead = time.time() - folder.stat().st_mtime > _UNBORN_SECONDS
            else:
                with (folder / _LOCK).open("r+") as alive:
                    fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                dead = True
        except OSError:
            continue  # somebody works there, or it is gone
        if dead:
            shutil.rmtree(folder, ignore_errors=True)
