"""`ObstorePayloads`: the payload store on files, S3, GCS or Azure, by `obstore`.

An object's name is the SHA-256 of its bytes, under two levels of folders. A put is atomic (obstore writes
beside and renames), writes even if the object exists, and so makes it young: collection goes by age alone.
"""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Final, TypeVar, TypeVarTuple
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from argosy.schemas.canonical import sha256_hex
from argosy.schemas.errors import ConfigurationError, PayloadGone, Refused, Unreachable

DEFAULT_FOLDER: Final = Path(".argosy/payloads")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_THREADS: Final = 16
"""Calls at once; they wait for a disk or a network, so there may be more than cores."""
_LARGE_BYTES: Final = 1024 * 1024
"""So much is hashed in the thread that moves it: 64 MiB take a fifth of a second. Of less, a second thread is dear."""
_RETRY_FOR: Final = timedelta(seconds=30)
_NO_ROOM: Final = ("(os error 28)", "(os error 122)", "(os error 27)")
"""A full disk, a used up quota, a limit on the size of files: obstore tells them in words alone."""
_REMOTE: Final = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "https")


class ObstorePayloads:
    """`Payloads` at a URL. Safe for many tasks at once; every method is idempotent."""

    def __init__(self, url: str = "") -> None:
        """Open the store: `file:///folder`, a path, `s3://`, `gs://`, `az://`, `memory:`; empty: here.

        Credentials come from the usual environment variables of the cloud. Raises ConfigurationError.
        """
        self._store, self._shown = _open(url)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="payloads")

    async def put(self, data: bytes) -> str:
        """Store and return the SHA-256; idempotent. Raises Unreachable, or Refused where it may not write."""
        if len(data) >= _LARGE_BYTES:
            return await self._off_the_loop(self._write, data)
        sha256 = sha256_hex(data)
        await self._off_the_loop(self._write_as, sha256, data)
        return sha256

    async def get(self, sha256: str) -> bytes:
        """Return the bytes. Raises PayloadGone (also if they are damaged), Unreachable or Refused."""
        data = await self._off_the_loop(self._read, sha256)
        if len(data) < _LARGE_BYTES:
            self._check(sha256, data)
        return data

    async def touch(self, sha256: str) -> None:
        """Make it young again by writing it again: no store has an age that can be set. Raises as `get`."""
        await self.put(await self.get(sha256))

    async def probe(self) -> None:
        """Put, get and take away a payload that nobody else can have. Raises as `put` and `get`.

        Where it may not be taken away, as a fleet's users may not, it is left to the rule by age.
        """
        data = b"argosy probe " + token_bytes(16)
        sha256 = await self.put(data)
        await self.get(sha256)
        with suppress(BaseError, OSError):
            await self._off_the_loop(self._store.delete, path_of(sha256))

    def _write(self, data: bytes) -> str:
        sha256 = sha256_hex(data)
        self._write_as(sha256, data)
        return sha256

    def _write_as(self, sha256: str, data: bytes) -> None:
        with self._asking(sha256):
            self._store.put(path_of(sha256), data)

    def _read(self, sha256: str) -> bytes:
        with self._asking(sha256):
            data = bytes(self._store.get(path_of(sha256)).bytes())
        if len(data) >= _LARGE_BYTES:
            self._check(sha256, data)
        return data

    def _check(self, sha256: str, data: bytes) -> None:
        if sha256_hex(data) != sha256:
            message = f"payload {sha256} is damaged: what lies at {self._shown} has another SHA-256"
            raise PayloadGone(message)

    async def _off_the_loop(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call obstore in a thread of ours.

        Its own async calls answer from threads of Rust: one that does so while the interpreter ends aborts the process,
        and a short command ends right after its last answer.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    @contextmanager
    def _asking(self, sha256: str) -> Generator[None]:
        """Turn obstore's errors into ours; theirs end in pages of debug text."""
        try:
            yield
        except FileNotFoundError:
            message = f"payload {sha256} isn't at {self._shown} (collected, or another store is configured)"
            raise PayloadGone(message) from None
        except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
            do = "  do:  check the credentials and the rights of this user there"
            message = f"the payload store {self._shown} refuses {sha256}\n  why: {_first_line(error)}\n{do}"
            raise Refused(message) from None
        except (BaseError, OSError) as error:
            why = _first_line(error)
            do = "check that it is reachable, and that ARGOSY_PAYLOADS is right"
            if any(said in why for said in _NO_ROOM):
                do = "make room there: it is full. Everything waits for it and goes on by itself"
            message = f"the payload store {self._shown} fails at {sha256}\n  why: {why}\n  do:  {do}"
            raise Unreachable(message) from None


def path_of(sha256: str) -> str:
    """Return the name of an object: two levels of 256 folders keep each folder small."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _open(url: str) -> tuple[ObjectStore, str]:
    try:
        scheme = urlsplit(url).scheme
        if scheme in ("", "file"):
            folder = _folder(url)
            folder.mkdir(parents=True, exist_ok=True)
            return LocalStore(folder.resolve(), automatic_cleanup=True), str(folder)
        if scheme == "memory":
            return MemoryStore(), "memory"
        if scheme not in _REMOTE:
            message = f"the scheme `{scheme}` is unknown"
            raise ValueError(message)  # noqa: TRY301  # told as the store's own words are
        # No `client_options`: giving any puts what AWS_ALLOW_HTTP and its like say out of force.
        store = from_url(url, retry_config={"max_retries": 5, "retry_timeout": _RETRY_FOR})
    except (BaseError, OSError, ValueError) as error:
        what, do = "the payload store can't be opened", "give a folder, or file:///…, s3://…, gs://…, az://…"
        raise ConfigurationError(what, _first_line(error), do) from None
    parts = urlsplit(url)
    return store, f"{scheme}://{parts.hostname or ''}{parts.path}"


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
