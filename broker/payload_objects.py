"""Payloads as objects by their SHA-256: files, S3, GCS, Azure, or this process's memory, by `obstore`."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from argosy.schemas.canonical import sha256_hex

_RETRY_FOR: Final = timedelta(seconds=30)
_NUMBER: Final = re.compile(r"\(os error (\d+)\)")
"""The system's own number of an error: obstore tells it in words alone."""


class Bucket:
    """Objects of one store. Safe for many threads at once; every method blocks and raises OSError.

    obstore's own async calls answer from threads of Rust: one that does so while the interpreter ends aborts the
    process, and a short command ends right after its last answer.
    """

    def __init__(self, store: ObjectStore) -> None:
        """Use this store."""
        self._store = store

    def read(self, sha256: str) -> bytes | None:
        """Return the bytes; None if they are others than the name says. FileNotFoundError if there are none."""
        try:
            data = bytes(self._store.get(path_of(sha256)).bytes())
        except BaseError as error:
            raise _plain(error) from None
        return data if sha256_hex(data) == sha256 else None

    def write(self, sha256: str, data: bytes) -> None:
        """Write, also if it exists: that makes it young. Whole or not at all: a file is written beside and renamed."""
        try:
            self._store.put(path_of(sha256), data)
        except BaseError as error:
            raise _plain(error) from None

    def delete(self, sha256: str) -> None:
        """Remove."""
        try:
            self._store.delete(path_of(sha256))
        except BaseError as error:
            raise _plain(error) from None


def path_of(sha256: str) -> str:
    """Return the name of an object: two levels of 256 folders keep each folder small."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def folder(path: Path) -> Bucket:
    """Open a folder that is there. Raises ValueError where that can't be."""
    return _opened(lambda: LocalStore(path, automatic_cleanup=True))


def remote(url: str) -> Bucket:
    """Open `memory:` or a bucket's URL. Raises ValueError where that can't be."""
    if url.startswith("memory:"):
        return Bucket(MemoryStore())
    # No `client_options`: giving any puts what AWS_ALLOW_HTTP and its like say out of force.
    return _opened(lambda: from_url(url, retry_config={"max_retries": 5, "retry_timeout": _RETRY_FOR}))


def _opened(store: Callable[[], ObjectStore]) -> Bucket:
    try:
        return Bucket(store())
    except BaseError as error:
        raise ValueError(str(error)) from None


def _plain(error: BaseError) -> OSError:
    kind = PermissionError if isinstance(error, PermissionDeniedError | UnauthenticatedError) else OSError
    plain = kind(str(error))  # whose first line is told: the rest is pages of debug text
    found = _NUMBER.search(str(error))
    plain.errno = None if found is None else int(found[1])
    return plain
