"""A real Valkey and the twin of Redis, asked the same and compared."""

from collections.abc import Sequence
from typing import Final, cast

import redis

from argosy.broker.memory_server import MemoryServer
from argosy.broker.redis_sync import SyncStore
from argosy.broker.script import Arg, Reply, Script
from argosy.schemas.errors import Refused
from support.valkey import Valkey

ERROR: Final = "error"
"""Stands for any error reply: which of two faults of a command is told first is nobody's business."""

IDENTITY: Final = "the server's own identity"
"""As an argument of a script: the identity of whichever server is asked."""

Pair = tuple[object, object]
_UNORDERED: Final = {b"SMEMBERS": 1, b"HGETALL": 2, b"HKEYS": 1, b"HVALS": 1}
_READ: Final[dict[bytes, tuple[bytes, tuple[bytes, ...]]]] = {
    b"string": (b"GET", ()),
    b"hash": (b"HGETALL", ()),
    b"set": (b"SMEMBERS", ()),
    b"zset": (b"ZRANGE", (b"0", b"-1", b"WITHSCORES")),
}


class RedisPair:
    """Both servers. Each question is answered as a pair: what the real one says, what the twin says."""

    def __init__(self, valkey: Valkey) -> None:
        self._client = redis.Redis(port=valkey.port, protocol=2)
        self._client.response_callbacks.clear()
        self._scripts = SyncStore(valkey.url, 5)
        self.twin = MemoryServer()
        who = self._scripts.run(Script.of_text("who", "--! prelude\nreturn identity()"), [], [])
        self.identities = (cast("bytes", who).decode(), self.twin.identity)

    def command(self, *operation: bytes) -> Pair:
        """Run a command on both; replies whose order Redis leaves open are sorted, errors are all alike."""
        try:
            real = _sorted(operation[0], self._ask(*operation))
        except redis.RedisError:
            real = ERROR
        try:
            twin = _sorted(operation[0], self.twin.command(*operation))
        except Refused:
            twin = ERROR
        return real, twin

    def script(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Pair:
        """Run a script on both."""
        real_args, twin_args = ([own if arg == IDENTITY else arg for arg in args] for own in self.identities)
        return self._scripts.run(script, keys, real_args), self.twin.script(
            script, *script.encode(keys, twin_args)
        )

    def dumps(self) -> tuple[dict[bytes, object], dict[bytes, object]]:
        """Return everything in both: by key, when it expires (-1: never) and its value."""
        real: dict[bytes, object] = {}
        for key in cast("list[bytes]", self._ask(b"KEYS", b"*")):
            kind = cast("bytes", self._ask(b"TYPE", key))
            name, rest = _READ[kind]
            real[key] = (self._ask(b"PEXPIRETIME", key), _shaped(kind, self._ask(name, key, *rest)))
        expiries = self.twin.expiries()
        return real, {key: (expiries.get(key, -1), value) for key, value in self.twin.dump().items()}

    def clear(self) -> None:
        """Empty both."""
        self._ask(b"FLUSHALL")
        self.twin.wipe()

    def close(self) -> None:
        """Close the connections to the real one."""
        self._client.close()
        self._scripts.close()

    def _ask(self, *command: bytes) -> Reply:
        reply: object = self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        return cast("Reply", reply)


def _sorted(name: bytes, reply: Reply) -> object:
    size = _UNORDERED.get(name)
    if size is None or not isinstance(reply, list):
        return reply
    parts = cast("list[bytes]", reply)
    return sorted(parts[i : i + size] for i in range(0, len(parts), size))


def _shaped(kind: bytes, value: Reply) -> object:
    """Give a value the form that the twin's dump has."""
    if not isinstance(value, list):
        return value
    parts = cast("list[bytes]", value)
    if kind == b"set":
        return set(parts)
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    return dict(pairs) if kind == b"hash" else [(member, float(score)) for member, score in pairs]
