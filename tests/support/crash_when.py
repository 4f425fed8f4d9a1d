"""Which calls of a function count at a crash point, by the arguments that it was called with."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from argosy.broker.log import Outgoing, Partition

# ruff: noqa: ANN401 - they look into whatever a function of the program is called with
Counts = Callable[..., bool]


def always(*_args: Any, **_options: Any) -> bool:
    """Each one."""
    return True


def of_topic(part: str) -> Counts:
    """A commit of offsets: of topics with this in their name."""

    def counts(_consumer: Any, offsets: Mapping[Partition, int]) -> bool:
        return any(part in partition.topic for partition in offsets)

    return counts


def to_topic(part: str) -> Counts:
    """A delivery of what a lane owes: to topics with this in their name."""

    def counts(_publish: Any, owed: Sequence[Any]) -> bool:
        return any(part in one.letter.record.topic for one in owed)

    return counts


def of_entries(prefix: str) -> Counts:
    """A delivery of what a lane owes: of outbox entries that begin so."""

    def counts(_publish: Any, owed: Sequence[Any]) -> bool:
        return any(one.what.startswith(prefix) for one in owed)

    return counts


def of_timers(_publish: Any, owed: Sequence[Any]) -> bool:
    """A delivery of timers that fire."""
    return any("|retry:" in one.what for one in owed)


def of_blobs(_publish: Any, owed: Sequence[Any]) -> bool:
    """What has to lie in the payload store first."""
    return any(one.letter.blob is not None for one in owed)


def of_kind(kind: str) -> Counts:
    """A send of a record of this kind."""

    def counts(_producer: Any, record: Outgoing) -> bool:
        return any(name == "ce_type" and kind.encode() in (value or b"") for name, value in record.headers)

    return counts


def some(_self: Any, things: Any, *_rest: Any) -> bool:
    """A call with something in its list."""
    return bool(list(things))


def second(number: int) -> Counts:
    """A call whose argument of that place has something in it."""

    def counts(*args: Any, **_options: Any) -> bool:
        return bool(args[number])

    return counts


def of_batch(_self: Any, batch: Any) -> bool:
    """A batch with records."""
    return bool(batch.records)


def writes(_chain: Any, given: Any, _checkpoint: Any, *, mark: str = "") -> bool:
    """A commit that changes runs."""
    return bool(given.args) and not mark


def releasing(release: Any, _now_ms: int) -> bool:
    """A release with something ready."""
    return not release._ready.empty  # noqa: SLF001 - whoever sits in the code may look


def owing(publish: Any, now_ms: int) -> bool:
    """A turn with something due to be sent."""
    state = publish._state  # noqa: SLF001 - as above
    due = state.outbox.next_due(), state.out.next_due()
    return any(at is not None and at <= now_ms for at in due)


def drops(_chain: Any, _writes: Any, _checkpoint: Any, *, mark: str = "") -> bool:
    """The commit that drops a lane's state."""
    return mark == "-"


def rebuilding(owned: Any, *_rest: Any) -> bool:
    """A lane whose state is being made again from the log."""
    return owned._checkpoint.horizon_ms is not None  # noqa: SLF001 - as above


def holding(leases: Any, *_rest: Any) -> bool:
    """A renewal with something to renew."""
    return bool(leases._running)  # noqa: SLF001 - as above


def of_effect(_ledger: Any, key: str, _value: str) -> bool:
    """The side effect of a handler."""
    return "|" in key


def of_end(_outbox: Any, entry: str, _asked: Any) -> bool:
    """The entry that ends a run."""
    return entry.startswith("end:")


def again() -> Counts:
    """From the second call for the same lane on: the first one is its beginning."""
    seen: dict[int, int] = {}

    def counts(_services: Any, keys: Any, *_rest: Any) -> bool:
        seen[id(keys)] = seen.get(id(keys), 0) + 1
        return seen[id(keys)] > 1

    return counts
