"""Random commands that mean something, for the twin of Redis beside a real one, alone and inside a script."""

from hypothesis import strategies as st

from argosy.broker.script import Arg, Script
from support.redis_pair import FAR_MS

Op = tuple[bytes, ...]

keys = st.sampled_from([b"{t}a", b"{t}a", b"{t}b"])
words = st.sampled_from([b"x", b"x", b"x", b"y", b"", b"\xff\x00", b"10"])
odd_integers = st.sampled_from(
    [
        b"9223372036854775807",
        b"-9223372036854775808",
        b"9223372036854775808",
        b"-0",
        b"+1",
        b"1.5",
        b"no",
        b"01",
        b" 1",
        b"1 ",
        b"",
        b"1\x00",
        b"1e3",
        b"0x10",
    ]
)
integers = st.sampled_from([b"0", b"1", b"-7", b"41"]) | odd_integers
odd_numbers = st.sampled_from(
    [
        b"0x10",
        b"1e3",
        b"+5",
        b"infinity",
        b"-Infinity",
        b"INF",
        b"nan",
        b"1.",
        b".5",
        b"",
        b" 1",
        b"1 ",
        b"1_0",
        b"1e400",
        b"-1e400",
        b"1e-400",
        b"5e-324",
        b"-0",
        b"0.1",
        b"1e17",
        b"123456789012345678",
        b"1e21",
        b"1,5",
    ]
)
numbers = st.floats(allow_nan=False).map(lambda number: repr(number).encode()) | odd_numbers
scores = (
    st.sampled_from([b"1", b"1", b"1", b"-2.5", b"1795655320892", b"inf", b"-inf", b"no", b"2"]) | numbers
)
bounds = st.sampled_from([b"-inf", b"+inf", b"(1", b"1", b"0", b"(-2.5", b"5", b"no"])
indexes = st.sampled_from([b"0", b"1", b"-1", b"-2", b"5", b"-9", b"x"])
spans = st.sampled_from([b"4000000", b"4000000", b"5000000", b"0", b"-1"]) | odd_integers
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


def _cut(operation: Op, size: int) -> Op:
    return operation[:size]


def _lengthened(operation: Op, part: bytes) -> Op:
    return (*operation, part)


ON_ANY_KEY = (
    op(b"PEXPIREAT", keys, st.just(b"%d" % FAR_MS)),
    op(b"DEL", keys),
    op(b"UNLINK", keys, keys),
    op(b"EXISTS", keys, keys),
    op(b"TYPE", keys),
    flags(op(b"PEXPIREAT", keys, times), 3, b"NX", b"XX", b"GT", b"LT"),
    op(b"PEXPIRETIME", keys),
    op(b"PERSIST", keys),
    op(b"PTTL", keys),
    flags(op(b"PEXPIRE", keys, spans), 3, b"NX", b"XX", b"GT", b"LT"),
    op(b"EXPIRE", keys, spans),
    op(b"EXPIREAT", keys, st.sampled_from([b"4000000000", b"0", b"-1"]) | odd_integers),
    op(b"PING"),
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
    op(b"DECRBY", keys, integers),
    op(b"SET", keys, words, st.sampled_from([b"PX", b"EX"]), spans),
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
SORTED_SETS: tuple[st.SearchStrategy[Op], ...] = (
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
EVERYTHING: st.SearchStrategy[Op] = st.one_of(*STRINGS, *HASHES, *SETS, *SORTED_SETS, *ON_ANY_KEY)
ODD: tuple[st.SearchStrategy[Op], ...] = (
    st.builds(_cut, EVERYTHING, st.integers(1, 3)),
    st.builds(_lengthened, EVERYTHING, keys),
    op(b"NOSUCH", keys),
)
"""Commands with too few parts, or too many."""


ALL_KEYS = ["{t}a", "{t}b"]

# Runs the operations that it is given (each: number of parts, parts) and tells type and value of each reply.
MANY = Script.of_text(
    "many",
    """
local out, at = {}, 1
local function told(value)
  if type(value) ~= 'table' then return { type(value), tostring(value) } end
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


def in_order(operation: Op) -> bool:
    """Say whether a script may do it (all its keys are declared), and the server gives the reply in one order only."""
    if operation[0] in {b"DEL", b"UNLINK", b"EXISTS", b"MGET"}:
        return set(operation[1:]) <= {key.encode() for key in ALL_KEYS}
    return operation[0] not in {b"SMEMBERS", b"HGETALL", b"HKEYS", b"HVALS", b"INFO", b"TIME"}


def batches(commands: list[Op], size: int) -> list[list[Arg]]:
    """Cut commands into the arguments of `MANY`."""
    return [
        [part for command in commands[at : at + size] for part in (b"%d" % len(command), *command)]
        for at in range(0, len(commands), size)
    ]
