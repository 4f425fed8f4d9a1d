"""The four charts of an agent, or of the whole fleet: throughput and errors, wall time, tokens, cost. Pure."""

from typing import Final

from argosy.console.dashboard_chart import Chart, Plot, bars, lines
from argosy.console.dashboard_page import Item, Region
from argosy.console.dashboard_series import Minute, Series, span_of
from argosy.console.moments import length
from argosy.console.numbers import short

SHOWN_MINUTES = 60
LATELY: Final = 5
"""Minutes that rates are taken of."""


def trends(series: Series, now_ms: int, minutes: int = SHOWN_MINUTES) -> Region:
    """Draw them as a region: an item for each chart."""
    found = series.minutes(now_ms, minutes)
    whole, span = series.total(now_ms, LATELY), span_of(now_ms, LATELY)
    charts = (
        ("throughput", _throughput(found, whole, span)),
        ("wall", _wall(found, whole)),
        ("tokens", _tokens(found, whole, span)),
        ("cost", _cost(found, series.total(now_ms, minutes))),
    )
    return Region("charts", "charts.html:chart", tuple(Item(name, drawn) for name, drawn in charts))


def money(micros: float) -> str:
    """Write micro-units of money: `0.0042`, `1.25`."""
    units = micros / 1_000_000
    return f"{units:.2f}" if units >= 1 or not units else f"{units:.4f}"


def milliseconds(value: float) -> str:
    """Write a duration: `25 ms`, `1.4 s`, `3 min 5 s`."""
    return f"{round(value)} ms" if value < 1000 else length(value / 1000)  # noqa: PLR2004 - a second


def per_minute(count: float) -> str:
    """Write a rate."""
    return f"{count:.1f}".rstrip("0").rstrip(".") if count < 10 else short(round(count))  # noqa: PLR2004 - two figures


def _starts(found: tuple[Minute, ...]) -> list[int]:
    return [each.start_ms for each in found]


def _throughput(found: tuple[Minute, ...], whole: Minute, span: float) -> Chart:
    plots = (
        Plot("succeeded", "s1", tuple(each.done - each.failed for each in found)),
        Plot("failed", "s2", tuple(each.failed for each in found)),
    )
    now = f"{per_minute(whole.done / span)} a minute"
    return bars("Attempts settled", _starts(found), plots, per_minute, now)


def _wall(found: tuple[Minute, ...], whole: Minute) -> Chart:
    plots = (
        Plot("median", "s1", tuple(each.quantile(500) for each in found)),
        Plot("95th percentile", "s4", tuple(each.quantile(950) for each in found)),
    )
    middle = whole.quantile(500)
    now = "no attempt lately" if middle is None else f"median {milliseconds(middle)}"
    return lines("Wall time", _starts(found), plots, milliseconds, now)


def _tokens(found: tuple[Minute, ...], whole: Minute, span: float) -> Chart:
    plots = (
        Plot("input", "s1", tuple(each.input_tokens for each in found)),
        Plot("output", "s3", tuple(each.output_tokens for each in found)),
    )
    rate = (whole.input_tokens + whole.output_tokens) / span
    return bars(
        "Tokens", _starts(found), plots, lambda value: short(round(value)), f"{short(round(rate))} a minute"
    )


def _cost(found: tuple[Minute, ...], whole: Minute) -> Chart:
    plots = (Plot("cost", "s4", tuple(each.micros for each in found)),)
    return bars("Cost", _starts(found), plots, money, f"{money(whole.micros)} in an hour", unit=1_000_000)
