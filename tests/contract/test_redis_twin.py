"""The twin beside a real Valkey: random commands and scripts give the same replies and leave the same keys."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argosy.broker.memory_server import MemoryServer
from argosy.broker.script import Arg, Script
from support.redis_pair import RedisPair
from support.valkey import Valkey

Op = tuple[bytes, ...]
FAR_MS = 4_000_000_000_000

keys = st.sampled_from([b"{t}a", b"{t}a", b"{t}b"])
words = st.sampled_from([b"x", b"x", b"x", b"y", b"", b"\xff\x00", b"10"])
integers = st.sampled_from([b"0", b"1", b"-7", b"41", b"9223372036854775807", b"1.5", b"no", b"01", b" 1"])
scores = st.sampled_from([b"1", b"1", b"1", b"-2.5", b"1795655320892", b"inf", b"-inf", b"no", b"2"])
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


ON_ANY_KEY = (
    op(b"PEXPIREAT", keys, st.just(b"%d" % FAR_MS)),
    op(b"DEL", keys),
    op(b"UNLINK", keys, keys),
    op(b"EXISTS", keys, keys),
    op(b"TYPE", keys),
    flags(op(b"PEXPIREAT", keys, times), 3, b"NX", b"XX", b"GT", b"LT"),
    op(b"PEXPIRETIME", keys),
    op(b"PERSIST", keys),
)
STRINGS = (
    op(b"SET", keys, words, st.just(b"PXAT"), st.just(b"%d" % FAR_MS)),
    op(b"GET", keys),
    op(b"SET", keys, words),
    flags(op(b"SET", keys, words), 3, b"NX", b"XX", b"KEEPTTL"),
    op(b"SET", keys, words, st.just(b"PXAT"), times),
    op(b"INCR", keys),
    op(b"INCRBY", keys, integers),
    op(b"MGET", keys, keys),
)
HASHES = (
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
)
SETS = (
    many(b"SADD", keys, words),
    many(b"SREM", keys, words),
    op(b"SMEMBERS", keys),
    op(b"SISMEMBER", keys, words),
    op(b"SCARD", keys),
)
SORTED_SETS = (
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
FAMILIES = [st.one_of(*family, *ON_ANY_KEY) for family in (STRINGS, HASHES, SETS, SORTED_SETS)]
EVERYTHING = st.one_of(*STRINGS, *HASHES, *SETS, *SORTED_SETS, *ON_ANY_KEY)


def operations(least: int, most: int) -> st.SearchStrategy[list[Op]]:
    """Mostly of one kind of value, so that commands meet what they are for; else all mixed up."""
    return st.sampled_from([*FAMILIES, EVERYTHING]).flatmap(
        lambda family: st.lists(family, min_size=least, max_size=most)
    )


UNORDERED = {b"SMEMBERS", b"HGETALL", b"HKEYS", b"HVALS"}
ALL_KEYS = ["{t}a", "{t}b"]

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


def batches(commands: list[Op], size: int) -> list[list[Arg]]:
    """Cut commands into the arguments of `MANY`."""
    return [
        [part for command in commands[at : at + size] for part in (b"%d" % len(command), *command)]
        for at in range(0, len(commands), size)
    ]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisPair]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        both = RedisPair(server)
        yield both
        both.close()


SETTINGS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@SETTINGS
@given(commands=operations(20, 60))
def test_random_commands_give_the_same_replies_and_leave_the_same_keys(
    pair: RedisPair, commands: list[Op]
) -> None:
    pair.clear()
    for operation in commands:
        real, twin = pair.command(*operation)
        assert twin == real, operation
    real, twin = pair.dumps()
    assert twin == real


@SETTINGS
@given(commands=operations(20, 60))
def test_random_scripts_give_the_same_replies_and_leave_the_same_keys(
    pair: RedisPair, commands: list[Op]
) -> None:
    pair.clear()
    for batch in batches([command for command in commands if command[0] not in UNORDERED], 15):
        real, twin = pair.script(MANY, ALL_KEYS, batch)
        assert twin == real
    real, twin = pair.dumps()
    assert twin == real


@SETTINGS
@given(commands=operations(20, 60), lost=st.integers(0, 20))
def test_a_rollback_gives_back_exactly_what_was_there_before(commands: list[Op], lost: int) -> None:
    twin = MemoryServer()
    dumps = [(twin.dump(), twin.expiries())]
    for batch in batches(commands, 2):
        units = twin.writes
        twin.script(MANY, *MANY.encode(ALL_KEYS, batch))
        if twin.writes > units:
            dumps.append((twin.dump(), twin.expiries()))
        else:
            assert (twin.dump(), twin.expiries()) == dumps[-1]
    taken = twin.rollback(lost)
    assert taken == min(lost, len(dumps) - 1)
    assert (twin.dump(), twin.expiries()) == dumps[len(dumps) - 1 - taken]
