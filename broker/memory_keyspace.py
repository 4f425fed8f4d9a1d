"""The keys of the twin of Redis: typed values, expiry, and a journal that can take writes back.

A *unit* is one command or one script. Each change leaves its inverse in the unit's journal; `rollback` plays
them backwards, as if the server had come back with a file that lacks the last units.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

WRONG_TYPE: Final = "WRONGTYPE Operation against a key holding the wrong kind of value"


class ReplyError(Exception):
    """An error reply; its text is what a real server would say."""


class SortedSet:
    """A sorted set: scores by member, and the order by (score, member)."""

    __slots__ = ("order", "scores")

    def __init__(self) -> None:
        """Make an empty one."""
        self.scores: dict[bytes, float] = {}
        self.order: list[tuple[float, bytes]] = []

    def put(self, member: bytes, score: float | None) -> None:
        """Give a member its score; None removes it."""
        old = self.scores.get(member)
        if old is not None:
            del self.order[bisect_left(self.order, (old, member))]
            del self.scores[member]
        if score is not None:
            score += 0.0  # minus zero is zero
            self.scores[member] = score
            insort(self.order, (score, member))

    def between(self, low: float, high: float, *, low_open: bool, high_open: bool) -> tuple[int, int]:
        """Return the slice of `order` whose scores lie between the bounds."""
        first = (bisect_right if low_open else bisect_left)(self.order, low, key=lambda pair: pair[0])
        last = (bisect_left if high_open else bisect_right)(self.order, high, key=lambda pair: pair[0])
        return first, max(first, last)


Hash = dict[bytes, bytes]
Value = bytes | Hash | set[bytes] | SortedSet
T = TypeVar("T")
V = TypeVar("V", Hash, set[bytes], SortedSet)
Undo = Callable[[], object]


class Keyspace:
    """All keys. Every access happens inside a unit (`begin` … `end`), at the unit's own frozen time."""

    def __init__(self, journal: int) -> None:
        """`journal` is how many units can be rolled back."""
        self.now_ms = 0
        self.about: dict[str, bytes] = {}
        """What INFO says, by section."""
        self._values: dict[bytes, Value] = {}
        self._expiry: dict[bytes, int] = {}
        self._journal: deque[list[Undo]] = deque(maxlen=journal)
        self._unit: list[Undo] = []
        self._wrote = False

    def begin(self, now_ms: int) -> None:
        """Begin a unit."""
        self.now_ms, self._unit, self._wrote = now_ms, [], False

    def end(self) -> None:
        """End a unit. One that only met expired keys is no write: undoing it belongs to the last one."""
        if self._wrote or (self._unit and not self._journal):
            self._journal.append(self._unit)
        elif self._unit:
            self._journal[-1].extend(self._unit)

    @property
    def units(self) -> int:
        """How many writing units the journal holds."""
        return len(self._journal)

    def rollback(self, units: int) -> int:
        """Take back the last writing units; returns how many there were to take."""
        taken = min(units, len(self._journal))
        for _ in range(taken):
            for undo in reversed(self._journal.pop()):
                undo()
        return taken

    def wipe(self) -> None:
        """Forget everything, for good."""
        self._values.clear()
        self._expiry.clear()
        self._journal.clear()

    def copy(self, other: "Keyspace") -> None:
        """Become a copy of another one, without its journal."""
        for key in other.all_keys():
            match value := other.value(key):
                case SortedSet():
                    ordered = SortedSet()
                    ordered.scores, ordered.order = value.scores.copy(), value.order.copy()
                    self._values[key] = ordered
                case dict() | set():
                    self._values[key] = value.copy()
                case bytes():
                    self._values[key] = value
                case _:
                    pass
        self._expiry = other._expiry.copy()  # noqa: SLF001 - one of its own kind

    # -- reading

    def value(self, key: bytes) -> Value | None:
        """Return what lies at a key, of whatever type."""
        at = self._expiry.get(key)
        if at is not None and at < self.now_ms:  # it is there to its last millisecond
            wrote = self._wrote
            self.drop(key)
            self._wrote = wrote
        return self._values.get(key)

    def string(self, key: bytes) -> bytes | None:
        """Return a string; ReplyError if it is something else."""
        value = self.value(key)
        if value is None or isinstance(value, bytes):
            return value
        raise ReplyError(WRONG_TYPE)

    def typed(self, key: bytes, kind: type[V]) -> V | None:
        """Return a hash, set or sorted set; ReplyError if it is something else."""
        value = self.value(key)
        if value is None or isinstance(value, kind):
            return value
        raise ReplyError(WRONG_TYPE)

    def plain(self, key: bytes) -> bytes | Hash | set[bytes] | list[tuple[bytes, float]] | None:
        """Return a copy of what lies at a key."""
        match value := self.value(key):
            case SortedSet():
                return [(member, score) for score, member in value.order]
            case dict() | set():
                return value.copy()
            case _:
                return value

    def all_keys(self) -> list[bytes]:
        """Return all keys that haven't expired."""
        return [key for key in list(self._values) if self.value(key) is not None]

    def expires_at(self, key: bytes) -> int | None:
        """Return when a key expires, epoch milliseconds."""
        return self._expiry.get(key) if self.value(key) is not None else None

    # -- writing

    def made(self, key: bytes, kind: type[V]) -> V:
        """Return a hash, set or sorted set, made if it is absent."""
        value = self.typed(key, kind)
        if value is None:
            value = kind()
            self.put(key, value)
        return value

    def put(self, key: bytes, value: Value) -> None:
        """Set a key to a whole value; its expiry stays."""
        self._keep(key)
        self._values[key] = value

    def drop(self, key: bytes) -> bool:
        """Remove a key; says whether it was there."""
        if key not in self._values:
            return False
        self._keep(key)
        del self._values[key]
        self._expiry.pop(key, None)
        return True

    def expire(self, key: bytes, at_ms: int | None) -> None:
        """Set or remove the expiry of a key that exists."""
        self._keep(key)
        if at_ms is None:
            self._expiry.pop(key, None)
        elif at_ms <= self.now_ms:
            self.drop(key)
        else:
            self._expiry[key] = at_ms

    def set_field(self, table: Hash, field: bytes, value: bytes | None) -> None:
        """Set a field of a hash; None removes it."""
        old = table.get(field)
        if old is None:
            self._did(lambda: table.pop(field, None))
        else:
            self._did(lambda: table.__setitem__(field, old))
        if value is None:
            table.pop(field, None)
        else:
            table[field] = value

    def set_member(self, members: set[bytes], member: bytes, *, present: bool) -> None:
        """Add or remove a member whose presence changes by it."""
        (members.add if present else members.discard)(member)
        undo = members.discard if present else members.add
        self._did(lambda: undo(member))

    def set_score(self, ordered: SortedSet, member: bytes, score: float | None) -> None:
        """Give a member of a sorted set its score; None removes it."""
        old = ordered.scores.get(member)
        self._did(lambda: ordered.put(member, old))
        ordered.put(member, score)

    def drop_if_empty(self, key: bytes, value: Hash | set[bytes] | SortedSet) -> None:
        """Remove a key with nothing in it, as Redis does."""
        if not (value.scores if isinstance(value, SortedSet) else value):
            self.drop(key)

    def _keep(self, key: bytes) -> None:
        value, at = self._values.get(key), self._expiry.get(key)

        def restore() -> None:
            _restore(self._values, key, value)
            _restore(self._expiry, key, at)

        self._did(restore)

    def _did(self, undo: Undo) -> None:
        self._unit.append(undo)
        self._wrote = True


def _restore(table: dict[bytes, T], key: bytes, old: T | None) -> None:
    if old is None:
        table.pop(key, None)
    else:
        table[key] = old
