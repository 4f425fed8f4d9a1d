"""The twin beside a real Valkey: random commands and scripts give the same replies and leave the same keys."""

from collections.abc import Iterator
from typing import cast

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argosy.broker.memory_server import MemoryServer
from argosy.broker.script import Reply, Script
from argosy.schemas.errors import Refused
from support.valkey import Valkey

Op = tuple[bytes, ...]
FAR_MS = 4_000_000_000_000

keys = st.sampled_from([b"{t}a", b"{t}b", b"{t}c"])
words = st.sampled_from([b"x", b"y", b"z", b"", b"\xff\x00", b"10", b"-3"])
integers = st.sampled_from([b"0", b"1", b"-7", b"41", b"9223372036854775807", b"1.5", b"no", b"01", b" 1"])
scores = st.sampled_from([b"0", b"1", b"-2.5", b"1795655320892", b"inf", b"-inf", b"no", b"2"])
bounds = st.sampled_from([b"-inf", b"+inf", b"(1", b"1", b"0", b"(-2.5", b"5", b"no"])
indexes = st.sampled_from([b"0", b"1", b"-1", b"-2", b"5", b"-9", b"x"])
times = st.sampled_from([b"%d" % (FAR_MS + n) for n in range(3)] + [b"1", b"0", b"-5", b"no"])


