"""The user's cache folder: what is downloaded or made once per machine and shared by all stack instances."""

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path


def cache_folder() -> Path:
    """Return the cache folder (`$XDG_CACHE_HOME/argosy` on Linux), made if missing."""
    folder = user_cache_path("argosy", ensure_exists=True)
    # platformdirs honours XDG_CACHE_HOME on Linux only; a test or a user who sets it means it everywhere.
    if home := os.environ.get("XDG_CACHE_HOME"):
        folder = Path(home, "argosy")
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold a folder for this process alone; the kernel lets go of it if the process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex; empty if there is no such file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
