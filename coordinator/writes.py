"""What one commit changes in Redis, as operations of `commit.lua`: keys declared once, arguments flat."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from argosy.broker.store import Arg

MOST_KEYS: Final = 200
MOST_BYTES: Final = 1_000_000
_FIRST_INDEX: Final = 3
"""KEYS[1] and KEYS[2] are the checkpoint and the live mark."""
_MOST_ARGUMENTS: Final = 1_000
"""Of one operation: Lua's `unpack` puts them on a stack of 8,000."""


class Writes:
    """Operations in the order they were added. Every one of them may be repeated without harm."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._index: dict[str, int] = {}
        self.args: list[Arg] = []

    @property
    def keys(self) -> list[str]:
        """The keys that the operations name, in the order of their indexes."""
        return list(self._index)

    def hset(self, key: str, fields: Mapping[str, Arg]) -> None:
        """Set fields of a hash."""
        self._add("hset", key, [part for pair in fields.items() for part in pair])

    def hdel(self, key: str, fields: Iterable[str]) -> None:
        """Delete fields of a hash."""
        self._add("hdel", key, list(fields))

    def zadd(self, key: str, scores: Mapping[str, int]) -> None:
        """Set scores of members of a sorted set."""
        self._add("zadd", key, [part for member, score in scores.items() for part in (score, member)])

    def zrem(self, key: str, members: Iterable[str]) -> None:
        """Remove members of a sorted set."""
        self._add("zrem", key, list(members))

    def sadd(self, key: str, members: Iterable[str]) -> None:
        """Add members to a set."""
        self._add("sadd", key, list(members))

    def unsend(self, key: str, fields: Mapping[str, str]) -> None:
        """Delete each field of a hash that still has this value."""
        self._add("unsend", key, [part for pair in fields.items() for part in pair])

    def memo(self, key: str, name: str, value: bytes, offset: int, ttl_ms: int) -> None:
        """Write a logged memo into a task's key."""
        self._put("memo", key, [name, value, offset, ttl_ms])

    def delete(self, key: str) -> None:
        """Delete a key."""
        self._put("del", key, [])

    def expire(self, key: str, ttl_ms: int) -> None:
        """Give a key a time to live."""
        self._put("pexpire", key, [ttl_ms])

    def _add(self, name: str, key: str, args: Sequence[Arg]) -> None:
        if 0 < len(args) <= _MOST_ARGUMENTS:
            self._put(name, key, args)
            return
        for start in range(0, len(args), _MOST_ARGUMENTS):
            self._put(name, key, args[start : start + _MOST_ARGUMENTS])

    def _put(self, name: str, key: str, args: Sequence[Arg]) -> None:
        index = self._index.setdefault(key, len(self._index) + _FIRST_INDEX)
        self.args += (name, index, len(args), *args)
