"""An amount of messages, and how amounts are put together. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from argosy.broker.presence import Held
from argosy.console.lag_graves import Grave


@dataclass(frozen=True, slots=True)
class Amount:
    """Messages, the age of the oldest in seconds, and the input tokens of all; None: not known.

    `estimated`: so many lie there that only the oldest of each partition were read, and are the measure of the tokens.
    `at_most`: of those behind them offsets were counted, so that it may be fewer messages; or some may be of one task.
    """

    messages: int
    seconds: float | None = None
    tokens: int | None = None
    estimated: bool = False
    at_most: bool = False


NONE_HELD: Final = Amount(0, 0.0)
NONE_IN_RETRY: Final = Amount(0)


def summed(parts: list[Amount]) -> Amount:
    """Add up; the oldest is the oldest of any."""
    messages = sum(part.messages for part in parts)
    ages = [part.seconds for part in parts if part.messages and part.seconds is not None]
    known = [part.tokens for part in parts if part.tokens is not None]
    return Amount(
        messages,
        max(ages, default=None) if messages else 0.0,
        sum(known) if known or not parts else None,
        any(part.estimated for part in parts),
        any(part.at_most for part in parts),
    )


def in_partition(held: Iterable[Held], partition: int) -> Amount:
    """Add up what workers have of a partition."""
    held = tuple(held)
    return Amount(
        sum(each.partitions.get(partition, 0) for each in held),
        None,
        sum(each.tokens.get(partition, 0) for each in held),
    )


def held_amount(held: list[Held], now_ms: int) -> Amount:
    """Add up what workers have."""
    since = [each.since_ms for each in held if each.since_ms is not None]
    return Amount(
        sum(each.count for each in held),
        max(0, now_ms - min(since)) / 1000 if since else 0.0,
        sum(sum(each.tokens.values()) for each in held),
    )


def dead_amount(letters: list[Grave], now_ms: int) -> Amount:
    """Add up dead letters."""
    oldest = min((each.timestamp_ms for each in letters), default=now_ms)
    read = [each.tokens for each in letters if each.tokens is not None]
    return Amount(len(letters), max(0, now_ms - oldest) / 1000, sum(read) if read or not letters else None)
