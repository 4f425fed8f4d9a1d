"""One measure of the whole fleet's lag: Kafka, Redis and the dead letters asked, and put together."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from argosy.broker.fullness import Fullness, fullness
from argosy.broker.lag import GroupLag, fleet_lag
from argosy.broker.presence import Present, present
from argosy.broker.topics import TopicNames
from argosy.console.lag_figures import Told, standing
from argosy.console.lag_graves import Graves
from argosy.console.lag_queued import UNKNOWN, queued
from argosy.console.lag_rates import Measures
from argosy.console.lag_standing import Queued, Standing
from argosy.console.limits_report import LimitsReport, measure_limits
from argosy.console.process_life import Services
from argosy.coordinator.windows import bounds_of
from argosy.schemas.errors import ConfigurationError, Refused, Unreachable

T = TypeVar("T")

AGAIN_SECONDS: Final = 1.5
"""Until the second look at a group that is behind, and whose pace nobody tells: its members commit once a second."""


@dataclass(frozen=True, slots=True)
class LagReport:
    """The whole fleet's lag, as --json shows it.

    `hands_known` False: Redis couldn't tell what workers have, or what coordinators keep.
    `fullness`: runs under way, and how many may be; None: no coordinator says so, by rules 2.
    """

    groups: tuple[Standing, ...]
    dead: int
    hands_known: bool = True
    fullness: Fullness | None = None
    retry_of_nobody: int = 0
    """Tasks in retry of an agent that couldn't be told."""
    measured_ms: int = 0
    limits: LimitsReport | None = None
    """Limits of models and tenants, and what waits for them; None: Redis can't be asked."""

    def of(self, agent: str) -> Standing | None:
        """Find an agent's group."""
        return next((group for group in self.groups if group.agent == agent), None)


def must_be_whole(report: LagReport) -> None:
    """Raise Unreachable where Redis couldn't tell a part of the work: by what is left, workers would be sent away."""
    if not report.hands_known:
        message = "Redis can't be asked what is in hand, held back or in retry: how many workers it needs isn't known"
        raise Unreachable(message)


@dataclass(slots=True)
class Watch:
    """What is kept from one measure to the next, by who measures again and again; it is bounded."""

    measures: Measures = field(default_factory=Measures)
    graves: Graves = field(default_factory=Graves)


async def measure(services: Services, watch: Watch | None = None) -> LagReport:
    """Measure once. Without a `watch` it takes a second look where the pace isn't known otherwise.

    Raises ConfigurationError where there is no fleet, Unreachable and Refused of Kafka.
    """
    names = TopicNames(services.settings.kafka.topic_prefix)
    topics = await services.cluster.topic_names()
    if names.inbox not in topics:
        raise ConfigurationError(
            f"there is no fleet: Kafka has no topic {names.inbox}",
            "no coordinator ever ran here",
            "argosy coordinator",
        )
    agents = sorted(agent for topic in topics if (agent := names.agent_of(topic)) is not None)
    kept, redis, prefix = watch or Watch(), _Redis(), services.settings.redis.key_prefix
    there = await redis.known(lambda: present(services.store, prefix))
    groups, now_ms = await _groups(services, names, agents, kept)
    if watch is None and any(_is_unknown(group, names, there) for group in groups):
        await asyncio.sleep(AGAIN_SECONDS)
        groups, now_ms = await _groups(services, names, agents, kept)
    dead = await kept.graves.read(services.cluster, names.dead) if names.dead in topics else ()
    told_waits = await redis.known(lambda: _queued(services, names, now_ms))
    waits = told_waits or {}
    told = Told(now_ms, there, dead, waits, kept.measures, services.settings.fleet.patience_seconds)
    return LagReport(
        tuple(standing(group, names.agent_of(group.topic), told) for group in groups),
        len(dead),
        there is not None and told_waits is not None,
        await redis.known(lambda: fullness(services.store, prefix)),
        waits[UNKNOWN].retry.messages if UNKNOWN in waits else 0,
        now_ms,
        await redis.known(lambda: measure_limits(services)),
    )


async def _groups(
    services: Services, names: TopicNames, agents: list[str], kept: Watch
) -> tuple[tuple[GroupLag, ...], int]:
    now_ms = time.time_ns() // 1_000_000
    groups = await fleet_lag(services.cluster, names, agents, now_ms)
    kept.measures.keep(groups, now_ms)
    return groups, now_ms


def _is_unknown(group: GroupLag, names: TopicNames, there: Present | None) -> bool:
    """Say whether a group is behind, and nobody tells how fast it is."""
    agent = names.agent_of(group.topic)
    workers = () if there is None or agent is None else there.workers(agent)
    says = any(each.agents[agent].progress is not None for each in workers if agent is not None)
    return bool(group.members and group.waiting and not says)


async def _queued(services: Services, names: TopicNames, now_ms: int) -> Mapping[str, Queued]:
    lanes = await services.cluster.partitions(names.runs)
    prefix, bounds = services.settings.redis.key_prefix, bounds_of(services.settings.fleet)
    return await queued(services.store, prefix, lanes, now_ms, bounds)


@dataclass(slots=True)
class _Redis:
    """Asked until it doesn't answer: each further question would wait for its time-out too."""

    away: bool = False

    async def known(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Ask; None: it is away, or refuses."""
        if self.away:
            return None
        try:
            return await ask()
        except Refused:
            return None
        except Unreachable:
            self.away = True
            return None
