"""`MemoryPayloads`: the twin of the payload store, with an age for each object, and faults."""

import time
from collections.abc import Callable

from argosy.schemas.canonical import sha256_hex
from argosy.schemas.errors import PayloadGone, Unreachable


class MemoryPayloads:
    """`Payloads` in memory. `objects` holds the bytes, `written` when each was last put (seconds)."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives epoch seconds."""
        self.objects: dict[str, bytes] = {}
        self.written: dict[str, float] = {}
        self._clock = clock
        self._down = False

    async def put(self, data: bytes) -> str:
        """Store and return the SHA-256; idempotent. Raises Unreachable."""
        return self.store(data)

    async def get(self, sha256: str) -> bytes:
        """Return the bytes. Raises PayloadGone (also if they are damaged) or Unreachable."""
        return self.find(sha256)

    async def touch(self, sha256: str) -> None:
        """Make it young again. Raises PayloadGone or Unreachable."""
        self.store(self.find(sha256))

    def store(self, data: bytes) -> str:
        """Do what `put` does, at once."""
        self._check()
        sha256 = sha256_hex(data)
        self.objects[sha256] = bytes(data)
        self.written[sha256] = self._clock()
        return sha256

    def find(self, sha256: str) -> bytes:
        """Do what `get` does, at once."""
        self._check()
        data = self.objects.get(sha256)
        if data is None or sha256_hex(data) != sha256:
            message = f"payload {sha256} isn't in memory"
            raise PayloadGone(message)
        return data

    def down(self) -> None:
        """Answer nobody until `up`."""
        self._down = True

    def up(self) -> None:
        """Answer again."""
        self._down = False

    def collect(self, older_than_seconds: float) -> int:
        """Remove what was written longer ago than this; returns how many."""
        limit = self._clock() - older_than_seconds
        old = [sha256 for sha256, at in self.written.items() if at < limit]
        for sha256 in old:
            del self.objects[sha256], self.written[sha256]
        return len(old)

    def _check(self) -> None:
        if self._down:
            message = "the in-memory payload store doesn't answer"
            raise Unreachable(message)
