"""Payloads as objects of S3, GCS, Azure, or of this process's memory, by `obstore`."""

from datetime import timedelta
from typing import Final

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import MemoryStore, ObjectStore, from_url

from argosy.broker.payload_files import path_of
from argosy.schemas.canonical import sha256_hex

_RETRY_FOR: Final = timedelta(seconds=30)


class Bucket:
    """Objects by SHA-256, as `Files`; every method blocks and raises OSError.

    obstore's own async calls answer from threads of Rust: one that does so while the interpreter ends aborts the
    process, and a short command ends right after its last answer.
    """

    def __init__(self, url: str) -> None:
        """Open `memory:` or a bucket's URL. Raises ValueError where that can't be."""
        self._store = _open(url)

    def read(self, sha256: str) -> bytes | None:
        """Return the bytes; None if they are others than the name says. FileNotFoundError if there are none."""
        try:
            data = bytes(self._store.get(path_of(sha256)).bytes())
        except BaseError as error:
            raise _plain(error) from None
        return data if sha256_hex(data) == sha256 else None

    def write(self, sha256: str, data: bytes) -> None:
        """Write, also if it exists: that makes it young."""
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


def _open(url: str) -> ObjectStore:
    if url.startswith("memory:"):
        return MemoryStore()
    try:
        # No `client_options`: giving any puts what AWS_ALLOW_HTTP and its like say out of force.
        return from_url(url, retry_config={"max_retries": 5, "retry_timeout": _RETRY_FOR})
    except BaseError as error:
        raise ValueError(str(error)) from None


def _plain(error: BaseError) -> OSError:
    kind = PermissionError if isinstance(error, PermissionDeniedError | UnauthenticatedError) else OSError
    return kind(str(error))  # whose first line is told: the rest is pages of debug text
