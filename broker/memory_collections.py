"""Hashes and sets: commands of the twin of Redis that our scripts and `Store` use."""

from typing import Final

from argosy.broker.memory_keyspace import Hash, Keyspace, ReplyError
from argosy.broker.memory_table import Args, Commands, added, integer
from argosy.broker.script import Reply

COMMANDS: Final = Commands()
command = COMMANDS.command


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
    by = integer(args[2])
    table = space.typed(args[0], dict) or {}
    value = added(table.get(args[1]), by, "ERR hash value is not an integer")
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
    return list[Reply](sorted(space.typed(args[0], set) or set[bytes]()))


@command("SISMEMBER", 2, 2)
def _sismember(space: Keyspace, args: Args) -> Reply:
    return int(args[1] in (space.typed(args[0], set) or set[bytes]()))


@command("SCARD", 1, 1)
def _scard(space: Keyspace, args: Args) -> Reply:
    return len(space.typed(args[0], set) or set[bytes]())
