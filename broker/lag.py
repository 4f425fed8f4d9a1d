"""Lag: how much of a topic a group has not finished, in messages, seconds and tokens, with or without members.

Offsets are no messages: control records of transactions, records that retention or compaction took, and what lies
before the log's start use up offsets that nobody will ever be given. So the first `SAMPLE` messages after a commit are
read and counted; only of what lies behind them the offsets are taken, and `exact` says which it is.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from argosy.broker.log import Cluster, Head, Partition
from argosy.broker.task_tokens import mean_tokens
from argosy.broker.topics import TopicNames

SAMPLE: Final = 100
"""Messages of a partition that are read to count them and to tell their tokens: of more, these are the measure."""
MOST_READ: Final = 2_000
"""Messages of all partitions together that a measure reads: where more than twenty lie behind, fewer of each."""
LEAST_READ: Final = 10
WINDOW_SECONDS: Final = 60.0
"""What is told by the minute: how much came, how much was finished."""
_NOTHING: Final = Head((), 0)


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition; offsets are next-to-read positions."""

    partition: int
    start: int
    end: int
    committed: int | None
    """None: the group has never committed here, and begins at `start`."""
    waiting: int
    """Messages that are not finished, if `exact`; else so many at most: behind those that were read, offsets count."""
    seconds: float
    """Age of the oldest unfinished message; 0 if there is none."""
    tokens: int | None = 0
    """Input tokens of the unfinished messages; None where messages carry none (inbox, run log), or none can be read."""
    estimated: bool = False
    """More messages wait than were read: `tokens` is the mean of the oldest `SAMPLE`, times their number."""
    exact: bool = True
    read: tuple[int, ...] = ()
    """Offsets of the messages that were read, the first `SAMPLE` after the position."""
    looked: int = 0
    """The position after what was read: from here on offsets count as messages."""
    arrived: int = 0
    """Offsets that were appended in the last `WINDOW_SECONDS`."""

    @property
    def position(self) -> int:
        """Where the group reads on: its commit, or the log's start if that is later, or the commit isn't in the log."""
        if self.committed is None or self.committed > self.end:
            return self.start
        return max(self.start, self.committed)

    @property
    def lost(self) -> int:
        """Offsets that retention took before the group came to them: whatever lay there is never read."""
        return max(0, self.start - self.committed) if self.committed is not None else 0

    @property
    def beyond(self) -> bool:
        """The commit lies behind the log's end: a log that lost its tail, or another topic of this name."""
        return self.committed is not None and self.committed > self.end

    def after(self, position: int) -> int:
        """Count the messages from a position on, as exactly as is known."""
        position = max(position, self.position)
        counted = sum(1 for offset in self.read if offset >= position)
        return counted + max(0, self.end - max(position, self.looked))


@dataclass(frozen=True, slots=True)
class GroupLag:
    """One group on one topic."""

    group: str
    topic: str
    members: int
    partitions: tuple[PartitionLag, ...]
    balancing: bool = False
    """A rebalance is under way."""

    @property
    def waiting(self) -> int:
        """Messages in all partitions."""
        return sum(one.waiting for one in self.partitions)

    @property
    def seconds(self) -> float:
        """The oldest unfinished message of any partition."""
        return max((one.seconds for one in self.partitions), default=0.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """A group on a topic that is to be measured; `has_tokens`: its messages are work."""

    group: str
    topic: str
    has_tokens: bool = False


async def group_lag(
    cluster: Cluster, group: str, topic: str, now_ms: int, *, has_tokens: bool = False
) -> GroupLag:
    """Measure one group; `has_tokens`: its messages are work.

    Raises ConfigurationError (no such topic), Unreachable and Refused.
    """
    await cluster.partitions(topic)  # which says that it isn't there
    (found,) = await groups_lag(cluster, [Asked(group, topic, has_tokens)], now_ms)
    return found


async def fleet_lag(
    cluster: Cluster, names: TopicNames, agents: Iterable[str], now_ms: int
) -> tuple[GroupLag, ...]:
    """Measure receivers, lanes and the workers of each agent, in this order; what has no topic is left out."""
    asked = [
        Asked(names.receivers, names.inbox),
        Asked(names.lanes, names.runs),
        *(Asked(names.group(agent), names.tasks(agent), has_tokens=True) for agent in agents),
    ]
    return await groups_lag(cluster, asked, now_ms)


async def groups_lag(cluster: Cluster, asked: Iterable[Asked], now_ms: int) -> tuple[GroupLag, ...]:
    """Measure many groups in a few round trips; a topic that isn't there (any more) is left out.

    Commits are asked for before log ends, so that what is appended meanwhile makes no commit lie behind an end. Raises
    Unreachable and Refused.
    """
    asked = tuple(asked)
    topics = await cluster.topics([each.topic for each in asked])
    asked = tuple(each for each in asked if each.topic in topics)
    views = await asyncio.gather(*(cluster.group(each.group) for each in asked))
    every = [
        Partition(each.topic, number) for each in asked for number in range(topics[each.topic].partitions)
    ]
    edges = await cluster.all_edges(every)
    committed = {where: at for view in views for where, at in view.committed.items()}
    bare = {where: PartitionLag(where.number, *edges[where], committed.get(where), 0, 0.0) for where in every}
    behind = {where: one.position for where, one in bare.items() if one.position < one.end}
    heads, since = await asyncio.gather(
        cluster.heads(behind, sample(len(behind))),
        cluster.offsets_at(every, now_ms - round(WINDOW_SECONDS * 1000)),
    )

    def partition(each: Asked, number: int) -> PartitionLag:
        where = Partition(each.topic, number)
        one, head = bare[where], heads.get(where, _NOTHING)
        arrived = max(0, one.end - since.get(where, one.end))
        return measured(one, head, arrived, now_ms, has_tokens=each.has_tokens)

    return tuple(
        GroupLag(
            each.group,
            each.topic,
            view.members,
            tuple(partition(each, number) for number in range(topics[each.topic].partitions)),
            view.balancing,
        )
        for each, view in zip(asked, views, strict=True)
    )


def sample(partitions: int) -> int:
    """Say how many messages of each partition are read, if so many are behind."""
    return max(LEAST_READ, min(SAMPLE, MOST_READ // max(1, partitions)))


def measured(one: PartitionLag, head: Head, arrived: int, now_ms: int, *, has_tokens: bool) -> PartitionLag:
    """Say what lies in a partition by its edges, its commit, and the first messages after that. Pure."""
    rest = max(0, one.end - max(head.next, one.position))
    waiting = len(head.records) + rest
    mean = mean_tokens(head.records) if has_tokens else None
    unknown = not has_tokens or (waiting and mean is None)
    oldest = head.records[0].timestamp_ms if head.records else now_ms
    return PartitionLag(
        one.partition,
        one.start,
        one.end,
        one.committed,
        waiting,
        max(0.0, (now_ms - oldest) / 1000),
        None if unknown else round((mean or 0) * waiting),
        estimated=bool(waiting and has_tokens and rest),
        exact=rest == 0,
        read=tuple(record.offset for record in head.records),
        looked=max(head.next, one.position),
        arrived=arrived,
    )
