"""`ObstorePayloads`: the payload store on files, S3, GCS or Azure, by `obstore`.

An object's name is the SHA-256 of its bytes, under two levels of folders. A put is atomic and makes young what exists:
collection goes by age alone.
"""

import errno
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from secrets import token_bytes
from typing import Final
from urllib.parse import unquote, urlsplit

from argosy.broker.payload_files import Files
from argosy.broker.payload_objects import Bucket, path_of, remote
from argosy.broker.thread_turns import ThreadTurns
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.errors import ConfigurationError, PayloadGone, Refused, Unreachable

__all__ = ["DEFAULT_FOLDER", "ObstorePayloads", "path_of"]

DEFAULT_FOLDER: Final = Path(".argosy/payloads")

_THREADS: Final = 16
"""Calls at once; they wait for a disk or a network, so there may be more than cores."""
_FILES_AT_ONCE: Final = 4
"""In one thread: of 64 KiB each is read and hashed in less time than a thread takes to wake."""
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""A full disk, a used up quota, a limit on the size of files."""
_REMOTE: Final = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "https")


class ObstorePayloads:
    """`Payloads` at a URL. Safe for many tasks at once; every method is idempotent.

    What moves the bytes hashes them, in its thread: of 64 MiB that takes a fifth of a second.
    """

    def __init__(self, url: str = "") -> None:
        """Open the store: `file:///folder`, a path, `s3://`, `gs://`, `az://`, `memory:`; empty: here.

        Credentials come from the usual environment variables of the cloud. Raises ConfigurationError.
        """
        self._objects, self._shown = _open(url)
        at_once = _FILES_AT_ONCE if isinstance(self._objects, Files) else 1
        self._threads = ThreadTurns(_THREADS, at_once, "payloads")

    async def put(self, data: bytes) -> str:
        """Store and return the SHA-256; idempotent. Raises Unreachable, or Refused where it may not write."""
        return await self._threads.call(partial(self._write, data))

    async def get(self, sha256: str) -> bytes:
        """Return the bytes. Raises PayloadGone (also if they are damaged), Unreachable or Refused."""
        return await self._threads.call(partial(self._read, sha256))

    async def touch(self, sha256: str) -> None:
        """Make it young again by putting what is there: no bucket has an age that can be set. Raises as `get`."""
        await self._threads.call(lambda: self._write(self._read(sha256)))

    async def probe(self) -> None:
        """Put, get and take away a payload that nobody else can have. Raises as `put` and `get`.

        Where it may not be taken away, as a fleet's users may not, it is left to the rule by age.
        """
        data = b"argosy probe " + token_bytes(16)
        sha256 = await self.put(data)
        await self.get(sha256)
        with suppress(OSError):
            await self._threads.call(partial(self._objects.delete, sha256))

    def _write(self, data: bytes) -> str:
        sha256 = sha256_hex(data)
        with self._asking(sha256):
            self._objects.write(sha256, data)
        return sha256

    def _read(self, sha256: str) -> bytes:
        with self._asking(sha256):
            try:
                data = self._objects.read(sha256)
            except FileNotFoundError:
                message = (
                    f"payload {sha256} isn't at {self._shown} (collected, or another store is configured)"
                )
                raise PayloadGone(message) from None
        if data is None:
            message = f"payload {sha256} is damaged: what lies at {self._shown} has another SHA-256"
            raise PayloadGone(message)
        return data

    @contextmanager
    def _asking(self, sha256: str) -> Generator[None]:
        """Turn the system's errors into ours."""
        try:
            yield
        except PermissionError as error:
            do = "  do:  check the credentials and the rights of this user there"
            message = f"the payload store {self._shown} refuses {sha256}\n  why: {_first_line(error)}\n{do}"
            raise Refused(message) from None
        except OSError as error:
            do = "check that it is reachable, and that ARGOSY_PAYLOADS is right"
            if error.errno in _NO_ROOM:
                do = "make room there: it is full. Everything waits for it and goes on by itself"
            message = (
                f"the payload store {self._shown} fails at {sha256}\n  why: {_first_line(error)}\n  do:  {do}"
            )
            raise Unreachable(message) from None


def _open(url: str) -> tuple[Files | Bucket, str]:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("", "file"):
            folder = _folder(url)
            return Files(folder), str(folder)
        if parts.scheme not in ("memory", *_REMOTE):
            message = f"the scheme `{parts.scheme}` is unknown"
            raise ValueError(message)  # noqa: TRY301  # told as the store's own words are
        shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        return remote(url), "memory" if parts.scheme == "memory" else shown
    except (OSError, ValueError) as error:
        what, do = "the payload store can't be opened", "give a folder, or file:///…, s3://…, gs://…, az://…"
        raise ConfigurationError(what, _first_line(error), do) from None


def _folder(url: str) -> Path:
    """Return the folder of a file URL, of a plain path, or of nothing."""
    parts = urlsplit(url)
    if parts.netloc:
        message = "a file URL has three slashes: file:///folder"
        raise ValueError(message)
    if parts.scheme:
        return Path(unquote(parts.path))
    return Path(url) if url else DEFAULT_FOLDER


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
