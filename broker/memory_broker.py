"""The broker inside the in-memory twin of Kafka, with the faults that a test can make.

No threads, and no timers but a cut-off process's session, so that it runs under virtual time and twice the same.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from aiokafka.partitioner import murmur2

from argosy.broker.log import Outgoing, Partition, Record
from argosy.broker.memory_log import MemoryGroup, MemoryLog
from argosy.broker.partitioner import spread_of
from argosy.broker.topics import OVERHEAD_BYTES, TopicPlan
from argosy.schemas.errors import MessageTooLarge, Refused, Unreachable

MOST_RECORDS: Final = 500


class MemoryBroker:
    """Logs and groups, and the faults that a test can make. Calls that change something wake whoever waits."""

    def __init__(
        self, clock: Callable[[], float] = time.time, *, seed: int = 0, gap_rate: float = 0.0
    ) -> None:
        """`clock` gives epoch seconds, for append times. `gap_rate`: how often offsets are skipped."""
        self.clock = clock
        self.fetch_most = MOST_RECORDS
        self.max_message_bytes = 1_000_000
        self.deadline_seconds = 30.0
        self.session_seconds = 10.0
        self._chance, self._gap_rate = random.Random(seed), gap_rate  # noqa: S311 - no secret, but a repeatable one
        self._topics: dict[str, list[MemoryLog]] = {}
        self._plans: dict[str, TopicPlan] = {}
        self._groups: dict[str, MemoryGroup] = {}
        self._down = False
        self._deaf: set[str] = set()
        self._lost_replies = 0
        self._moved: dict[Partition, set[object]] = {}
        """Partitions whose leader has moved, and who has learned it since."""
        self._waiting: list[tuple[frozenset[str], asyncio.Future[None]]] = []
        self.travel: Callable[[], Awaitable[None]] = partial(asyncio.sleep, 0)
        """What a request, and a look for records, waits before it is there: a simulation lets it take time."""

    # -- waiting and being reached

    def ring(self, of: str = "") -> None:
        """Wake everybody who waits for a change; or for a change `of` a topic, a group or a member."""
        waiting, self._waiting = self._waiting, []
        for what, waiter in waiting:
            if waiter.done():
                continue
            if of and what and of not in what:
                self._waiting.append((what, waiter))
            else:
                waiter.set_result(None)

    async def changed(self, of: frozenset[str] = frozenset()) -> None:
        """Wait for any change; or for one that concerns everybody, or one `of` these (see `ring`)."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((of, waiter))
        await waiter

    def reachable(self, name: str) -> bool:
        """Say whether the process `name` gets through to the broker now."""
        return not self._down and name not in self._deaf

    async def reach(self, name: str) -> None:
        """Let a turn pass, as any request does; while cut off wait up to the deadline, then raise Unreachable."""
        await self.travel()
        try:
            async with asyncio.timeout(self.deadline_seconds):
                while not self.reachable(name):
                    await self.changed()
        except TimeoutError:
            raise Unreachable(f"Kafka didn't answer within {self.deadline_seconds:g} s") from None

    @property
    def leaders_moved(self) -> bool:
        """Whether any leader has ever moved."""
        return bool(self._moved)

    def asks_old_leader(self, client: object, partition: Partition) -> bool:
        """Say whether a request of this client would be answered with `NotLeaderForPartition`.

        The library behind the real clients learns the new leader and asks again by itself: nothing is lost, doubled or
        put in another order. So a twin lets a request's time pass, then calls `learned`.
        """
        return bool(self._moved) and client not in self._moved.get(partition, (client,))

    def learned(self, client: object, partition: Partition) -> None:
        """Let this client know who leads a partition now."""
        if partition in self._moved:
            self._moved[partition].add(client)

    def reply(self) -> None:
        """Answer a request that took effect, or lose the answer."""
        if self._lost_replies > 0:
            self._lost_replies -= 1
            raise Unreachable("the answer was lost: whether it took effect is unknown")

    # -- faults

    def stop(self) -> None:
        """Take the broker away."""
        self._down = True

    def start(self) -> None:
        """Bring it back, with all its data."""
        self._down = False
        self.ring()

    def deafen(self, name: str) -> None:
        """Cut one process off; unless it is healed before its session ends, its members are expelled."""
        self._deaf.add(name)
        asyncio.get_running_loop().call_later(self.session_seconds, self._expire, name)

    def heal(self, name: str) -> None:
        """Let it through again."""
        self._deaf.discard(name)
        self.ring()

    def _expire(self, name: str) -> None:
        if name in self._deaf:
            self.expel(name)

    def expel(self, name: str) -> None:
        """End the sessions of all members of one process now."""
        for group in self._groups.values():
            for member in [member for member in group.members if member.startswith(f"{name}/")]:
                group.leave(member)
        self.ring()

    def rebalance(self, group: str) -> None:
        """Make a group join again."""
        self.groups(group).rebalance()
        self.ring(group)

    def lose_replies(self, count: int = 1) -> None:
        """Let the next appends and commits take effect and not be answered."""
        self._lost_replies += count

    def skip(self, partition: Partition, offsets: int = 1) -> None:
        """Write control records: offsets without records."""
        self.log(partition).skip(offsets)
        self.ring(partition.topic)

    def cut(self, partition: Partition, before: int) -> None:
        """Let retention take what lies before an offset."""
        self.log(partition).cut(before)
        self.ring(partition.topic)

    def lose_tail(self, partition: Partition, records: int) -> tuple[Record, ...]:
        """Lose acknowledged records, as an unclean election does; return them.

        Its readers join again before they read on: that a log shrank and grew behind a reader's back, no client sees.
        """
        lost = self.log(partition).lose_tail(records)
        for group in self._groups.values():
            if partition in group.owners:
                group.rebalance()
        self.ring()
        return lost

    def move_leader(self, partition: Partition) -> None:
        """Let another broker lead a partition: who sends to it or fetches from it asks the old one first."""
        self.log(partition)
        self._moved[partition] = set()
        self.ring(partition.topic)

    def recreate(self, topic: str) -> None:
        """Delete a topic with its data and what groups had committed there, and make it again."""
        self._make(topic, len(self._topics[topic]))
        for group in self._groups.values():
            group.forget(topic)
        self.ring()

    def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions; groups that read it are balanced anew."""
        logs = self._topics[topic]
        places = (Partition(topic, number) for number in range(len(logs), partitions))
        logs += [MemoryLog(where, self._chance, self._gap_rate) for where in places]
        for group in self._groups.values():
            if group.reads(topic):
                group.rebalance()
        self.ring()

    # -- topics, logs, groups

    def create(self, topic: str, partitions: int, plan: TopicPlan | None = None) -> None:
        """Create a topic if it isn't there."""
        if topic not in self._topics:
            self._make(topic, partitions)
            if plan is not None:
                self._plans[topic] = plan
            self.ring()

    def _make(self, topic: str, partitions: int) -> None:
        places = (Partition(topic, number) for number in range(partitions))
        self._topics[topic] = [MemoryLog(where, self._chance, self._gap_rate) for where in places]

    def sizes(self) -> Mapping[str, int]:
        """Return the number of partitions by topic."""
        return {topic: len(logs) for topic, logs in self._topics.items()}

    def plan_of(self, topic: str) -> TopicPlan | None:
        """Return what a topic was created with, None if it was made by hand."""
        return self._plans.get(topic)

    def log(self, partition: Partition) -> MemoryLog:
        """Return a partition; raises Refused if there is none."""
        logs = self._topics.get(partition.topic)
        if logs is None:
            raise Refused(f"there is no topic {partition.topic}")
        if not 0 <= partition.number < len(logs):
            raise Refused(f"{partition.topic} has {len(logs)} partitions, there is no {partition.number}")
        return logs[partition.number]

    def groups(self, group: str) -> MemoryGroup:
        """Return a group; one that never was is empty."""
        return self._groups.setdefault(group, MemoryGroup())

    def append(self, record: Outgoing) -> tuple[int, int]:
        """Append with the clock's time; by key, as the Java client spreads them, if no partition is given."""
        where = self.place(record)
        size = (
            len(record.key)
            + len(record.value)
            + sum(len(name) + len(value) for name, value in record.headers)
        )
        if size > self.max_message_bytes + OVERHEAD_BYTES // 2:
            raise MessageTooLarge(f"{size} bytes are more than a message may have")
        offset = self.log(where).append(record, int(self.clock() * 1000))
        self.ring(record.topic)
        return where.number, offset

    def place(self, record: Outgoing) -> Partition:
        """Return where a record goes."""
        number = record.partition
        if number is None:
            size = max(1, len(self._topics.get(record.topic, ())))
            number = (
                spread_of(record.key, size) if record.spread else (murmur2(record.key) & 0x7FFF_FFFF) % size
            )
        return Partition(record.topic, number)
