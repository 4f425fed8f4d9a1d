"""A real Valkey and the twin of Redis behind their two stores, asked the same and compared."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import OUT_OF_MEMORY, MemoryServer
from argosy.broker.redis_reads import RedisReads
from argosy.broker.script import Arg, Reply, Script
from argosy.broker.store import Store
from argosy.schemas.errors import ArgosyError, Refused
from support.valkey import Valkey

IDENTITY: Final = "the server's own identity"
"""As an argument of a script: the identity of whichever server is asked."""

FAR_MS: Final = 4_000_000_000_000
"""A time that no clock shows yet: compared to the millisecond."""

Pair = tuple[object, object]
_WHO: Final = Script.of_text("who", "--! prelude\nreturn identity()")
_SLACK_MS: Final = 30_000
_LONG_NUMBER: Final = re.compile(rb"-?\d\.\d{14,}(e[+-]\d+)?|-?0\.\d{15,}|-?\d{16,}")
"""The real server prints one number in a thousand with a digit more than it needs."""
_UNORDERED: Final = {b"SMEMBERS": 1, b"HGETALL": 2, b"HKEYS": 1, b"HVALS": 1}
_LISTPACK: Final = 64
"""Hashes whose parts are no longer than this (and that have few) keep their order on the real server."""
_DUMP: Final = Script.of_text(
    "dump",
    """