def op(name: bytes, *parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[Op]:
    return st.tuples(st.just(name), *parts)


def many(
    name: bytes, key: st.SearchStrategy[bytes], *group: st.SearchStrategy[bytes]
) -> st.SearchStrategy[Op]:
    groups = st.lists(st.tuples(*group), min_size=1, max_size=3)

    def joined(k: bytes, parts: list[tuple[bytes, ...]]) -> Op:
        return (name, k, *(part for each in parts for part in each))

    return st.builds(joined, key, groups)


def flags(base: st.SearchStrategy[Op], at: int, *names: bytes) -> st.SearchStrategy[Op]:
    some = st.lists(st.sampled_from(names), max_size=2, unique=True)

    def joined(operation: Op, flags: list[bytes]) -> Op:
        return (*operation[:at], *flags, *operation[at:])

    return st.builds(joined, base, some)


COMMANDS = st.one_of(
    op(b"GET", keys),
    op(b"SET", keys, words),
    flags(op(b"SET", keys, words), 3, b"NX", b"XX", b"KEEPTTL"),
    op(b"SET", keys, words, st.just(b"PXAT"), times),
    op(b"INCR", keys),
    op(b"INCRBY", keys, integers),
    op(b"DEL", keys),
    op(b"UNLINK", keys, keys),
    op(b"EXISTS", keys, keys),
    op(b"TYPE", keys),
    op(b"MGET", keys, keys),
    flags(op(b"PEXPIREAT", keys, times), 3, b"NX", b"XX", b"GT", b"LT"),
    op(b"PEXPIRETIME", keys),
    op(b"PERSIST", keys),
    op(b"HGET", keys, words),
    op(b"HMGET", keys, words, words),
    op(b"HGETALL", keys),
    many(b"HSET", keys, words, integers),
    op(b"HSET", keys, words),
    op(b"HSETNX", keys, words, words),
    many(b"HDEL", keys, words),
    op(b"HLEN", keys),
    op(b"HEXISTS", keys, words),
    op(b"HKEYS", keys),
    op(b"HVALS", keys),
    op(b"HINCRBY", keys, words, integers),
    many(b"SADD", keys, words),
    many(b"SREM", keys, words),
    op(b"SMEMBERS", keys),
    op(b"SISMEMBER", keys, words),
    op(b"SCARD", keys),
    flags(many(b"ZADD", keys, scores, words), 2, b"NX", b"XX", b"GT", b"LT", b"CH"),
    op(b"ZINCRBY", keys, scores, words),
    many(b"ZREM", keys, words),
    op(b"ZSCORE", keys, words),
    op(b"ZMSCORE", keys, words, words),
    op(b"ZCARD", keys),
    op(b"ZCOUNT", keys, bounds, bounds),
    op(b"ZREMRANGEBYSCORE", keys, bounds, bounds),
    op(b"ZRANGEBYSCORE", keys, bounds, bounds),
    op(b"ZRANGEBYSCORE", keys, bounds, bounds, st.just(b"WITHSCORES")),
    op(b"ZRANGEBYSCORE", keys, bounds, bounds, st.just(b"LIMIT"), indexes, indexes),
    op(b"ZRANGE", keys, indexes, indexes),
    op(b"ZRANGE", keys, indexes, indexes, st.just(b"WITHSCORES")),
    op(b"ZRANGE", keys, bounds, bounds, st.just(b"BYSCORE")),
    op(b"ZPOPMIN", keys),
    op(b"ZPOPMIN", keys, indexes),
)
UNORDERED = {b"SMEMBERS": 1, b"HGETALL": 2, b"HKEYS": 1, b"HVALS": 1}
READ = {
    b"string": (b"GET",),
    b"hash": (b"HGETALL",),
    b"set": (b"SMEMBERS",),
    b"zset": (b"ZRANGE", b"0", b"-1", b"WITHSCORES"),
}
ALL_KEYS = ["{t}a", "{t}b", "{t}c"]

# Runs the operations that it is given (each: number of parts, parts) and tells type and value of each reply.
MANY = Script.of_text(
    "many",
    """
local out, at = {}, 1
local function told(value)
  if type(value) ~= 'table' then return type(value) .. ' ' .. tostring(value) end
  if value.err then return 'err' end
  if value.ok then return 'ok ' .. value.ok end
  local parts = {}
  for i, part in ipairs(value) do parts[i] = told(part) end
  return parts
end
while ARGV[at] do
  local count = tonumber(ARGV[at])
  out[#out + 1] = told(redis.pcall(unpack(ARGV, at + 1, at + count)))
  at = at + count + 1
end
return out
""",
)


class Pair:
    """Both servers, empty."""

    def __init__(self, real: redis.Redis) -> None:
        self.real = real
        self.twin = MemoryServer(journal=10)

    def clear(self) -> None:
        self.ask(b"FLUSHALL")
        self.twin.wipe()

    def ask(self, *command: bytes) -> Reply:
        """Ask the real one."""
        reply: object = self.real.execute_command(*command)  # type: ignore[no-untyped-call]
        return cast("Reply", reply)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        client = redis.Redis(port=server.port, protocol=2)
        client.response_callbacks.clear()
        yield Pair(client)
        client.close()


def sorted_reply(name: bytes, reply: Reply) -> object:
    """Take out the order of a hash or set, which Redis leaves open."""
    size = UNORDERED.get(name)
    if size is None or not isinstance(reply, list):
        return reply
    parts = cast("list[bytes]", reply)
    return sorted(parts[i : i + size] for i in range(0, len(parts), size))


def real_reply(pair: Pair, operation: Op) -> object:
    try:
        reply = pair.ask(*operation)
    except redis.RedisError:
        return "error"
    return sorted_reply(operation[0], reply)


def twin_reply(pair: Pair, operation: Op) -> object:
    try:
        reply = pair.twin.command(*operation)
    except Refused:
        return "error"  # which of two faults of a command is told first is nobody's business
    return sorted_reply(operation[0], reply)


def real_dump(pair: Pair) -> dict[bytes, object]:
    dump: dict[bytes, object] = {}
    for key in cast("list[bytes]", pair.ask(b"KEYS", b"*")):
        kind = cast("bytes", pair.ask(b"TYPE", key))
        name, *rest = READ[kind]
        dump[key] = plain(kind, pair.ask(name, key, *rest))
    return dump


def plain(kind: bytes, value: Reply) -> object:
    if not isinstance(value, list):
        return value
    parts = cast("list[bytes]", value)
    if kind == b"set":
        return set(parts)
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    return dict(pairs) if kind == b"hash" else [(member, float(score)) for member, score in pairs]


SETTINGS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@SETTINGS
@given(operations=st.lists(COMMANDS, max_size=40))
def test_random_commands_give_the_same_replies_and_leave_the_same_keys(
    pair: Pair, operations: list[Op]
) -> None:
    pair.clear()
    for operation in operations:
        assert twin_reply(pair, operation) == real_reply(pair, operation), operation
    assert pair.twin.dump() == real_dump(pair)


@SETTINGS
@given(batches=st.lists(st.lists(COMMANDS.filter(lambda o: o[0] not in UNORDERED), max_size=12), max_size=4))
def test_random_scripts_give_the_same_replies_and_leave_the_same_keys(
    pair: Pair, batches: list[list[Op]]
) -> None:
    pair.clear()
    for batch in batches:
        args = [part for operation in batch for part in (b"%d" % len(operation), *operation)]
        keys_out, args_out = MANY.encode(ALL_KEYS, args)
        real = pair.ask(b"EVAL", MANY.text.encode(), b"%d" % len(keys_out), *keys_out, *args_out)
        assert pair.twin.script(MANY, keys_out, args_out) == real
    assert pair.twin.dump() == real_dump(pair)


@SETTINGS
@given(
    batches=st.lists(st.lists(COMMANDS, max_size=6), max_size=6),
    lost=st.integers(0, 8),
)
def test_a_rollback_gives_back_exactly_what_was_there_before(batches: list[list[Op]], lost: int) -> None:
    twin = MemoryServer()
    dumps = [(twin.dump(), twin.expiries())]
    for batch in batches:
        args = [part for operation in batch for part in (b"%d" % len(operation), *operation)]
        units = twin.writes
        twin.script(MANY, *MANY.encode(ALL_KEYS, args))
        if twin.writes > units:
            dumps.append((twin.dump(), twin.expiries()))
        else:
            assert (twin.dump(), twin.expiries()) == dumps[-1]
    taken = twin.rollback(lost)
    assert taken == min(lost, len(dumps) - 1)
    assert (twin.dump(), twin.expiries()) == dumps[len(dumps) - 1 - taken]
