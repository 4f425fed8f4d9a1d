"""What lag is measured by, of the real Kafka and of its twin: many partitions at once, and where offsets are odd."""

import pytest

from argosy.broker.lag import SAMPLE, Asked, group_lag, groups_lag
from argosy.broker.log import Head, Partition
from argosy.schemas.errors import ConfigurationError
from support.kafka_world import Recorder, World, world

__all__ = ["world"]


async def test_the_first_records_of_many_partitions_are_read_at_once(world: World) -> None:
    topic = await world.topic(4)
    await world.send(topic, b"a", b"b", b"c", partition=0)
    await world.send(topic, b"d", partition=1)
    await world.transact(Partition(topic, 2), b"e", b"f")
    await world.send(topic, b"g", b"h", partition=3)
    await world.cut(Partition(topic, 3), 1)
    asked = {Partition(topic, number): 0 for number in range(4)}
    found = await world.cluster.heads(asked, 2)
    assert {where.number: [record.value for record in head.records] for where, head in found.items()} == {
        0: [b"a", b"b"],
        1: [b"d"],
        2: [b"e", b"f"],
        3: [b"h"],
    }
    assert [found[Partition(topic, number)].next for number in (0, 1, 3)] == [2, 1, 2]
    edges = await world.cluster.all_edges(asked)
    assert edges[Partition(topic, 3)] == (1, 2)
    ends = {where: end for where, (_, end) in edges.items()}
    assert await world.cluster.heads(ends, 2) == {where: Head((), end) for where, end in ends.items()}
    assert await world.cluster.heads({}, 2) == {}


async def test_what_came_since_a_time_is_found_by_the_logs_own_times(world: World) -> None:
    topic = await world.topic(2)
    await world.send(topic, b"a", b"b", partition=0)
    first, second = Partition(topic, 0), Partition(topic, 1)
    record = await world.cluster.peek(first, 0)
    assert record is not None
    assert await world.cluster.offsets_at([first, second], record.timestamp_ms) == {first: 0}
    assert await world.cluster.offsets_at([first, second], record.timestamp_ms + 3_600_000) == {}
    lag = await group_lag(world.cluster, world.group, topic, record.timestamp_ms + 30_000)
    assert [one.arrived for one in lag.partitions] == [2, 0]
    lag = await group_lag(world.cluster, world.group, topic, record.timestamp_ms + 3_600_000)
    assert [one.arrived for one in lag.partitions] == [0, 0]


async def test_control_records_are_no_messages_and_behind_the_sample_offsets_are_said_to_be_a_bound(
    world: World,
) -> None:
    topic = await world.topic(2)
    await world.transact(Partition(topic, 0), b"a", b"b")
    await world.transact(Partition(topic, 0), b"c")
    await world.send(topic, *([b"x"] * (SAMPLE + 3)), partition=1)
    lag = await group_lag(world.cluster, world.group, topic, 0)
    first, second = lag.partitions
    assert (first.end - first.start, first.waiting, first.exact) == (5, 3, True)
    assert (second.waiting, second.exact) == (SAMPLE + 3, False)
    assert [first.after(offset) for offset in range(6)] == [3, 2, 1, 1, 0, 0]
    assert [second.after(offset) for offset in (0, 1, SAMPLE + 1, SAMPLE + 3)] == [
        SAMPLE + 3,
        SAMPLE + 2,
        2,
        0,
    ]


async def test_a_topic_that_is_made_again_is_unfinished_from_its_start(world: World) -> None:
    topic = await world.topic(1)
    where = Partition(topic, 0)
    await world.send(topic, *([b"x"] * 9))
    consumer, taken = world.cluster.consumer(world.group, [topic]), Recorder()
    async with world.running(consumer, taken):
        await taken.until(lambda: len(taken.records) == 9)
        await consumer.commit({where: 9})
    await world.recreate(topic)
    await world.send(topic, b"y", b"z")
    (one,) = (await group_lag(world.cluster, world.group, topic, 0)).partitions
    assert (one.waiting, one.position, one.lost) == (2, 0, 0)
    assert one.beyond == (one.committed == 9)  # the real one deletes the commit with the topic


async def test_a_topic_that_is_gone_is_left_out_of_a_fleet_and_an_error_alone(world: World) -> None:
    topic = await world.topic(1)
    gone = f"{topic}.gone"
    found = await groups_lag(world.cluster, [Asked(world.group, gone), Asked(world.group, topic)], 0)
    assert [each.topic for each in found] == [topic]
    with pytest.raises(ConfigurationError, match="there is no topic"):
        await group_lag(world.cluster, world.group, gone, 0)


async def test_a_group_that_was_balanced_has_its_commits_and_all_its_members(world: World) -> None:
    topic = await world.topic(2)
    await world.send(topic, b"a", b"b", b"c")
    first, told = world.process("one").consumer(world.group, [topic]), Recorder()
    second, other = world.process("two").consumer(world.group, [topic]), Recorder()
    async with world.running(first, told):
        await told.until(lambda: len(told.records) == 3)
        await first.commit({Partition(topic, 0): 2})
        assert not (await group_lag(world.cluster, world.group, topic, 0)).balancing
        async with world.running(second, other):
            await other.until(lambda: len(other.epochs) == 1)
            lag = await group_lag(world.cluster, world.group, topic, 0)
            assert (lag.members, lag.waiting) == (2, 1)
