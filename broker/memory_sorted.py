"""Sorted sets: commands of the twin of Redis that our scripts and `Store` use."""

import math
from typing import Final

from argosy.broker.memory_keyspace import Keyspace, ReplyError, SortedSet
from argosy.broker.memory_table import SYNTAX, Args, Commands, integer, real, shown
from argosy.broker.script import Reply

COMMANDS: Final = Commands()
command = COMMANDS.command

_BOUND = "ERR min or max is not a float"
Bounds = tuple[float, bool, float, bool]
Pairs = list[tuple[float, bytes]]


@command("ZADD", 3)
def _zadd(space: Keyspace, args: Args) -> Reply:
    key, words, rest = args[0], set[bytes](), args[1:]
    while rest and rest[0].upper() in {b"NX", b"XX", b"GT", b"LT", b"CH"}:
        words.add(rest.pop(0).upper())
    if not rest or len(rest) % 2:
        raise ReplyError(SYNTAX)
    if {b"NX", b"XX"} <= words or (b"NX" in words and words & {b"GT", b"LT"}) or {b"GT", b"LT"} <= words:
        message = (
            "ERR XX and NX options at the same time are not compatible"
            if {b"NX", b"XX"} <= words
            else "ERR GT, LT, and/or NX options at the same time are not compatible"
        )
        raise ReplyError(message)
    pairs = [(real(score), member) for score, member in zip(rest[::2], rest[1::2], strict=True)]
    ordered = space.typed(key, SortedSet)
    if ordered is None:
        if b"XX" in words:
            return 0
        ordered = space.made(key, SortedSet)
    added = changed = 0
    for score, member in pairs:
        old = ordered.scores.get(member)
        if old is None:
            if b"XX" not in words:
                space.set_score(ordered, member, score)
                added += 1
        elif not (
            b"NX" in words
            or score == old
            or (b"GT" in words and score < old)
            or (b"LT" in words and score > old)
        ):
            space.set_score(ordered, member, score)
            changed += 1
    return added + changed if b"CH" in words else added


@command("ZINCRBY", 3, 3)
def _zincrby(space: Keyspace, args: Args) -> Reply:
    by = real(args[1])
    ordered = space.typed(args[0], SortedSet)
    old = ordered.scores.get(args[2]) if ordered else None
    score = by if old is None else old + by
    if math.isnan(score):
        message = "ERR resulting score is not a number (NaN)"
        raise ReplyError(message)
    space.set_score(space.made(args[0], SortedSet), args[2], score)
    return shown(score)


@command("ZREM", 2)
def _zrem(space: Keyspace, args: Args) -> Reply:
    ordered = space.typed(args[0], SortedSet)
    return 0 if ordered is None else _removed(space, args[0], ordered, args[1:])


def _removed(space: Keyspace, key: bytes, ordered: SortedSet, members: list[bytes]) -> int:
    before = len(ordered.order)
    for member in members:
        if member in ordered.scores:
            space.set_score(ordered, member, None)
    removed = before - len(ordered.order)
    space.drop_if_empty(key, ordered)
    return removed


@command("ZSCORE", 2, 2)
def _zscore(space: Keyspace, args: Args) -> Reply:
    ordered = space.typed(args[0], SortedSet)
    score = None if ordered is None else ordered.scores.get(args[1])
    return None if score is None else shown(score)


@command("ZMSCORE", 2)
def _zmscore(space: Keyspace, args: Args) -> Reply:
    return [_zscore(space, [args[0], member]) for member in args[1:]]


@command("ZCARD", 1, 1)
def _zcard(space: Keyspace, args: Args) -> Reply:
    ordered = space.typed(args[0], SortedSet)
    return 0 if ordered is None else len(ordered.order)


@command("ZCOUNT", 3, 3)
def _zcount(space: Keyspace, args: Args) -> Reply:
    bounds = _bounds(args[1], args[2])
    first, last = _between(space.typed(args[0], SortedSet), bounds)
    return last - first


@command("ZREMRANGEBYSCORE", 3, 3)
def _zremrangebyscore(space: Keyspace, args: Args) -> Reply:
    bounds = _bounds(args[1], args[2])
    ordered = space.typed(args[0], SortedSet)
    first, last = _between(ordered, bounds)
    if ordered is None:
        return 0
    return _removed(space, args[0], ordered, [member for _, member in ordered.order[first:last]])


@command("ZRANGEBYSCORE", 3)
def _zrangebyscore(space: Keyspace, args: Args) -> Reply:
    scores, offset, count = _options(args[3:])
    bounds = _bounds(args[1], args[2])
    ordered = space.typed(args[0], SortedSet)
    first, last = _between(ordered, bounds)
    if ordered is None or offset < 0:
        return []
    pairs = ordered.order[first + offset : last]
    return _reply(pairs if count < 0 else pairs[:count], scores=scores)


@command("ZRANGE", 3)
def _zrange(space: Keyspace, args: Args) -> Reply:
    if any(word.upper() == b"BYSCORE" for word in args[3:]):
        rest = [word for word in args[3:] if word.upper() != b"BYSCORE"]
        return _zrangebyscore(space, [*args[:3], *rest])
    first, last = integer(args[1]), integer(args[2])
    scores = [word.upper() for word in args[3:]] == [b"WITHSCORES"]
    if args[3:] and not scores:
        raise ReplyError(SYNTAX)
    ordered = space.typed(args[0], SortedSet)
    if ordered is None:
        return []
    size = len(ordered.order)
    first = max(0, first + size if first < 0 else first)
    last = last + size if last < 0 else last
    return _reply(ordered.order[first : max(0, last + 1)], scores=scores)


@command("ZPOPMIN", 1, 2)
def _zpopmin(space: Keyspace, args: Args) -> Reply:
    count = integer(args[1]) if len(args) > 1 else 1
    if count < 0:
        message = "ERR value is out of range, must be positive"
        raise ReplyError(message)
    ordered = space.typed(args[0], SortedSet)
    if ordered is None:
        return []
    pairs = ordered.order[:count]
    _removed(space, args[0], ordered, [member for _, member in pairs])
    return _reply(pairs, scores=True)


def _bounds(low: bytes, high: bytes) -> Bounds:
    """Read two scores; a bracket before one leaves the score itself out."""
    low_open, high_open = low.startswith(b"("), high.startswith(b"(")
    return real(low[low_open:], _BOUND), low_open, real(high[high_open:], _BOUND), high_open


def _between(ordered: SortedSet | None, bounds: Bounds) -> tuple[int, int]:
    least, low_open, most, high_open = bounds
    if ordered is None:
        return 0, 0
    return ordered.between(least, most, low_open=low_open, high_open=high_open)


def _options(words: Args) -> tuple[bool, int, int]:
    """Read WITHSCORES and LIMIT."""
    scores, offset, count, rest = False, 0, -1, list(words)
    while rest:
        match rest.pop(0).upper():
            case b"WITHSCORES":
                scores = True
            case b"LIMIT" if len(rest) > 1:
                offset, count = integer(rest.pop(0)), integer(rest.pop(0))
            case _:
                raise ReplyError(SYNTAX)
    return scores, offset, count


def _reply(pairs: Pairs, *, scores: bool) -> Reply:
    if scores:
        return [part for score, member in pairs for part in (member, shown(score))]
    return [member for _, member in pairs]
