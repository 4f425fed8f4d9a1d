"""Payloads as files of a folder: what was read here and is handed on is made young, and not written again."""

import os
from pathlib import Path
from threading import Lock
from typing import Final

from argosy.broker.payload_objects import folder, path_of

_MOST_SEEN: Final = 4096
_Seen = tuple[int, ...]
"""What tells that a file is still the one that it was: device, number, size, both its times."""


class Files:
    """Objects of a folder by SHA-256, as `Bucket`."""

    def __init__(self, path: Path) -> None:
        """Make the folder if it isn't there."""
        path.mkdir(parents=True, exist_ok=True)
        self._root = path.resolve()
        self._bucket = folder(self._root)
        self._seen: dict[str, _Seen] = {}
        self._lock = Lock()

    def read(self, sha256: str) -> bytes | None:
        """Return the bytes; None if they are others than the name says. FileNotFoundError if there are none."""
        path = self._root / path_of(sha256)
        before = _identity(path.stat())
        data = self._bucket.read(sha256)
        if data is not None and _is_still(path, before):
            with self._lock:
                self._seen[sha256] = before
                if len(self._seen) > _MOST_SEEN:
                    del self._seen[next(iter(self._seen))]
        return data

    def write(self, sha256: str, data: bytes) -> None:
        """Write; what was read here, was right, and is that very file still is made young instead."""
        if not self._renewed(sha256, self._root / path_of(sha256)):
            self._bucket.write(sha256, data)

    def delete(self, sha256: str) -> None:
        """Remove. FileNotFoundError if it isn't there."""
        self._bucket.delete(sha256)

    def _renewed(self, sha256: str, path: Path) -> bool:
        with self._lock:
            seen = self._seen.pop(sha256, None)
        if seen is None or not _is_still(path, seen):
            return False
        try:
            os.utime(path)
        except OSError:  # collected meanwhile, or another user's
            return False
        return True


def _is_still(path: Path, seen: _Seen) -> bool:
    try:
        return _identity(path.stat()) == seen
    except OSError:  # collected meanwhile
        return False


def _identity(stat: os.stat_result) -> _Seen:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
