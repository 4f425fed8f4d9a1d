"""The commands of the twin of Redis: those that our scripts and `Store` use. Any other is a loud error, not a guess."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from argosy.broker.memory_keyspace import Hash, Keyspace, ReplyError, SortedSet, Value
from argosy.broker.script import Reply

Args = list[bytes]
Run = Callable[[Keyspace, Args], Reply]


class Status(bytes):
    """A status reply such as OK; in Lua it is a table `{ok=…}`."""

    __slots__ = ()


OK: Final = Status(b"OK")
NOT_INTEGER: Final = "ERR value is not an integer or out of range"
NOT_FLOAT: Final = "ERR value is not a valid float"
SYNTAX: Final = "ERR syntax error"
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Command:
    """How a command runs, how many arguments it takes, and which of them are keys."""

    run: Run
    least: int
    most: int | None
    keys: slice


TABLE: Final[dict[bytes, Command]] = {}


def command(
    name: str, least: int, most: int | None = None, *, keys: slice = slice(0, 1)
) -> Callable[[Run], Run]:
    """Enter a function in the table; `most` None: any number of arguments."""

    def entered(run: Run) -> Run:
        TABLE[name.encode()] = Command(run, least, most, keys)
        return run

    return entered


ALL_KEYS: Final = slice(0, None)
NO_KEYS: Final = slice(0, 0)


def find(name: bytes, args: Args) -> Command:
    """Look a command up and check the number of its arguments."""
    found = TABLE.get(name) or TABLE.get(name.upper())
    if found is None:
        shown = name.decode("utf-8", "replace")
        message = f"ERR unknown command '{shown}': if a script needs it, teach it to memory_commands"
        raise ReplyError(message)
    if len(args) < found.least or (found.most is not None and len(args) > found.most):
        shown = name.decode("utf-8", "replace").lower()
        message = f"ERR wrong number of arguments for '{shown}' command"
        raise ReplyError(message)
    return found


def integer(text: bytes, error: str = NOT_INTEGER) -> int:
    """Read a 64-bit integer as Redis does: no spaces, no plus sign, no leading zeros."""
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit() or not digits.isascii() or (digits[:1] == b"0" and text != b"0"):
        raise ReplyError(error)
    value = int(text)
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise ReplyError(error)
    return value


def real(text: bytes, error: str = NOT_FLOAT) -> float:
    """Read a floating-point number; NaN is none."""
    try:
        value = float(text.decode("ascii"))
    except ValueError:
        raise ReplyError(error) from None
    if math.isnan(value) or text != text.strip() or b"_" in text:
        raise ReplyError(error)
    return value


def shown(number: float) -> bytes:
    """Print a score."""
    if math.isinf(number):
        return b"inf" if number > 0 else b"-inf"
    if number == int(number) and abs(number) < 1e17:  # noqa: PLR2004  # beyond, Redis changes to exponents
        return b"%d" % int(number)
    return repr(number).encode()


# -- keys


@command("DEL", 1, keys=ALL_KEYS)
@command("UNLINK", 1, keys=ALL_KEYS)
def _delete(space: Keyspace, args: Args) -> Reply:
    return sum(space.value(key) is not None and space.drop(key) for key in args)


@command("EXISTS", 1, keys=ALL_KEYS)
def _exists(space: Keyspace, args: Args) -> Reply:
    return sum(space.value(key) is not None for key in args)


@command("TYPE", 1, 1)
def _type(space: Keyspace, args: Args) -> Reply:
    value = space.value(args[0])
    return Status(b"none" if value is None else _KINDS[type(value)])


_KINDS: Final[dict[type[Value], bytes]] = {bytes: b"string", dict: b"hash", set: b"set", SortedSet: b"zset"}


def _expire(unit_ms: int, *, absolute: bool) -> Run:
    def run(space: Keyspace, args: Args) -> Reply:
        key, at = args[0], integer(args[1]) * unit_ms + (0 if absolute else space.now_ms)
        conditions = {word.upper() for word in args[2:]}
        if unknown := conditions - {b"NX", b"XX", b"GT", b"LT"}:
            message = f"ERR Unsupported option {unknown.pop().decode().lower()}"
            raise ReplyError(message)
        if space.value(key) is None:
            return 0
        old = space.expires_at(key)
        refused = (
            (b"NX" in conditions and old is not None)
            or (b"XX" in conditions and old is None)
            or (b"GT" in conditions and (old is None or at <= old))
            or (b"LT" in conditions and old is not None and at >= old)
        )
        if refused:
            return 0
        space.expire(key, at)
        return 1

    return run


for _name, _unit_ms, _absolute in (
    ("EXPIRE", 1000, False),
    ("PEXPIRE", 1, False),
    ("EXPIREAT", 1000, True),
    ("PEXPIREAT", 1, True),
):
    command(_name, 2)(_expire(_unit_ms, absolute=_absolute))


@command("PERSIST", 1, 1)
def _persist(space: Keyspace, args: Args) -> Reply:
    if space.expires_at(args[0]) is None:
        return 0
    space.expire(args[0], None)
    return 1


@command("PTTL", 1, 1)
def _pttl(space: Keyspace, args: Args) -> Reply:
    if space.value(args[0]) is None:
        return -2
    at = space.expires_at(args[0])
    return -1 if at is None else at - space.now_ms


@command("PEXPIRETIME", 1, 1)
def _pexpiretime(space: Keyspace, args: Args) -> Reply:
    if space.value(args[0]) is None:
        return -2
    at = space.expires_at(args[0])
    return -1 if at is None else at


# -- strings


@command("GET", 1, 1)
def _get(space: Keyspace, args: Args) -> Reply:
    return space.string(args[0])


@command("MGET", 1, keys=ALL_KEYS)
def _mget(space: Keyspace, args: Args) -> Reply:
    return [value if isinstance(value := space.value(key), bytes) else None for key in args]


@command("SET", 2)
def _set(space: Keyspace, args: Args) -> Reply:
    key, value, words = args[0], args[1], [word.upper() for word in args[2:]]
    at: int | None = None
    keep, conditions = False, set[bytes]()
    while words:
        match word := words.pop(0):
            case b"NX" | b"XX":
                conditions.add(word)
            case b"KEEPTTL":
                keep = True
            case b"PX" | b"EX" | b"PXAT" | b"EXAT" if words:
                number = integer(words.pop(0)) * (1000 if word in {b"EX", b"EXAT"} else 1)
                if number <= 0:
                    message = "ERR invalid expire time in 'set' command"
                    raise ReplyError(message)
                at = number + (0 if word.endswith(b"AT") else space.now_ms)
            case _:
                raise ReplyError(SYNTAX)
    if len(conditions) > 1 or (keep and at is not None):
        raise ReplyError(SYNTAX)
    present = space.value(key) is not None
    if (b"NX" in conditions and present) or (b"XX" in conditions and not present):
        return None
    if present and not keep:
        space.expire(key, None)
    space.put(key, value)
    if at is not None:
        space.expire(key, at)
    return OK


@command("INCRBY", 2, 2)
def _incrby(space: Keyspace, args: Args) -> Reply:
    value = _sum(space.string(args[0]), args[1], NOT_INTEGER)
    space.put(args[0], b"%d" % value)
    return value


@command("INCR", 1, 1)
def _incr(space: Keyspace, args: Args) -> Reply:
    return _incrby(space, [args[0], b"1"])


@command("DECRBY", 2, 2)
def _decrby(space: Keyspace, args: Args) -> Reply:
    return _incrby(space, [args[0], b"%d" % -integer(args[1])])


def _sum(old: bytes | None, by: bytes, error: str) -> int:
    value, change = 0 if old is None else integer(old, error), integer(by)
    if not -_LARGEST - 1 <= value + change <= _LARGEST:
        message = "ERR increment or decrement would overflow"
        raise ReplyError(message)
    return value + change


# -- hashes


@command("HGET", 2, 2)
def _hget(space: Keyspace, args: Args) -> Reply:
    return (space.typed(args[0], dict) or {}).get(args[1])


@command("HMGET", 2)
def _hmget(space: Keyspace, args: Args) -> Reply:
    table = space.typed(args[0], dict) or {}
    return [table.get(field) for field in args[1:]]


@command("HGETALL", 1, 1)
def _hgetall(space: Keyspace, args: Args) -> Reply:
    table: Hash = space.typed(args[0], dict) or {}
    return [part for pair in table.items() for part in pair]


@command("HSET", 3)
def _hset(space: Keyspace, args: Args) -> Reply:
    if len(args) % 2 == 0:
        message = "ERR wrong number of arguments for 'hset' command"
        raise ReplyError(message)
    table = space.made(args[0], dict)
    before = len(table)
    for field, value in zip(args[1::2], args[2::2], strict=True):
        space.set_field(table, field, value)
    return len(table) - before


@command("HSETNX", 3, 3)
def _hsetnx(space: Keyspace, args: Args) -> Reply:
    if args[1] in (space.typed(args[0], dict) or {}):
        return 0
    space.set_field(space.made(args[0], dict), args[1], args[2])
    return 1


@command("HDEL", 2)
def _hdel(space: Keyspace, args: Args) -> Reply:
    table = space.typed(args[0], dict)
    if table is None:
        return 0
    before = len(table)
    for field in args[1:]:
        if field in table:
            space.set_field(table, field, None)
    removed = before - len(table)
    space.drop_if_empty(args[0], table)
    return removed


@command("HLEN", 1, 1)
def _hlen(space: Keyspace, args: Args) -> Reply:
    return len(space.typed(args[0], dict) or {})


@command("HEXISTS", 2, 2)
def _hexists(space: Keyspace, args: Args) -> Reply:
    return int(args[1] in (space.typed(args[0], dict) or {}))


@command("HKEYS", 1, 1)
def _hkeys(space: Keyspace, args: Args) -> Reply:
    return list(space.typed(args[0], dict) or {})


@command("HVALS", 1, 1)
def _hvals(space: Keyspace, args: Args) -> Reply:
    return list((space.typed(args[0], dict) or {}).values())


@command("HINCRBY", 3, 3)
def _hincrby(space: Keyspace, args: Args) -> Reply:
    table = space.typed(args[0], dict) or {}
    value = _sum(table.get(args[1]), args[2], "ERR hash value is not an integer")
    space.set_field(space.made(args[0], dict), args[1], b"%d" % value)
    return value


# -- sets


@command("SADD", 2)
def _sadd(space: Keyspace, args: Args) -> Reply:
    members = space.made(args[0], set)
    before = len(members)
    for member in args[1:]:
        if member not in members:
            space.set_member(members, member, present=True)
    return len(members) - before


@command("SREM", 2)
def _srem(space: Keyspace, args: Args) -> Reply:
    members = space.typed(args[0], set)
    if members is None:
        return 0
    before = len(members)
    for member in args[1:]:
        if member in members:
            space.set_member(members, member, present=False)
    removed = before - len(members)
    space.drop_if_empty(args[0], members)
    return removed


@command("SMEMBERS", 1, 1)
def _smembers(space: Keyspace, args: Args) -> Reply:
    return sorted(space.typed(args[0], set) or set[bytes]())


@command("SISMEMBER", 2, 2)
def _sismember(space: Keyspace, args: Args) -> Reply:
    return int(args[1] in (space.typed(args[0], set) or set[bytes]()))


@command("SCARD", 1, 1)
def _scard(space: Keyspace, args: Args) -> Reply:
    return len(space.typed(args[0], set) or set[bytes]())
