"""Lag: how much of a topic a group has not finished, in messages, seconds and tokens, with or without members."""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from argosy.broker.log import Cluster, Partition, Record
from argosy.broker.task_tokens import mean_tokens
from argosy.broker.topics import TopicNames

SAMPLE: Final = 100
"""Work messages of a partition that are read to tell its tokens: of more, these are the measure."""


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
    tokens: int | None = 0
    """Input tokens of the unfinished messages; None where messages carry none (inbox, run log), or none can be read."""
    estimated: bool = False
    """More messages wait than were read: `tokens` is the mean of the oldest `SAMPLE`, times their number."""


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


async def group_lag(
    cluster: Cluster, group: str, topic: str, now_ms: int, *, has_tokens: bool = False
) -> GroupLag:
    """Measure one group; `has_tokens`: its messages are work.

    Raises ConfigurationError (no such topic), Unreachable and Refused.
    """
    view = await cluster.group(group)
    partitions = [Partition(topic, number) for number in range(await cluster.partitions(topic))]
    sample = SAMPLE if has_tokens else 0
    found = [
        await _partition_lag(cluster, where, view.committed.get(where), now_ms, sample)
        for where in partitions
    ]
    return GroupLag(group, topic, view.members, tuple(found))


async def _partition_lag(
    cluster: Cluster, where: Partition, committed: int | None, now_ms: int, sample: int
) -> PartitionLag:
    start, end = await cluster.edges(where)
    position = max(start, committed) if committed is not None else start
    waiting = max(0, end - position)
    oldest = await _oldest(cluster, where, position, sample) if waiting else []
    seconds = max(0.0, (now_ms - oldest[0].timestamp_ms) / 1000) if oldest else 0.0
    mean = mean_tokens(oldest)
    tokens = None if sample == 0 or (waiting and mean is None) else round((mean or 0) * waiting)
    return PartitionLag(where.number, start, end, committed, waiting, seconds, tokens, waiting > len(oldest))


async def _oldest(cluster: Cluster, where: Partition, position: int, sample: int) -> list[Record]:
    """Read the first `sample` records, and one at least: its age is asked for."""
    if sample == 0:
        first = await cluster.peek(where, position)
        return [] if first is None else [first]
    found: list[Record] = []
    async with aclosing(cluster.scan(where, position)) as records:
        async for record in records:
            found.append(record)
            if len(found) == sample:
                break
    return found


async def fleet_lag(
    cluster: Cluster, names: TopicNames, agents: Iterable[str], now_ms: int
) -> tuple[GroupLag, ...]:
    """Measure receivers, lanes and the workers of each agent, in this order."""
    asked = [
        group_lag(cluster, names.receivers, names.inbox, now_ms),
        group_lag(cluster, names.lanes, names.runs, now_ms),
        *(
            group_lag(cluster, names.group(agent), names.tasks(agent), now_ms, has_tokens=True)
            for agent in agents
        ),
    ]
    return tuple(await asyncio.gather(*asked))
