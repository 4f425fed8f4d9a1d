"""The scale of time that bars stand on. Pure.

It grows by steps, and what goes on is drawn to its end: so a row changes only when something happened in it. A long
time in which no handler ran (somebody is asked, a sleep, a back-off, no worker) is drawn short, as a break: else all
work beside it would be a hair.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from argosy.console.dashboard_timeline import LEAST_GAP_MS, Timeline
from argosy.console.moments import length
from argosy.coordinator.state import RunState

SCALE: Final = 1_000
"""The width of a row, in units of its own."""
BREAK: Final = 50
"""The width of a break."""
_LEAST: Final = 3
"""Of a bar, so that it can be seen."""
_MOST_BREAKS: Final = 8
_LONGER: Final = 2
"""A gap is drawn short that is so many times as long as all that is no gap."""
_LENGTHS: Final = (
    1,
    2,
    3,
    5,
    8,
    10,
    15,
    20,
    30,
    45,
    60,
    90,
    120,
    180,
    300,
    450,
    600,
    900,
    1_200,
    1_800,
    2_700,
)
_TICKS: Final = 5
_HOUR: Final = 3_600

Kind = Literal["queue", "run", "bad", "backoff", "wait", "open", "many"]


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a row, in units of `SCALE`."""

    kind: Kind
    x: int
    width: int
    says: str


@dataclass(frozen=True, slots=True)
class Break:
    """Where the scale is short of a time in which nothing ran; `says` how long that was."""

    x: int
    says: str


@dataclass(frozen=True, slots=True)
class Scale:
    """From when, and how long; `gaps` (from, to) in it are drawn as breaks, the last one maybe still open."""

    from_ms: int
    span_ms: int
    gaps: tuple[tuple[int, int], ...] = ()
    is_open: bool = False

    @property
    def breaks(self) -> tuple[Break, ...]:
        """Place the breaks. What an open one says grows by steps."""
        return tuple(
            Break(self.at(begin), self._says(end - begin, is_last=number == len(self.gaps)))
            for number, (begin, end) in enumerate(self.gaps, start=1)
        )

    @property
    def marks(self) -> tuple[int, ...]:
        """Where the breaks are."""
        return tuple(self.at(begin) for begin, _ in self.gaps)

    def _says(self, gap_ms: int, *, is_last: bool) -> str:
        if not (self.is_open and is_last):
            return length(gap_ms / 1000)
        return f"over {length(_step_below(gap_ms / 1000))}"

    def at(self, time_ms: int) -> int:
        """Place a time."""
        time_ms = min(max(time_ms, self.from_ms), self.from_ms + self.span_ms)
        short = [(max(0, min(time_ms, end) - begin), end - begin) for begin, end in self.gaps]
        kept = self.span_ms - sum(whole for _, whole in short)
        wide = SCALE - BREAK * len(short)
        passed = time_ms - self.from_ms - sum(part for part, _ in short)
        return passed * wide // max(1, kept) + sum(part * BREAK // whole for part, whole in short)

    def bar(self, kind: Kind, begin_ms: int, end_ms: int, what: str) -> Bar:
        """Place a bar; at least as wide as can be seen."""
        begin = min(SCALE - _LEAST, self.at(begin_ms))
        width = max(_LEAST, self.at(end_ms) - begin)
        return Bar(kind, begin, width, f"{what} {length((end_ms - begin_ms) / 1000)}")

    def open(self, begin_ms: int, kind: Kind = "open", what: str = "under way") -> Bar:
        """Place a bar for what goes on: up to the end of the scale."""
        begin = min(SCALE - _LEAST, self.at(begin_ms))
        return Bar(kind, begin, SCALE - begin, f"{what} since {length((begin_ms - self.from_ms) / 1000)}")

    def ticks(self) -> list[tuple[int, str]]:
        """Name points of the scale: the time since its beginning, behind a break (`+`) that since the break."""
        return [(x, self._tick(x)) for x in range(0, SCALE, SCALE // _TICKS)]

    def _tick(self, x: int) -> str:
        kept = self.span_ms - sum(end - begin for begin, end in self.gaps)
        wide = SCALE - BREAK * len(self.gaps)
        behind = [self.at(begin) for begin, _ in self.gaps if self.at(begin) <= x]
        if not behind:
            return length(x * kept / wide / 1000)
        since = x - behind[-1] - BREAK
        return "" if since < 0 else f"+{length(since * kept / wide / 1000)}"


def scale_of(times: Timeline, now_ms: int, state: RunState | None = None, until_ms: int = 0) -> Scale:
    """Choose a scale for the run so far: the next round length. `until_ms`: up to there, and no longer.

    Without `state` nothing is known of tasks that are under way, and the time since the last settle is drawn as it is.
    """
    begin, end = times.accepted_ms, until_ms or times.ended_ms
    if end:
        gaps = _chosen(list(_gaps(times, max(end, begin + 1))), max(end, begin + 1) - begin)
        return Scale(begin, max(1, end - begin), gaps)
    now_ms = max(now_ms, begin + 1)
    found = list(_gaps(times, now_ms))
    goes_on = False
    if found and found[-1][1] == now_ms:
        since = now_ms if state is None else _out_since(state, times)
        goes_on = state is not None and since is None
        if since is not None:
            last = found.pop()
            found += [(last[0], since)] if state is not None and since - last[0] >= LEAST_GAP_MS else []
    gaps = _chosen(found, now_ms - begin)
    short = sum(each[1] - each[0] for each in gaps)
    if goes_on and gaps and gaps[-1][1] == now_ms:
        return Scale(begin, now_ms - begin, gaps, is_open=True)
    return Scale(begin, short + _step_above((now_ms - begin - short) / 1000) * 1_000, gaps)


def _gaps(times: Timeline, end_ms: int) -> Iterator[tuple[int, int]]:
    """Find the stretches in which no handler ran."""
    last = times.accepted_ms
    for begin, end in (*times.busy, (end_ms, end_ms)):
        if min(begin, end_ms) - last >= LEAST_GAP_MS:
            yield last, min(begin, end_ms)
        last = max(last, end)


def _chosen(gaps: list[tuple[int, int]], span_ms: int) -> tuple[tuple[int, int], ...]:
    """Choose those that are drawn short: long ones beside the rest."""
    rest = span_ms - sum(end - begin for begin, end in gaps)
    long = [each for each in gaps if rest and each[1] - each[0] >= _LONGER * rest]
    longest = sorted(long, key=lambda each: each[0] - each[1])[:_MOST_BREAKS]
    return tuple(sorted(longest))


def _out_since(state: RunState, times: Timeline) -> int | None:
    """Say since when a task is with a worker, or on its way to one; None: there is none."""
    found = [
        times.time_at(task.cause) or times.accepted_ms
        for local in state.tasks()
        if (task := state.task(local)) is not None and task.letter == "r"
    ]
    return min(found, default=None)


def _step_above(seconds: float) -> int:
    found = next((each for each in _LENGTHS if each >= seconds), _HOUR)
    while found < seconds:
        found *= 2
    return found


def _step_below(seconds: float) -> int:
    found = _LENGTHS[0]
    while (above := _step_above(found + 1)) <= seconds:
        found = above
    return found
