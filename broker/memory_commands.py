"""Keys and strings: commands of the twin of Redis that our scripts and `Store` use."""

from typing import Final

from argosy.broker.memory_keyspace import Keyspace, ReplyError, SortedSet, Value
from argosy.broker.memory_table import (
    ALL_KEYS,
    NOT_INTEGER,
    OK,
    SYNTAX,
    Args,
    Commands,
    Run,
    Status,
    added,
    fits,
    integer,
)
from argosy.broker.script import Reply

COMMANDS: Final = Commands()
command = COMMANDS.command
_INVALID_TIME: Final = "ERR invalid expire time"


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
        key, at = args[0], _moment(integer(args[1]), unit_ms, 0 if absolute else space.now_ms)
        conditions = {word.upper() for word in args[2:]}
        if unknown := conditions - {b"NX", b"XX", b"GT", b"LT"}:
            message = f"ERR Unsupported option {unknown.pop().decode().lower()}"
            raise ReplyError(message)
        if len(conditions) > 1 and (b"NX" in conditions or {b"GT", b"LT"} <= conditions):
            message = "ERR NX and XX, GT or LT options at the same time are not compatible"
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


def _moment(number: int, unit_ms: int, since_ms: int) -> int:
    at = number * unit_ms + since_ms
    if not fits(number * unit_ms) or not fits(at):
        raise ReplyError(_INVALID_TIME)
    return at


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
                number = integer(words.pop(0))
                if number <= 0:
                    raise ReplyError(_INVALID_TIME)
                unit_ms = 1000 if word in {b"EX", b"EXAT"} else 1
                at = _moment(number, unit_ms, 0 if word.endswith(b"AT") else space.now_ms)
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
    return _increased(space, args[0], integer(args[1]))


@command("INCR", 1, 1)
def _incr(space: Keyspace, args: Args) -> Reply:
    return _increased(space, args[0], 1)


@command("DECRBY", 2, 2)
def _decrby(space: Keyspace, args: Args) -> Reply:
    by = -integer(args[1])
    if not fits(by):
        message = "ERR decrement would overflow"
        raise ReplyError(message)
    return _increased(space, args[0], by)


def _increased(space: Keyspace, key: bytes, by: int) -> int:
    value = added(space.string(key), by, NOT_INTEGER)
    space.put(key, b"%d" % value)
    return value
