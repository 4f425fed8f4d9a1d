"""Charts as data for the templates: where bars and lines stand, ticks, the table that says the same. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from argosy.console.dashboard_series import MINUTE_MS

WIDTH: Final = 480
HEIGHT: Final = 144
LEFT: Final = 58
TOP: Final = 8
BOTTOM: Final = 22
_TICK_MINUTES: Final = 15
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)

Say = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Plot:
    """One row of figures, a value for each minute; None: none. `css` names its colour."""

    name: str
    css: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and its word."""

    at: float
    word: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plot, drawn: the `d` of its path."""

    name: str
    css: str
    path: str
    dots: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with all that its template needs. `rows` are the table: the time, then a cell for each plot."""

    title: str
    now: str
    desc: str
    bars: bool
    plots: tuple[Drawn, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    rows: tuple[tuple[str, ...], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def bars(  # noqa: PLR0913 - what a chart shows
    title: str, starts_ms: Sequence[int], plots: Sequence[Plot], say: Say, now: str, *, unit: float = 1
) -> Chart:
    """Draw stacked bars, one for each minute; the last is the minute under way. `unit`: the axis where all is 0."""
    tops = [sum(plot.values[at] or 0 for plot in plots) for at in range(len(starts_ms))]
    most = _most(max(tops, default=0)) if any(tops) else unit
    width = (WIDTH - LEFT) / max(1, len(starts_ms))
    below = [0.0] * len(starts_ms)
    drawn: list[Drawn] = []
    for plot in plots:
        parts: list[str] = []
        for at, value in enumerate(plot.values):
            if value:
                low, high = _y(below[at], most), _y(below[at] + value, most)
                x, wide = LEFT + at * width + width * 0.12, width * 0.76
                parts.append(f"M{x:.1f} {low:.1f}h{wide:.1f}V{high:.1f}h-{wide:.1f}z")
                below[at] += value
        drawn.append(Drawn(plot.name, plot.css, "".join(parts)))
    return _chart(_Asked(title, starts_ms, plots, say, now), drawn, most, is_bars=True)


def lines(title: str, starts_ms: Sequence[int], plots: Sequence[Plot], say: Say, now: str) -> Chart:
    """Draw lines; a minute without a figure is a gap."""
    most = _most(max((value for plot in plots for value in plot.values if value is not None), default=0))
    step = (WIDTH - LEFT) / max(1, len(starts_ms))
    drawn = [_line(plot, step, most) for plot in plots]
    return _chart(_Asked(title, starts_ms, plots, say, now), drawn, most, is_bars=False)


def spark(values: Sequence[float], width: int = 112, height: int = 24) -> str:
    """Draw a small line without axes: the `d` of its path; empty where all is nothing."""
    most = max(values, default=0)
    if not most:
        return ""
    step = width / max(1, len(values) - 1)
    points = (
        f"{at * step:.1f} {height - 2 - value / most * (height - 4):.1f}" for at, value in enumerate(values)
    )
    return "M" + "L".join(points)


def _line(plot: Plot, step: float, most: float) -> Drawn:
    parts: list[str] = []
    dots: list[tuple[float, float]] = []
    before: float | None = None
    for at, value in enumerate(plot.values):
        if value is not None:
            x, y = LEFT + (at + 0.5) * step, _y(value, most)
            parts.append(f"{'L' if before is not None else 'M'}{x:.1f} {y:.1f}")
            after = plot.values[at + 1] if at + 1 < len(plot.values) else None
            if before is None and after is None:  # a line of one point shows nothing
                dots.append((round(x, 1), round(y, 1)))
        before = value
    return Drawn(plot.name, plot.css, "".join(parts), tuple(dots))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a chart is to show."""

    title: str
    starts_ms: Sequence[int]
    plots: Sequence[Plot]
    say: Say
    now: str


def _chart(asked: _Asked, drawn: Sequence[Drawn], most: float, *, is_bars: bool) -> Chart:
    starts_ms, plots, say = asked.starts_ms, asked.plots, asked.say
    step = (WIDTH - LEFT) / max(1, len(starts_ms))
    across = tuple(
        Tick(round(LEFT + (at + 0.5) * step, 1), clock(start))
        for at, start in enumerate(starts_ms)
        if start // MINUTE_MS % _TICK_MINUTES == 0
    )
    up = tuple(Tick(round(_y(most * part, most), 1), say(most * part)) for part in (0, 0.5, 1))
    rows = tuple(
        (clock(start), *("" if (value := plot.values[at]) is None else say(value) for plot in plots))
        for at, start in enumerate(starts_ms)
        if any(plot.values[at] for plot in plots)
    )
    names = " and ".join(plot.name for plot in plots)
    ends = f"{clock(starts_ms[0])} to {clock(starts_ms[-1])} UTC" if starts_ms else "no time"
    desc = f"{names} for each minute, {ends}; now {asked.now}, the most {say(_highest(plots))}."
    return Chart(asked.title, asked.now, desc, is_bars, tuple(drawn), across, up, tuple(reversed(rows)))


def clock(time_ms: int) -> str:
    """Write the time of day."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M")


def _highest(plots: Sequence[Plot]) -> float:
    return max((value for plot in plots for value in plot.values if value is not None), default=0)


def _most(highest: float) -> float:
    """Choose the upper end of an axis: a round number, not far above the highest value."""
    if highest <= 0:
        return 1
    size = 10.0 ** math.floor(math.log10(highest))
    return next((size * step for step in _STEPS if size * step >= highest * 0.999), size * 10)


def _y(value: float, most: float) -> float:
    return TOP + (HEIGHT - BOTTOM - TOP) * (1 - min(1.0, value / most))
