"""What the rooms above may ask of the Redis-protocol server: scripts and a few reads. Twin: `memory_redis`."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

Arg = str | int | bytes
Reply = bytes | int | list["Reply"] | None


class Script:
    """One `.lua` file beside the module that calls it; loaded once, run by its SHA."""

    def __init__(self, module_file: str, name: str) -> None:
        """`module_file` is the caller's `__file__`, `name` the stem of the `.lua` file beside it."""
        self.name = name
        self.text = (Path(module_file).parent / f"{name}.lua").read_text(encoding="utf-8")


class Store(Protocol):
    """One coalesced connection: calls of one loop turn go out in one write, in the order they were made.

    Every method raises Unreachable when there is no answer in time (whether it took effect is unknown) and Refused when the server
    says no. Values are bytes; nothing is decoded.
    """

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """Run a script atomically (EVALSHA, loading it when the server doesn't know it)."""
        ...

    async def get(self, key: str) -> bytes | None:
        """GET."""
        ...

    async def hgetall(self, key: str) -> dict[bytes, bytes]:
        """HGETALL; empty if absent."""
        ...

    async def hmget(self, key: str, fields: Sequence[str]) -> list[bytes | None]:
        """HMGET."""
        ...

    async def smembers(self, key: str) -> set[bytes]:
        """SMEMBERS."""
        ...

    async def zrange(self, key: str, first: int, last: int) -> list[tuple[bytes, float]]:
        """ZRANGE … WITHSCORES: lowest scores first, `last` inclusive, -1 = the end."""
        ...

    async def zrangebyscore(self, key: str, most: float, limit: int) -> list[tuple[bytes, float]]:
        """ZRANGEBYSCORE -inf … `most`, at most `limit` members."""
        ...

    def scan(self, pattern: str) -> AsyncIterator[bytes]:
        """SCAN MATCH; keys may repeat; for sweeping and for tools, never on a hot path."""
        ...

    async def delete(self, keys: Sequence[str]) -> int:
        """UNLINK."""
        ...

    async def ttl_ms(self, key: str) -> int:
        """PTTL: -1 no TTL, -2 no key."""
        ...

    async def server_info(self) -> dict[str, str]:
        """INFO, flat, plus `maxmemory_policy` and `appendonly` where the server tells them; for doctor and start-up checks."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class Payloads(Protocol):
    """The payload store: bytes by SHA-256. Puts write even when the object exists (age is what collection goes by)."""

    async def put(self, data: bytes) -> str:
        """Store and return the SHA-256; idempotent. Raises Unreachable."""
        ...

    async def get(self, sha256: str) -> bytes:
        """Return the bytes, checked against the hash. Raises PayloadGone or Unreachable."""
        ...

    async def touch(self, sha256: str) -> None:
        """Make it young again, so that collection by age spares it. Raises PayloadGone or Unreachable."""
        ...
