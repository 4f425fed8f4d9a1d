"""The plain reads of `Store`: each a command and the type of its reply, over whatever runs commands."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence

from argosy.broker.script import Arg, Reply


class RedisReads(ABC):
    """What `RedisStore` and its twin have in common: they differ in how a command gets its reply."""

    @abstractmethod
    async def command(self, *args: bytes) -> Reply:
        """Run one command."""

    async def get(self, key: str) -> bytes | None:
        """GET."""
        return _maybe(await self._ask("GET", key))

    async def hgetall(self, key: str) -> dict[bytes, bytes]:
        """HGETALL; empty if absent."""
        flat = _items(await self._ask("HGETALL", key))
        return dict(zip(flat[::2], flat[1::2], strict=True))

    async def hmget(self, key: str, fields: Sequence[str]) -> list[bytes | None]:
        """HMGET."""
        if not fields:
            return []
        reply = await self._ask("HMGET", key, *fields)
        return [_maybe(item) for item in _list(reply)]

    async def smembers(self, key: str) -> set[bytes]:
        """SMEMBERS."""
        return set(_items(await self._ask("SMEMBERS", key)))

    async def zrange(self, key: str, first: int, last: int) -> list[tuple[bytes, float]]:
        """ZRANGE … WITHSCORES: lowest scores first, `last` inclusive, -1 = the end."""
        return _scored(await self._ask("ZRANGE", key, first, last, "WITHSCORES"))

    async def zrangebyscore(self, key: str, most: float, limit: int) -> list[tuple[bytes, float]]:
        """ZRANGEBYSCORE -inf … `most`, at most `limit` members."""
        bounds = ("-inf", repr(most), "WITHSCORES", "LIMIT", 0, limit)
        return _scored(await self._ask("ZRANGEBYSCORE", key, *bounds))

    async def scan(self, pattern: str) -> AsyncIterator[bytes]:
        """SCAN MATCH; keys may repeat."""
        cursor = b"0"
        while True:
            reply = _list(await self._ask("SCAN", cursor, "MATCH", pattern, "COUNT", 500))
            cursor = _bytes(reply[0])
            for key in _items(reply[1]):
                yield key
            if cursor == b"0":
                return

    async def delete(self, keys: Sequence[str]) -> int:
        """UNLINK; returns how many there were."""
        return _integer(await self._ask("UNLINK", *keys)) if keys else 0

    async def ttl_ms(self, key: str) -> int:
        """PTTL: -1 no TTL, -2 no key."""
        return _integer(await self._ask("PTTL", key))

    async def server_info(self) -> dict[str, str]:
        """INFO, flat."""
        return flat_info(_bytes(await self._ask("INFO")))

    async def _ask(self, *args: Arg) -> Reply:
        return await self.command(*(arg if isinstance(arg, bytes) else str(arg).encode() for arg in args))


def flat_info(text: bytes) -> dict[str, str]:
    """Parse INFO's `name:value` lines."""
    lines = (
        line
        for line in text.decode("utf-8", "replace").splitlines()
        if ":" in line and not line.startswith("#")
    )
    return dict(line.split(":", 1) for line in lines)


def _bytes(reply: Reply) -> bytes:
    if isinstance(reply, bytes):
        return reply
    raise TypeError(reply)


def _maybe(reply: Reply) -> bytes | None:
    return None if reply is None else _bytes(reply)


def _integer(reply: Reply) -> int:
    if isinstance(reply, int):
        return reply
    raise TypeError(reply)


def _list(reply: Reply) -> list[Reply]:
    if isinstance(reply, list):
        return reply
    raise TypeError(reply)


def _items(reply: Reply) -> list[bytes]:
    return [_bytes(item) for item in _list(reply)]


def _scored(reply: Reply) -> list[tuple[bytes, float]]:
    flat = _items(reply)
    return [(member, float(score)) for member, score in zip(flat[::2], flat[1::2], strict=True)]
