"""Lag: how much of a topic a group has not finished, in messages and in seconds, with or without members."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from argosy.broker.log import Cluster, Partition
from argosy.broker.topics import TopicNames


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition; offsets are next-to-read positions."""

    partition: int
    start: int
    end: int
    committed: int | None
    """None: the group has never committed here, and begins at `start`."""
    waiting: int
    """Offsets between the commit and the end: an upper bound of messages, for control records count too."""
    seconds: float
    """Age of the oldest unfinished message; 0 if there is none."""


@dataclass(frozen=True, slots=True)
class GroupLag:
    """One group on one topic."""

    group: str
    topic: str
    members: int
    partitions: tuple[PartitionLag, ...]

    @property
    def waiting(self) -> int:
        """Messages in all partitions."""
        return sum(one.waiting for one in self.partitions)

    @property
    def seconds(self) -> float:
        """The oldest unfinished message of any partition."""
        return max((one.seconds for one in self.partitions), default=0.0)


async def group_lag(cluster: Cluster, group: str, topic: str, now_ms: int) -> GroupLag:
    """Measure one group. Raises ConfigurationError (no such topic), Unreachable and Refused."""
    view = await cluster.group(group)
    partitions = [Partition(topic, number) for number in range(await cluster.partitions(topic))]
    found = [await _partition_lag(cluster, where, view.committed.get(where), now_ms) for where in partitions]
    return GroupLag(group, topic, view.members, tuple(found))


async def _partition_lag(
    cluster: Cluster, where: Partition, committed: int | None, now_ms: int
) -> PartitionLag:
    start, end = await cluster.edges(where)
    position = max(start, committed) if committed is not None else start
    waiting = max(0, end - position)
    oldest = await cluster.peek(where, position) if waiting else None
    seconds = max(0.0, (now_ms - oldest.timestamp_ms) / 1000) if oldest is not None else 0.0
    return PartitionLag(where.number, start, end, committed, waiting, seconds)


async def fleet_lag(
    cluster: Cluster, names: TopicNames, agents: Iterable[str], now_ms: int
) -> tuple[GroupLag, ...]:
    """Measure receivers, lanes and the workers of each agent, in this order."""
    groups = [(names.receivers, names.inbox), (names.lanes, names.runs)]
    groups += [(names.group(agent), names.tasks(agent)) for agent in agents]
    return tuple(await asyncio.gather(*(group_lag(cluster, group, topic, now_ms) for group, topic in groups)))


async def dead_count(cluster: Cluster, names: TopicNames) -> int:
    """Count the dead letters that are kept: an upper bound. Raises Unreachable."""
    start, end = await cluster.edges(Partition(names.dead, 0))
    return end - start
