"""The page of one agent: its contract, its workers, its partitions, its charts, what failed lately."""

import time
from dataclasses import dataclass
from typing import Final

from argosy.console.dashboard_desk import Desk
from argosy.console.dashboard_fleet import Figure, amount, errors_of, status_css
from argosy.console.dashboard_index import Failure
from argosy.console.dashboard_page import Asked, Item, Page, Region, View
from argosy.console.dashboard_series import Series, span_of
from argosy.console.dashboard_trends import LATELY, milliseconds, per_minute, trends
from argosy.console.lag_standing import PartitionStanding, Standing
from argosy.console.moments import length, moment
from argosy.console.numbers import short
from argosy.schemas.contract import AgentContract
from argosy.schemas.errors import ArgosyError, NotFound

SHOWN_FAILURES: Final = 15


@dataclass(frozen=True, slots=True)
class PartRow:
    """A partition as the table has it."""

    partition: int
    status: str
    css: str
    owner: str
    committed: str
    end: int
    waiting: str
    in_flight: str
    parked: str
    oldest: str
    drain: str


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker as the table has it."""

    name: str
    running: str
    parked: int
    since: str
    version: str
    silent: str = ""


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A failed attempt as the table has it."""

    at: str
    run_id: str
    task_id: str
    attempt: int
    outcome: str
    code: str
    message: str


async def look(desk: Desk, asked: Asked) -> View:
    """Put together. Raises NotFound, and what measuring lag raises."""
    agent, now_ms = asked.params["agent"], time.time_ns() // 1_000_000
    report, contracts = await desk.lag.get(), await desk.contracts.get()
    group, contract = report.of(agent), contracts.get(agent)
    series = desk.index.series.get(agent)
    if group is None and contract is None and series is None:
        raise NotFound(
            f"no agent {agent[:100]}",
            "no topic, no published pipeline and no run names it",
            "see the page Fleet",
        )
    series = series or Series()
    failures = [_failure(each) for each in desk.index.failures(agent, SHOWN_FAILURES)]
    parts = () if group is None else tuple(_part(each) for each in group.partitions)
    workers = await _workers(desk, agent, group, now_ms)
    return View(
        agent,
        (
            Region(
                "figures",
                "fleet_items.html:figure",
                tuple(Item(each.name, each) for each in _figures(group, series, now_ms)),
            ),
            trends(series, now_ms),
            Region("workers", "agent_items.html:worker", tuple(Item(each.name, each) for each in workers)),
            Region(
                "parts", "agent_items.html:part", tuple(Item(str(each.partition), each) for each in parts)
            ),
            Region(
                "failures",
                "agent_items.html:failure",
                tuple(Item(f"{each.task_id}#{each.attempt}@{each.at}", each) for each in failures),
            ),
        ),
        {"agent": agent, "terms": terms_of(contract), "published": contract is not None},
    )


def terms_of(contract: AgentContract | None) -> tuple[tuple[str, str], ...]:
    """Tell a contract as names and values."""
    if contract is None:
        return ()
    window = "the model's" if contract.window is None else f"{contract.window} tokens"
    found = [
        ("Model", contract.model or "none"),
        ("Window", window if contract.model or contract.window else "none"),
        ("Reserve for output", f"{contract.reserve} tokens"),
        ("Safe threshold", f"{contract.threshold:.0%}"),
        ("Above it", contract.above + (f", merged by {contract.merge}" if contract.merge else "")),
        ("At once in a worker", str(contract.concurrency)),
        ("Time limit", f"{contract.timeout_seconds:g} s"),
        ("Retries", f"{contract.retries}, the first after {contract.backoff_seconds:g} s"),
        ("Deliveries", f"{contract.max_deliveries} at most"),
        ("Version", contract.version),
        ("Takes", ", ".join(contract.inputs) or "nothing"),
    ]
    return tuple(found)


def _figures(group: Standing | None, series: Series, now_ms: int) -> list[Figure]:
    lately, hour = series.total(now_ms, LATELY), series.total(now_ms, 60)
    middle, high = lately.quantile(500), lately.quantile(950)
    found = [
        Figure(
            "Attempts a minute",
            per_minute(lately.done / span_of(now_ms, LATELY)),
            f"{short(hour.done)} in the last hour",
        ),
        Figure("Errors", errors_of(lately), f"{errors_of(hour)} in the hour"),
        Figure(
            "Wall time",
            "-" if middle is None else milliseconds(middle),
            "no attempt lately" if high is None else f"95th percentile {milliseconds(high)}",
        ),
    ]
    if group is None:
        return found
    drain = group.drain_seconds
    oldest = group.unfinished.seconds if group.unfinished.messages else None
    return [
        Figure("Status", group.status, f"{group.members} in the group"),
        Figure(
            "Waiting",
            short(group.waiting.messages),
            "nothing is old" if oldest is None else f"oldest {length(oldest)}",
        ),
        Figure(
            "In flight",
            short(group.in_flight.messages),
            f"of {group.slots} slots; {group.parked.messages} parked",
        ),
        Figure(
            "Time to drain",
            "-" if drain is None else length(drain),
            "at the pace of the last minute" if drain is not None else "no pace known",
        ),
        Figure(
            "Held, in retry", f"{group.held.messages}, {group.retry.messages}", "kept by the coordinators"
        ),
        *found,
    ]


def _part(part: PartitionStanding) -> PartRow:
    oldest = part.unfinished.seconds if part.unfinished.messages else None
    return PartRow(
        part.partition,
        part.status,
        status_css(part.status),
        part.owner or "",
        "-" if part.committed is None else str(part.committed),
        part.end,
        amount(part.waiting),
        str(part.in_flight.messages),
        str(part.parked.messages),
        "" if oldest is None else length(oldest),
        "" if part.drain_seconds is None else length(part.drain_seconds),
    )


async def _workers(desk: Desk, agent: str, group: Standing | None, now_ms: int) -> list[WorkerRow]:
    try:
        there = await desk.present.get()
    except ArgosyError:
        return []
    found = [
        WorkerRow(
            each.name,
            f"{each.agents[agent].running.count} of {each.agents[agent].slots}",
            each.agents[agent].parked.count,
            f"{length((now_ms - each.started_ms) // 60_000 * 60)}",
            each.version,
        )
        for each in there.workers(agent)
    ]
    silent = group.silent if group is not None else ()
    return [
        *found,
        *(WorkerRow(each.name, "", 0, "", "", f"silent for {length(each.seconds)}") for each in silent),
    ]


def _failure(failure: Failure) -> FailureRow:
    return FailureRow(
        moment(failure.at_ms),
        failure.run_id,
        failure.task_id,
        failure.attempt,
        failure.outcome,
        failure.code,
        failure.message,
    )


AGENT: Final = Page("/agents/{agent}", "agent.html", look, "fleet")
