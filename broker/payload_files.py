"""Payloads as files of a folder, by the system's own calls: all that would lie between takes longer than they do.

A file is written beside its name and renamed to it, so that nobody reads half of one.
"""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Final

from argosy.schemas.canonical import sha256_hex

_MOST_SEEN: Final = 4096
_Seen = tuple[int, ...]
"""What tells that a file is still the one that it was: device, number, size, both its times."""


class Files:
    """Objects of a folder by SHA-256. Safe for many threads at once; every method blocks and raises OSError."""

    def __init__(self, folder: Path) -> None:
        """Make the folder if it isn't there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._root = folder.resolve()
        self._seen: dict[str, _Seen] = {}
        self._lock = Lock()

    def read(self, sha256: str) -> bytes | None:
        """Return the bytes; None if they are others than the name says. FileNotFoundError if there are none."""
        with (self._root / path_of(sha256)).open("rb", buffering=0) as file:
            seen = _identity(os.fstat(file.fileno()))
            data = file.readall()
        if sha256_hex(data) != sha256:
            return None
        with self._lock:
            self._seen[sha256] = seen
            if len(self._seen) > _MOST_SEEN:
                del self._seen[next(iter(self._seen))]
        return data

    def write(self, sha256: str, data: bytes) -> None:
        """Write; what was read here, was right, and is that very file still is made young instead."""
        path = self._root / path_of(sha256)
        if self._renewed(sha256, path):
            return
        beside = path.with_name(f"{sha256}#{token_hex(8)}")
        try:
            try:
                _write(beside, data)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(beside, data)
            beside.replace(path)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise

    def delete(self, sha256: str) -> None:
        """Remove. FileNotFoundError if it isn't there."""
        (self._root / path_of(sha256)).unlink()

    def _renewed(self, sha256: str, path: Path) -> bool:
        with self._lock:
            seen = self._seen.pop(sha256, None)
        try:
            if seen is None or _identity(path.stat()) != seen:
                return False
            os.utime(path)
        except OSError:  # collected meanwhile, or another user's
            return False
        return True


def path_of(sha256: str) -> str:
    """Return the name of an object: two levels of 256 folders keep each folder small."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _write(path: Path, data: bytes) -> None:
    with path.open("xb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]


def _identity(stat: os.stat_result) -> _Seen:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
