"""The page of the fleet: agents, who works, what waits, how much is done."""

import time
from dataclasses import dataclass
from typing import Final

from argosy.console.dashboard_chart import spark
from argosy.console.dashboard_desk import Desk
from argosy.console.dashboard_page import Asked, Item, Page, Region, View
from argosy.console.dashboard_series import Minute, Series, span_of
from argosy.console.dashboard_trends import LATELY, milliseconds, money, per_minute, trends
from argosy.console.lag_amount import Amount
from argosy.console.lag_measure import LagReport
from argosy.console.lag_standing import Standing
from argosy.console.moments import length
from argosy.console.numbers import counted, short
from argosy.schemas.errors import ArgosyError

_SPARK: Final = 30
_CSS: Final = {"ok": "ok", "behind": "warn", "stopped": "off"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name, and what is to be said of it."""

    name: str
    value: str
    more: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent, or a group of coordinators, as the table has it; all cells are texts."""

    agent: str
    link: bool
    status: str
    css: str
    workers: str
    running: str
    waiting: str
    oldest: str
    retry: str
    rate: str
    errors: str
    wall: str
    tokens: str
    spark: str


async def look(desk: Desk, _: Asked) -> View:
    """Measure, and put together."""
    now_ms = time.time_ns() // 1_000_000
    try:
        report, trouble = await desk.lag.get(), ""
    except ArgosyError as error:
        report, trouble = None, str(error).partition("\n")[0]
    groups = report.groups if report is not None else ()
    agents = [
        agent_row(group, desk.index.series.get(group.agent or ""), now_ms) for group in groups if group.agent
    ]
    others = [agent_row(group, None, now_ms) for group in groups if not group.agent]
    figures = fleet_figures(desk, report, now_ms)
    return View(
        "Fleet",
        (
            Region("figures", "fleet_items.html:figure", tuple(Item(each.name, each) for each in figures)),
            trends(desk.index.series.whole, now_ms),
            Region("agents", "fleet_items.html:agent", tuple(Item(each.agent, each) for each in agents)),
            Region("others", "fleet_items.html:other", tuple(Item(each.agent, each) for each in others)),
            Region(
                "trouble",
                "base_items.html:note",
                (Item("measure", f"Lag isn't known: {trouble}"),) if trouble else (),
            ),
        ),
    )


def fleet_figures(desk: Desk, report: LagReport | None, now_ms: int) -> list[Figure]:
    """Say the most important in numbers."""
    index = desk.index
    states, lately = index.states(), index.series.whole.total(now_ms, LATELY)
    hour, span = index.series.whole.total(now_ms, 60), span_of(now_ms, LATELY)
    waiting = sum(group.waiting.messages for group in report.groups if group.agent) if report else None
    ended = sum(count for state, count in states.items() if state != "active")
    running = sum(group.in_flight.messages for group in report.groups if group.agent) if report else None
    return [
        Figure("Runs under way", short(states["active"]), f"{short(ended)} ended", "/runs?state=active"),
        Figure(
            "Runs failed",
            short(states["failed"] + states["expired"]),
            "of those listed",
            "/runs?state=failed",
        ),
        Figure("Tasks running", "?" if running is None else short(running), _waits(waiting)),
        Figure("Attempts a minute", per_minute(lately.done / span), f"{short(hour.done)} in the last hour"),
        Figure("Errors", errors_of(lately), f"in {LATELY} minutes; {errors_of(hour)} in the hour"),
        Figure(
            "Tokens a minute",
            short(round((lately.input_tokens + lately.output_tokens) / span)),
            f"{short(hour.input_tokens + hour.output_tokens)} in the hour",
        ),
        Figure("Cost in the hour", money(hour.micros), "of models whose price is known"),
        Figure("Dead letters", "?" if report is None else short(report.dead), "", "/dead"),
    ]


def agent_row(group: Standing, series: Series | None, now_ms: int) -> AgentRow:
    """Put a group's figures into words."""
    lately = series.total(now_ms, LATELY) if series is not None else Minute(now_ms)
    middle, high, span = lately.quantile(500), lately.quantile(950), span_of(now_ms, LATELY)
    path = spark([each.done for each in series.minutes(now_ms, _SPARK)]) if series is not None else ""
    silent = f", {len(group.silent)} silent" if group.silent else ""
    return AgentRow(
        group.agent or group.group.rpartition(".")[2],
        group.agent is not None,
        group.status,
        status_css(group.status),
        f"{group.members}{silent}",
        f"{group.in_flight.messages} of {group.slots}" if group.slots else str(group.in_flight.messages),
        amount(group.waiting),
        ""
        if not group.unfinished.messages or group.unfinished.seconds is None
        else length(group.unfinished.seconds),
        short(group.retry.messages) if group.retry.messages else "",
        per_minute(lately.done / span),
        errors_of(lately),
        "" if middle is None or high is None else f"{milliseconds(middle)} / {milliseconds(high)}",
        short(round((lately.input_tokens + lately.output_tokens) / span)),
        path,
    )


def status_css(status: str) -> str:
    """Choose the colour of a status; what isn't known is bad."""
    return _CSS.get(status, "bad")


def amount(found: Amount) -> str:
    """Write messages, and their tokens where these are known."""
    about = "~" if found.estimated or found.at_most else ""
    tokens = f" · {about}{short(found.tokens)} tokens" if found.tokens and found.messages else ""
    return f"{about if found.at_most else ''}{short(found.messages)}{tokens}"


def errors_of(minute: Minute) -> str:
    """Write the share of attempts that failed."""
    if not minute.done:
        return "none"
    return f"{minute.failed * 100 / minute.done:.1f} %" if minute.failed else "0 %"


def _waits(waiting: int | None) -> str:
    return "Kafka can't be asked" if waiting is None else f"{counted(waiting, 'message')} waiting"


FLEET: Final = Page("/", "fleet.html", look, "fleet")
