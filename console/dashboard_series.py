"""Figures by the minute: how much was done, how long it took, what it cost. Bounded, in any order. Pure."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

MINUTE_MS: Final = 60_000
MINUTES: Final = 180
"""How far back a series goes."""
_BOUNDS: Final = tuple(round(1.25**power) for power in range(6, 75))
"""Upper bounds of durations, in milliseconds: each a quarter above the one before, from 4 ms to four hours."""


@dataclass(slots=True)
class Minute:
    """What ended in one minute. `durations` counts by bound: quantiles are right to a quarter."""

    start_ms: int
    done: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    micros: int = 0
    durations: dict[int, int] = field(default_factory=dict[int, int])

    def quantile(self, per_mille: int) -> int | None:
        """Return a duration in milliseconds that so many of a thousand did not exceed; None: nothing ended."""
        whole = sum(self.durations.values())
        if not whole:
            return None
        left = whole * per_mille / 1000
        for bound, count in sorted(self.durations.items()):
            left -= count
            if left <= 0:
                return bound
        return max(self.durations)


def span_of(now_ms: int, count: int) -> float:
    """Return how long the last `count` minutes are, in minutes: the one under way isn't over yet."""
    return count - 1 + now_ms % MINUTE_MS / MINUTE_MS


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one attempt."""

    at_ms: int
    failed: bool
    duration_ms: int
    input_tokens: int
    output_tokens: int
    micros: int


class Series:
    """The last three hours of one agent, or of all."""

    def __init__(self) -> None:
        """Nothing happened yet."""
        self._minutes: dict[int, Minute] = {}
        self._newest = 0
        self.revision = 0

    def add(self, outcome: Outcome) -> None:
        """Count an attempt into its minute; one from before the ring is passed over."""
        number = outcome.at_ms // MINUTE_MS
        if number <= self._newest - MINUTES:
            return
        found = self._minutes.get(number)
        if found is None:
            found = self._minutes[number] = Minute(number * MINUTE_MS)
            if number > self._newest:
                self._newest = number
                for old in [each for each in self._minutes if each <= number - MINUTES]:
                    del self._minutes[old]
        self.revision += 1
        found.done += 1
        found.failed += outcome.failed
        found.input_tokens += outcome.input_tokens
        found.output_tokens += outcome.output_tokens
        found.micros += outcome.micros
        bound = bisect_left(_BOUNDS, outcome.duration_ms)
        bucket = _BOUNDS[min(bound, len(_BOUNDS) - 1)]
        found.durations[bucket] = found.durations.get(bucket, 0) + 1

    def minutes(self, now_ms: int, count: int) -> tuple[Minute, ...]:
        """Give the last `count` minutes, the one under way too; minutes without anything are empty."""
        last = now_ms // MINUTE_MS
        return tuple(
            self._minutes.get(number) or Minute(number * MINUTE_MS)
            for number in range(last - count + 1, last + 1)
        )

    def total(self, now_ms: int, count: int) -> Minute:
        """Sum the last minutes up, the one under way too: `span_of` says how long they are."""
        whole = Minute((now_ms // MINUTE_MS - count + 1) * MINUTE_MS)
        for minute in self.minutes(now_ms, count):
            whole.done += minute.done
            whole.failed += minute.failed
            whole.input_tokens += minute.input_tokens
            whole.output_tokens += minute.output_tokens
            whole.micros += minute.micros
            for bound, seen in minute.durations.items():
                whole.durations[bound] = whole.durations.get(bound, 0) + seen
        return whole


class AllSeries(Mapping[str, Series]):
    """By agent. Agents above a bound are counted in the whole only: names come from messages."""

    MOST: Final = 500

    def __init__(self) -> None:
        """Nothing happened yet."""
        self.whole = Series()
        self._by_agent: dict[str, Series] = {}

    def add(self, agent: str | None, outcome: Outcome) -> None:
        """Count an attempt."""
        self.whole.add(outcome)
        if agent is None:
            return
        found = self._by_agent.get(agent)
        if found is None:
            if len(self._by_agent) >= self.MOST:
                return
            found = self._by_agent[agent] = Series()
        found.add(outcome)

    def __getitem__(self, agent: str) -> Series:
        """Return an agent's; KeyError: nothing was heard of it."""
        return self._by_agent[agent]

    def __iter__(self) -> Iterator[str]:
        """Name the agents."""
        return iter(self._by_agent)

    def __len__(self) -> int:
        """Count the agents."""
        return len(self._by_agent)
