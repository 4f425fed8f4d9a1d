"""How fast a fleet is back after each fault, from when its tasks were settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

WINDOW_SECONDS: Final = 3
ENOUGH_PER_MILLE: Final = 900
_DIP_SECONDS: Final = 10
"""A fault that shows at all shows within this time."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """`seconds`: from the fault's beginning (its end, for one that lasts) until throughput was back; 0: it never fell.

    None: it was not back before the next fault came.
    """

    strike: int
    seconds: float | None


def baseline(settled: Mapping[int, int], start: int, end: int) -> float:
    """Return the tasks a second of a calm stretch: the median of its windows."""
    windows = [_mean(settled, second) for second in range(start, max(start + 1, end - WINDOW_SECONDS + 1))]
    return median(windows)


def recoveries(
    settled: Mapping[int, int], usual: float, strikes: Sequence[tuple[int, int, int]], until: int
) -> list[Recovery]:
    """Judge each strike: number, second from which its recovery counts, second when the next one began.

    A throughput counts as back when the mean of a window is at 90 % of the usual.
    """
    found: list[Recovery] = []
    for number, since, following in strikes:
        last = min(following, until) - WINDOW_SECONDS
        enough = usual * ENOUGH_PER_MILLE / 1000
        seconds = range(since, max(since, last) + 1)
        low = next((s for s in seconds if s <= since + _DIP_SECONDS and _mean(settled, s) < enough), None)
        if low is None:
            found.append(Recovery(number, 0.0))
            continue
        back = next((s for s in seconds if s > low and _mean(settled, s) >= enough), None)
        found.append(Recovery(number, None if back is None else float(back - since)))
    return found


def _mean(settled: Mapping[int, int], second: int) -> float:
    return sum(settled.get(each, 0) for each in range(second, second + WINDOW_SECONDS)) / WINDOW_SECONDS