local read = { string = { 'GET' }, hash = { 'HGETALL' }, set = { 'SMEMBERS' }, zset = { 'ZRANGE' } }
local out = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local value = kind == 'zset' and redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') or redis.call(read[kind][1], key)
  out[#out + 1] = { key, kind, redis.call('PEXPIRETIME', key), value }
end
return out
""",
)


class RedisPair:
    """Both servers. Each question is answered as a pair: what the real one says, what the twin says."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._loop = asyncio.Runner()
        self._ahead_ms = 0.0
        self.server = MemoryServer(clock=lambda: time.time() + self._ahead_ms / 1000)
        self.twin, self.real = MemoryRedis(self.server), valkey.store()
        self.identities = ("", "")
        self.meet()

    def meet(self) -> None:
        """Learn who is there now."""
        real, twin = self.script(_WHO, [], [])
        self.identities = (cast("bytes", real).decode(), cast("bytes", twin).decode())

    def command(self, *operation: bytes) -> Pair:
        """Run a command on both. Where Redis leaves the order of a reply open, it is sorted."""
        real, twin = self._asked(lambda store: _command(store, operation))
        return _sorted(operation[0], real), _sorted(operation[0], twin)

    def script(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Pair:
        """Run a script on both."""

        def run(store: Store) -> Awaitable[Reply]:
            own = self.identities[store is self.twin]
            return store.run(script, keys, [own if arg == IDENTITY else arg for arg in args])

        return self._asked(run)

    def together(self, script: Script, keys: Sequence[str], calls: Sequence[Sequence[Arg]]) -> Pair:
        """Run a script many times, all begun in one turn of the loop."""
        return self._asked(lambda store: _together(store, script, keys, calls))

    def _asked(self, run: Callable[[Store], Awaitable[Reply]]) -> Pair:
        return self._loop.run(_fared(run(self.real))), self._loop.run(_fared(run(self.twin)))

    # -- what happens to servers

    def clear(self) -> None:
        """Empty both, and forget their scripts."""
        self.lose_replicas(lost=False)
        self.fill(full=False)
        self._real(b"FLUSHALL")
        self.server.wipe()
        self._ahead_ms = 0

    def forget_scripts(self) -> None:
        """Let the real server forget its scripts, as one that was restarted has."""
        self._real(b"SCRIPT", b"FLUSH")

    def fill(self, *, full: bool = True) -> None:
        """Leave no memory."""
        self._real(b"CONFIG", b"SET", b"maxmemory", b"1" if full else b"0")
        self.server.refuse_writes(OUT_OF_MEMORY if full else "")

    def lose_replicas(self, *, lost: bool = True) -> None:
        """Take no writes for want of replicas."""
        self._real(b"CONFIG", b"SET", b"min-replicas-to-write", b"1" if lost else b"0")
        self.server.refuse_writes("NOREPLICAS Not enough good replicas to write." if lost else "")

    def restart(self) -> None:
        """Kill the real one and start it again; restart the twin."""
        self._valkey.kill()
        self._valkey.start()
        self.server.restart()
        self._loop.run(_until_back(self.real))
        self.meet()

    def lapse(self, milliseconds: int) -> None:
        """Let so many milliseconds and one more pass: on the real server by waiting, in the twin by its clock."""
        until_ms = self._real_ms() + milliseconds
        while self._real_ms() <= until_ms:
            pass
        self._ahead_ms += milliseconds + 1

    def _real_ms(self) -> int:
        seconds, microseconds = cast("list[bytes]", self._real(b"TIME"))
        return int(seconds) * 1000 + int(microseconds) // 1000

    def ask_real(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """Run a script on the real server alone."""
        return self._loop.run(self.real.run(script, keys, args))

    def wait_for(self, *command: bytes, has: bytes) -> None:
        """Ask the real server until its reply has these words."""
        deadline = time.monotonic() + 150
        while has not in cast("bytes", self._real(*command)):
            assert time.monotonic() < deadline, has

    def _real(self, *command: bytes) -> Reply:
        return self._loop.run(self.real.command(*command))

    # -- what both hold

    def dumps(self) -> Pair:
        """Return everything in both: by key, when it expires (-1: never) and its value."""
        found = cast("list[tuple[bytes, bytes, int, Reply]]", self._loop.run(self.real.run(_DUMP, [], [])))
        expiries = self.server.expiries()
        return (
            {key: (at, _shaped(kind, value)) for key, kind, at, value in found},
            {key: (expiries.get(key, -1), value) for key, value in self.server.dump().items()},
        )

    def same(self, replies: Pair) -> bool:
        """Say whether the twin did as the real one, but for identities and a little time."""
        real, twin = (_alike(reply, own) for reply, own in zip(replies, self.identities, strict=True))
        return twin == real

    def close(self) -> None:
        """Close both stores."""
        self._loop.run(self.real.close())
        self._loop.run(self.twin.close())
        self._loop.close()


async def _command(store: Store, operation: Sequence[bytes]) -> Reply:
    assert isinstance(store, RedisReads)
    return await store.command(*operation)


async def _together(
    store: Store, script: Script, keys: Sequence[str], calls: Sequence[Sequence[Arg]]
) -> Reply:
    return list(await asyncio.gather(*(_fared(store.run(script, keys, call)) for call in calls)))  # type: ignore[arg-type]


async def _fared(asked: Awaitable[Reply]) -> object:
    """Give the reply, or the kind of error: its class, and the code that a server began it with."""
    try:
        return await asked
    except ArgosyError as error:
        return type(error).__name__, _code(error)


def _code(error: ArgosyError) -> str:
    if not isinstance(error, Refused):
        return ""
    first = str(error).partition("): ")[2].split(" ", 1)[0]
    return first if first.isupper() and first.isalpha() else "ERR"


async def _until_back(store: Store) -> None:
    async with asyncio.timeout(150):
        while True:
            try:
                await store.get("nothing")
            except ArgosyError:
                continue
            return


def _sorted(name: bytes, reply: object) -> object:
    size = _UNORDERED.get(name)
    if size is None or not isinstance(reply, list):
        return reply
    parts = cast("list[bytes]", reply)
    if name != b"SMEMBERS" and all(len(part) <= _LISTPACK for part in parts):
        return parts
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


class _Near(int):
    """A number that may be a time or a time left: equal to one that is close, if both may be read from a clock."""

    __hash__ = None  # type: ignore[assignment]  # it isn't transitive

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, int):
            return NotImplemented
        return int(self) == int(other) or (
            min(self, other) > _SLACK_MS
            and max(self, other) < FAR_MS
            and abs(int(self) - int(other)) < _SLACK_MS
        )


def _alike(value: object, identity: str) -> object:
    """Say the identity the same way for both servers, and compare times with a tolerance."""
    match value:
        case bytes():
            return IDENTITY if value == identity.encode() else _number(value)
        case int() if not isinstance(value, bool):
            return _Near(value)
        case list() | tuple():
            return [_alike(item, identity) for item in cast("Sequence[object]", value)]
        case dict():
            return {key: _alike(item, identity) for key, item in cast("dict[bytes, object]", value).items()}
        case _:
            return value


def _number(text: bytes) -> object:
    if text.isdigit() and text[:1] != b"0":
        return _Near(int(text))
    return float(text) if _LONG_NUMBER.fullmatch(text) else text
