"""`argosy lag`: how far each group is behind, in messages and in seconds."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from argosy.broker.lag import GroupLag, dead_count, fleet_lag
from argosy.broker.topics import TopicNames
from argosy.console.config import load_settings
from argosy.console.foreground import run_in_foreground
from argosy.console.options import options
from argosy.console.output import show_json, show_table
from argosy.console.process_life import Services, open_services
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.settings import Settings

COLUMNS: Final = ("GROUP", "TOPIC", "MEMBERS", "WAITING", "OLDEST", "STATUS")
WATCH_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class LagReport:
    """The whole fleet's lag, as --json shows it."""

    groups: tuple[GroupLag, ...]
    dead: int


def lag(
    *, watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False
) -> None:
    """Show receivers, lanes and each agent's workers: what waits, for how long, and who works on it."""
    raise typer.Exit(run_in_foreground(_lag(load_settings(), watch=watch)))


async def _lag(settings: Settings, *, watch: bool) -> None:
    async with open_services(settings, "lag") as services:
        while True:
            report = await measure(services)
            if watch and options().json:
                show_json(report)
            else:
                show_table(COLUMNS, [_cells(group) for group in report.groups] + _dead(report), report)
            if not watch:
                return
            await asyncio.sleep(WATCH_SECONDS)


async def measure(services: Services) -> LagReport:
    """Measure once. Raises ConfigurationError where there is no fleet, Unreachable and Refused."""
    names = TopicNames(services.settings.kafka.topic_prefix)
    topics = await services.cluster.topic_names()
    if names.inbox not in topics:
        raise ConfigurationError(
            f"there is no fleet: Kafka has no topic {names.inbox}",
            "no coordinator ever ran here",
            "argosy coordinator",
        )
    agents = sorted(agent for topic in topics if (agent := names.agent_of(topic)) is not None)
    groups = await fleet_lag(services.cluster, names, agents, time.time_ns() // 1_000_000)
    return LagReport(groups, await dead_count(services.cluster, names))


def status(group: GroupLag) -> str:
    """Say in two words how a group stands."""
    match (group.members > 0, group.waiting > 0):
        case (True, False):
            return "ok"
        case (True, True):
            return "behind"
        case (False, True):
            return "nobody there"
        case _:
            return "stopped"


def _cells(group: GroupLag) -> Sequence[object]:
    oldest = max((one.seconds for one in group.partitions), default=0.0)
    return (group.group, group.topic, group.members, group.waiting, f"{oldest:.1f} s", status(group))


def _dead(report: LagReport) -> list[Sequence[object]]:
    return [("dead letters", "", "", report.dead, "", "look" if report.dead else "ok")]
