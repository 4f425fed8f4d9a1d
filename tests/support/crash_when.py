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
    """A delivery of timers of retries that fire."""
    return any("|retry:" in one.what for one in owed)


def of_silence(_publish: Any, owed: Sequence[Any]) -> bool:
    """A delivery of timers of runs that have asked for long enough."""
    return any(one.what.endswith("|budget") for one in owed)


def of_denied(_publish: Any, owed: Sequence[Any]) -> bool:
    """A delivery of the end of a run that its budget failed."""
    return any(one.what.startswith("end:") and b'"budget_spent"' in one.letter.record.value for one in owed)


def of_again(local: str) -> Counts:
    """A delivery of orders: of the second attempt of tasks of this name."""
    wanted = f"/{local}#2".encode()

    def counts(_publish: Any, owed: Sequence[Any]) -> bool:
        headers = (header for one in owed for header in one.letter.record.headers)
        return any(name == "ce_id" and (value or b"").endswith(wanted) for name, value in headers)

    return counts


def of_refusal(_settles: Any, _running: Any, settled: Any, _trace: Any) -> bool:
    """A settle of an attempt whose call the budget refused."""
    return settled.fault is not None and settled.fault.code == "budget_spent"


def asks(_chain: Any, given: Any, _checkpoint: Any, *, mark: str = "") -> bool:
    """A commit that says who waits for a budget."""
    return "ask" in given.args and not mark


def of_blobs(_publish: Any, owed: Sequence[Any]) -> bool:
    """What has to lie in the payload store first."""
    return any(one.letter.blob is not None for one in owed)


def of_kind(kind: str) -> Counts:
    """A send of a record of this kind."""

    def counts(_producer: Any, record: Outgoing) -> bool:
        return _is(kind, record)

    return counts


def _is(kind: str, record: Outgoing) -> bool:
    return any(name == "ce_type" and kind.encode() in (value or b"") for name, value in record.headers)


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


def of_task(part: str) -> Counts:
    """A delivery of orders: of tasks with this in their id."""

    def counts(_publish: Any, owed: Sequence[Any]) -> bool:
        records = [one.letter.record for one in owed]
        return any(".tasks." in record.topic and part.encode() in record.key for record in records)

    return counts


def of_order(kind: str) -> Counts:
    """A system task of this kind."""

    def counts(_work: Any, order: Any, _given: Any) -> bool:
        return bool(order.kind == kind)

    return counts


def of_cancelled(_publish: Any, owed: Sequence[Any]) -> bool:
    """A delivery of the end of a run that was cancelled."""
    return any(b'"outcome":"cancelled"' in one.letter.record.value for one in owed)


def of_judged(kind: str) -> Counts:
    """An append of what records of the inbox became: of this kind."""

    def counts(_record: Any, judged: Sequence[Any]) -> bool:
        return any(_is(kind, one.outgoing) for one in judged)

    return counts


def of_grave(part: str) -> Counts:
    """A burial of a record: of a topic with this in its name."""

    def counts(_graveyard: Any, record: Any, *_rest: Any) -> bool:
        return part in record.topic

    return counts


def too_much(_agent: Any, _contract: Any, window: int | None, _factor: Any, tokens: int) -> bool:
    """Inputs that are more than the window."""
    return window is not None and tokens > window


def needless(running: Any, why: str) -> bool:
    """A handler that is stopped since its run is over."""
    return why == "over" and running is not None


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
