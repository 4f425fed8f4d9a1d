"""Lag against others' arithmetic: offsets and messages by another client library, and Kafka's own tool."""

import asyncio
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from argosy.broker.lag import SAMPLE, GroupLag, group_lag
from argosy.broker.log import Partition
from support.kafka_tools import consumer_groups
from support.kafka_world import RealWorld, real_world
from support.stack import StackThread

PLAIN, TRANSACTION, ABORTED, CUT, BEYOND, IDLE, NEVER, LONG = range(8)
PARTITIONS: Final = 8
TIME_OUT: Final = 60.0


@dataclass(frozen=True)
class Raw:
    """A partition as another client finds it; `messages` are those after where the group reads on."""

    start: int
    end: int
    committed: int | None
    messages: int


class Outside:
    """The other client: it commits for the group, and reads all that lies behind a commit."""

    def __init__(self, world: RealWorld, topic: str) -> None:
        self.topic = topic
        self.kafka = Consumer(
            {
                "bootstrap.servers": world.settings.bootstrap_servers,
                "group.id": world.group,
                "enable.auto.commit": False,
                "isolation.level": "read_uncommitted",
                "enable.partition.eof": True,
            }
        )

    def commit(self, offsets: dict[int, int]) -> None:
        wanted = [TopicPartition(self.topic, number, offset) for number, offset in offsets.items()]
        self.kafka.commit(offsets=wanted, asynchronous=False)

    def look(self, number: int) -> Raw:
        start, end = self.kafka.get_watermark_offsets(TopicPartition(self.topic, number), timeout=TIME_OUT)
        (found,) = self.kafka.committed([TopicPartition(self.topic, number)], timeout=TIME_OUT)
        committed = found.offset if found.offset >= 0 else None
        first = start if committed is None or committed > end else max(start, committed)
        self.kafka.assign([TopicPartition(self.topic, number, first)])
        messages = 0
        while first < end:
            message = self.kafka.poll(TIME_OUT)
            assert message is not None, "nothing came"
            if message.error() is not None:  # the end of the partition
                break
            messages += 1
        self.kafka.unassign()
        return Raw(start, end, committed, messages)


async def written(world: RealWorld) -> Outside:
    """Write a topic that has everything that offsets may be, and commit somewhere in it."""
    topic = await world.topic(PARTITIONS)
    for number, count in ((PLAIN, 5), (CUT, 6), (BEYOND, 3), (IDLE, 4)):
        await world.send(topic, *([b"x"] * count), partition=number)
    await world.transact(Partition(topic, TRANSACTION), b"1", b"2")
    await world.transact(Partition(topic, TRANSACTION), b"3")
    await world.transact(Partition(topic, ABORTED), b"1", b"2", abort=True)
    await world.send(topic, b"y", b"z", partition=ABORTED)
    await world.send(topic, b"n", partition=NEVER)
    for _ in range(3):
        await world.transact(Partition(topic, LONG), *([b"l"] * (SAMPLE // 2)))
    await world.cut(Partition(topic, CUT), 4)
    outside = Outside(world, topic)
    committed = {PLAIN: 2, TRANSACTION: 1, ABORTED: 0, CUT: 2, BEYOND: 50, IDLE: 4, LONG: 0}
    await asyncio.to_thread(outside.commit, committed)
    return outside


async def test_lag_agrees_with_offsets_that_another_client_reads_and_messages_that_it_counts(
    stack: StackThread,
) -> None:
    async with real_world(stack.bootstrap_servers) as world:
        outside = await written(world)
        found = await group_lag(world.cluster, world.group, outside.topic, 0)
        try:
            for one in found.partitions:
                raw = await asyncio.to_thread(outside.look, one.partition)
                assert (one.start, one.end, one.committed) == (raw.start, raw.end, raw.committed)
                if one.exact:
                    assert one.waiting == raw.messages, one
                else:
                    assert one.waiting >= raw.messages, one
        finally:
            await asyncio.to_thread(outside.kafka.close)
        parts = found.partitions
        assert [one.waiting for one in parts] == [3, 2, 4, 2, 3, 0, 1, 3 * SAMPLE // 2 + 2]
        assert [one.partition for one in parts if not one.exact] == [LONG]
        assert [one.lost for one in parts] == [0, 0, 0, 2, 0, 0, 0, 0]
        assert [one.partition for one in parts if one.beyond] == [BEYOND]


async def test_lag_differs_from_that_of_kafka_consumer_groups_by_offsets_that_are_no_messages_alone(
    stack: StackThread,
) -> None:
    async with real_world(stack.bootstrap_servers) as world:
        outside = await written(world)
        await asyncio.to_thread(outside.kafka.close)
        lag: GroupLag = await group_lag(world.cluster, world.group, outside.topic, 0)
        theirs = await consumer_groups(world.settings.bootstrap_servers, world.group, outside.topic)
        for one in lag.partitions:
            line = theirs.get(one.partition)
            if one.committed is None:
                assert line is None or line.lag is None
                continue
            assert line is not None
            assert (line.committed, line.end) == (one.committed, one.end)
            assert line.lag == one.end - one.committed
        differ = {
            one.partition: (theirs[one.partition].lag or 0) - one.waiting
            for one in lag.partitions
            if one.partition in theirs
            and one.committed is not None
            and theirs[one.partition].lag != one.waiting
        }
        # Two markers; one; two records that are gone; a commit behind the end; the last marker of a long queue.
        assert differ == {TRANSACTION: 2, ABORTED: 1, CUT: 2, BEYOND: -47 - 3, LONG: 1}
