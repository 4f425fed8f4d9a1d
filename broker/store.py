"""What the rooms above may ask of the Redis-protocol server: scripts, a few reads. Twin: `memory_redis`."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from argosy.broker.script import Arg, Reply, Script

__all__ = ["Arg", "Payloads", "Reply", "Script", "Store", "SyncScripts"]


class SyncScripts(Protocol):
    """Scripts over a connection of its own, for a thread that must not depend on the event loop."""

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """As `Store.run`, blocking; raises Unreachable and Refused."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Store(Protocol):
    """One coalesced connection: calls of one loop turn go out in one write, in the order they were made.

    Every method raises Unreachable when there is no answer in time (whether it took effect is unknown) and
    Refused when the server says no. Values are bytes; nothing is decoded.
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
        """INFO, flat; `server_check` says what it must say."""
        ...

    def renewals(self) -> SyncScripts:
        """Open another connection, a synchronous one: leases are renewed from their own thread."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class Payloads(Protocol):
    """The payload store: bytes by SHA-256. A put writes even if the object exists: collection goes by age."""

    async def put(self, data: bytes) -> str:
        """Store and return the SHA-256; idempotent. Raises Unreachable."""
        ...

    async def get(self, sha256: str) -> bytes:
        """Return the bytes, checked against the hash. Raises PayloadGone or Unreachable."""
        ...

    async def touch(self, sha256: str) -> None:
        """Make it young again, so that collection by age spares it. Raises PayloadGone or Unreachable."""
        ...
