"""`argosy lag`: how far each group is behind: what waits, runs, is parked, is dead, in messages, seconds and tokens."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from argosy.broker.deadletters import Buried, buried
from argosy.broker.fullness import Fullness, fullness
from argosy.broker.lag import fleet_lag
from argosy.broker.presence import Present, present
from argosy.broker.topics import TopicNames
from argosy.console.config import load_settings
from argosy.console.foreground import run_in_foreground
from argosy.console.lag_figures import Amount, PartitionStanding, Standing, standing
from argosy.console.limits_report import LimitsReport, limit_notes, measure_limits
from argosy.console.moments import length
from argosy.console.numbers import short
from argosy.console.options import options
from argosy.console.output import note, show_json, show_table
from argosy.console.process_life import Services, open_services
from argosy.schemas.errors import ConfigurationError, Refused, Unreachable
from argosy.schemas.settings import Settings

COLUMNS: Final = ("WHO", "STATUS", "MEMBERS", "WAITING", "IN FLIGHT", "PARKED", "DEAD", "OLDEST")
BY_PARTITION: Final = (
    "WHO",
    "PARTITION",
    "START",
    "COMMITTED",
    "END",
    "WAITING",
    "IN FLIGHT",
    "PARKED",
    "DEAD",
    "OLDEST",
)
WATCH_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class LagReport:
    """The whole fleet's lag, as --json shows it. `hands_known` False: Redis couldn't tell what workers have.

    `fullness`: runs under way, and how many may be; None: no coordinator says so, by rules 2.
    """

    groups: tuple[Standing, ...]
    dead: int
    hands_known: bool = True
    fullness: Fullness | None = None
    limits: LimitsReport | None = None
    """Of models and tenants; None: Redis can't be asked."""


def lag(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False,
    partitions: Annotated[bool, typer.Option("--partitions", help="A line for each partition.")] = False,
) -> None:
    """Show receivers, lanes and each agent's workers: what waits, for how long, and who works on it.

    WAITING, IN FLIGHT, PARKED and DEAD are messages, the age of the oldest, and the tokens of their inputs, where
    these are known; ~ is an estimate: of a long queue only the oldest messages are read. OLDEST is the age of the
    oldest message that isn't finished. What workers have in hand is as of some seconds ago.
    """
    raise typer.Exit(run_in_foreground(_lag(load_settings(), watch=watch, by_partition=partitions)))


async def _lag(settings: Settings, *, watch: bool, by_partition: bool) -> None:
    async with open_services(settings, "lag") as services:
        while True:
            report = await measure(services)
            if watch and options().json:
                show_json(report)
            elif by_partition:
                rows = [_part(group, part) for group in report.groups for part in group.partitions]
                show_table(BY_PARTITION, rows, report)
            else:
                show_table(COLUMNS, [_cells(group) for group in report.groups] + _dead(report), report)
            for line in _silence(report):
                note(line, folded=True)
            if report.fullness is not None:
                note(_under_way(report.fullness), folded=True)
            for line in limit_notes(report.limits):
                note(line, folded=True)
            if not report.hands_known:
                note("Redis can't be asked: what is in flight or parked counts as waiting", folded=True)
            if not watch:
                return
            await asyncio.sleep(WATCH_SECONDS)


async def measure(services: Services) -> LagReport:
    """Measure once. Raises ConfigurationError where there is no fleet, Unreachable and Refused of Kafka."""
    names = TopicNames(services.settings.kafka.topic_prefix)
    topics = await services.cluster.topic_names()
    if names.inbox not in topics:
        raise ConfigurationError(
            f"there is no fleet: Kafka has no topic {names.inbox}",
            "no coordinator ever ran here",
            "argosy coordinator",
        )
    agents = sorted(agent for topic in topics if (agent := names.agent_of(topic)) is not None)
    now_ms = time.time_ns() // 1_000_000
    groups = await fleet_lag(services.cluster, names, agents, now_ms)
    dead: list[Buried] = [each async for each in buried(services.cluster, names.dead)]
    there = await _present(services)
    standings = (standing(group, names.agent_of(group.topic), there, dead, now_ms) for group in groups)
    return LagReport(
        tuple(standings),
        len(dead),
        there is not None,
        await _fullness(services),
        await measure_limits(services),
    )


async def _present(services: Services) -> Present | None:
    try:
        return await present(services.store, services.settings.redis.key_prefix)
    except (Unreachable, Refused):
        return None


async def _fullness(services: Services) -> Fullness | None:
    try:
        return await fullness(services.store, services.settings.redis.key_prefix)
    except (Unreachable, Refused):
        return None


def _under_way(found: Fullness) -> str:
    """Say how many runs are under way, against all bounds."""
    of = "".join(f", {count} of {most} of {name}" for name, (count, most) in found.pipelines.items())
    waiting = f"; {found.waiting} submits wait for room" if found.waiting else ""
    megabytes, most_megabytes = found.bytes // 1_000_000, found.most_bytes // 1_000_000
    return (
        f"{found.runs} of {found.most_runs} runs under way{of}, "
        f"with {megabytes} of {most_megabytes} MB of state{waiting}"
    )


def _silence(report: LagReport) -> list[str]:
    return [
        f"{each.name} of {_who(group)} has been silent for {length(each.seconds)}: it was killed, is cut off from"
        " Redis, or a handler blocks its event loop; argosy why RUN says what it holds"
        for group in report.groups
        for each in group.silent
    ]


def _cells(group: Standing) -> Sequence[object]:
    amounts = (_amount(group.waiting), _amount(group.in_flight), _amount(group.parked), _amount(group.dead))
    return (_who(group), group.status, group.members, *amounts, _oldest(group.unfinished))


def _part(group: Standing, part: PartitionStanding) -> Sequence[object]:
    committed = "-" if part.committed is None else part.committed
    amounts = (_amount(part.waiting), _amount(part.in_flight), _amount(part.parked), _amount(part.dead))
    return (_who(group), part.partition, part.start, committed, part.end, *amounts, _oldest(part.unfinished))


def _who(group: Standing) -> str:
    return group.agent or group.group.rpartition(".")[2]


def _oldest(unfinished: Amount) -> str:
    return length(unfinished.seconds or 0.0) if unfinished.messages else ""


def _amount(amount: Amount) -> str:
    if not amount.messages:
        return "0"
    told = [str(amount.messages)]
    if amount.seconds is not None:
        told.append(length(amount.seconds))
    if amount.tokens is not None:
        told.append(f"{'~' if amount.estimated else ''}{short(amount.tokens)} tok")
    return " / ".join(told)


def _dead(report: LagReport) -> list[Sequence[object]]:
    status_of_all = "argosy dead list" if report.dead else "ok"
    return [("dead letters", status_of_all, "", "", "", "", report.dead, "")]
