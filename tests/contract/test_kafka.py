"""What the real Kafka and its in-memory twin both promise."""

import asyncio
import time
from collections.abc import Sequence
from zlib import crc32

import pytest

from argosy.broker.log import Outgoing, Partition
from argosy.schemas.errors import ConfigurationError, MessageTooLarge, Refused, StaleGeneration
from support.kafka_world import WAIT_SECONDS, Recorder, World, world

__all__ = ["world"]


# -- producing


async def test_a_record_arrives_as_it_was_sent_with_the_time_of_its_append(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    before_ms = int(time.time() * 1000)
    async with world.running(world.cluster.consumer(world.group, [topic]), taken):
        producer = await world.cluster.producer()
        at = await producer.send(Outgoing(topic, b"key", b"value", (("a", b"1"), ("a", b"\xff")), 0))
        await taken.until(lambda: len(taken.records) == 1)
    (record,) = taken.records
    assert at == (0, 0)
    assert (record.topic, record.partition, record.offset) == (topic, 0, 0)
    assert (record.key, record.value, record.headers) == (b"key", b"value", (("a", b"1"), ("a", b"\xff")))
    assert before_ms - 60_000 <= record.timestamp_ms <= before_ms + 60_000


async def test_without_a_partition_the_key_alone_chooses_it(world: World) -> None:
    topic = await world.topic(4)
    producer = await world.cluster.producer()
    keys = (b"21", b"foobar", b"21")
    chosen = [await producer.send(Outgoing(topic, key, b"", ())) for key in keys]
    # the Java client's murmur2 of these keys: clients in other languages choose the same
    assert [partition for partition, _ in chosen] == [-973932308 % 4, -790332482 % 4, -973932308 % 4]


async def test_a_key_that_is_only_spread_goes_to_the_same_partition_each_time(world: World) -> None:
    topic = await world.topic(4)
    producer = await world.cluster.producer()
    keys = (b"21", b"foobar", b"21")
    chosen = [await producer.send(Outgoing(topic, key, b"", (), spread=True)) for key in keys]
    assert [partition for partition, _ in chosen] == [crc32(key) % 4 for key in keys]


async def test_sends_of_one_turn_keep_their_order_within_a_partition(world: World) -> None:
    topic = await world.topic()
    producer = await world.cluster.producer()
    await producer.send(Outgoing(topic, b"k", b"", (), 0))  # from here on the topic is known
    sent = await asyncio.gather(*(producer.send(Outgoing(topic, b"k", b"", (), 0)) for _ in range(50)))
    assert [offset for _, offset in sent] == list(range(1, 51))


async def test_a_message_over_the_limit_is_never_taken(world: World) -> None:
    topic = await world.topic()
    producer = await world.cluster.producer()
    with pytest.raises(MessageTooLarge):
        await producer.send(Outgoing(topic, b"k", b"x" * 1_100_000, (), 0))
    assert await producer.send(Outgoing(topic, b"k", b"x" * 1_000_000, (), 0)) == (0, 0)


async def test_an_unknown_topic_and_an_unknown_partition_are_refused(world: World) -> None:
    topic = await world.topic()
    producer = await world.cluster.producer()
    with pytest.raises(Refused, match="no topic"):
        await producer.send(Outgoing(f"{topic}.other", b"k", b"", (), 0))
    with pytest.raises(Refused, match="1 partitions"):
        await producer.send(Outgoing(topic, b"k", b"", (), 1))
    assert await producer.send(Outgoing(topic, b"k", b"", (), 0)) == (0, 0)


async def test_each_record_of_many_is_answered_in_the_order_given_and_a_bad_one_harms_no_other(
    world: World,
) -> None:
    topic, large = await world.topic(2), b"x" * 1_100_000
    producer = await world.cluster.producer()
    records = [
        Outgoing(topic, b"k", b"0", (("h", b"1"),), 0),
        Outgoing(topic, b"k", large, (), 0),
        Outgoing(f"{topic}.other", b"k", b"", (), 0),
        Outgoing(topic, b"k", b"1", (), 1),
        Outgoing(topic, b"k", b"", (), 2),
        Outgoing(topic, b"k", b"2", (), 0),
        Outgoing(topic, b"k", b"", (("h", large),), 1),
        Outgoing(topic, b"21", b"3", ()),
    ]
    answers = await producer.send_many(records)
    chosen = -973932308 % 2
    assert [answers[0], answers[3], answers[5]] == [(0, 0), (1, 0), (0, 1)]
    assert answers[7] == (chosen, 2 if chosen == 0 else 1)
    assert [type(answer) for answer in answers if not isinstance(answer, tuple)] == [
        MessageTooLarge,
        Refused,
        Refused,
        MessageTooLarge,
    ]
    found = [record async for record in world.cluster.scan(Partition(topic, 0), 0)]
    assert [record.value for record in found][:2] == [b"0", b"2"]
    assert found[0].headers == (("h", b"1"),)


async def test_none_of_many_is_no_request(world: World) -> None:
    producer = await world.cluster.producer()
    assert await producer.send_many([]) == []
    await producer.post([])


async def test_many_calls_at_once_keep_their_order_and_that_within_each(world: World) -> None:
    topic = await world.topic(2)
    producer = await world.cluster.producer()
    await world.send(topic, b"first")
    calls = [
        [Outgoing(topic, b"k", b"%d.%d" % (call, item) + b"x" * 2_000, (), item % 2) for item in range(40)]
        for call in range(20)
    ]  # more than one batch can hold
    answers = await asyncio.gather(*(producer.send_many(call) for call in calls))
    for partition in range(2):
        offsets = [
            answer[1]
            for call in answers
            for answer in call
            if isinstance(answer, tuple) and answer[0] == partition
        ]
        first = 1 - partition
        assert offsets == list(range(first, first + 400))
        found = [record async for record in world.cluster.scan(Partition(topic, partition), first)]
        wanted = [record.value for call in calls for record in call if record.partition == partition]
        assert [record.value for record in found] == wanted


async def test_who_is_cancelled_while_sending_many_leaves_the_others_alone(world: World) -> None:
    topic = await world.topic()
    producer = await world.cluster.producer()
    await world.send(topic, b"first")
    gone = asyncio.create_task(producer.send_many([Outgoing(topic, b"k", b"gone", (), 0)] * 3))
    stays = asyncio.create_task(producer.send_many([Outgoing(topic, b"k", b"stays", (), 0)] * 3))
    await asyncio.sleep(0)
    gone.cancel()
    answers = await stays
    assert all(isinstance(answer, tuple) for answer in answers)
    found = [record.value async for record in world.cluster.scan(Partition(topic, 0), 0)]
    assert found.count(b"stays") == 3


async def test_what_is_posted_arrives_with_bad_ones_among_it(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    producer = await world.cluster.producer()
    async with world.running(world.cluster.consumer(world.group, [topic]), taken):
        await producer.post([
            Outgoing(topic, b"k", b"0", (), 0),
            Outgoing(topic, b"k", b"", (), 7),
            Outgoing(topic, b"k", b"1", (), 0),
        ])  # fmt: skip
        await taken.until(lambda: len(taken.records) == 2)
    assert taken.values == [b"0", b"1"]


# -- consuming


async def test_who_comes_next_reads_on_at_the_commit_and_gets_the_rest_again(world: World) -> None:
    topic, first, second = await world.topic(), Recorder(), Recorder()
    where = Partition(topic, 0)
    await world.send(topic, b"0", b"1", b"2")
    consumer = world.cluster.consumer(world.group, [topic])
    async with world.running(consumer, first):
        await first.until(lambda: len(first.records) == 3)
        assert await consumer.committed(where) is None
        await consumer.commit({where: 1})
        assert await consumer.committed(where) == 1
    async with world.running(world.process("other").consumer(world.group, [topic]), second):
        await second.until(lambda: len(second.records) == 2)
    assert second.values == [b"1", b"2"]


async def test_a_group_shares_the_partitions_and_each_rebalance_is_a_new_epoch(world: World) -> None:
    topic = await world.topic(4)
    one, two = Recorder(), Recorder()
    async with world.running(world.cluster.consumer(world.group, [topic]), one):
        await one.until(lambda: len(one.owned) == 4)
        async with world.running(world.process("two").consumer(world.group, [topic]), two):
            await two.until(lambda: len(two.owned) == 2)
            await one.until(lambda: len(one.owned) == 2)
            assert not one.owned & two.owned
            for number in range(4):
                await world.send(topic, b"%d" % number, partition=number)
            await one.until(lambda: len(one.records) == 2)
            await two.until(lambda: len(two.records) == 2)
        await one.until(lambda: len(one.owned) == 4)
    assert one.epochs == sorted(set(one.epochs))
    assert len(one.epochs) >= 3
    assert {where.number for where in one.revocations[0]} == {0, 1, 2, 3}


async def test_what_is_committed_while_being_revoked_counts(world: World) -> None:
    topic = await world.topic(2)
    consumer = world.cluster.consumer(world.group, [topic])

    class Committing(Recorder):
        async def revoked(self, partitions: Sequence[Partition]) -> None:
            await consumer.commit(dict.fromkeys(partitions, 1))
            await super().revoked(partitions)

    one, two = Committing(), Recorder()
    for number in range(2):
        await world.send(topic, b"old", b"new", partition=number)
    async with world.running(consumer, one):
        await one.until(lambda: len(one.records) == 4)
        async with world.running(world.process("two").consumer(world.group, [topic]), two):
            await two.until(lambda: len(two.records) == 1)
    assert two.values == [b"new"]
    view = await world.cluster.group(world.group)
    assert view.committed == {Partition(topic, 0): 1, Partition(topic, 1): 1}


async def test_a_commit_by_who_is_no_member_or_of_what_is_not_ours_is_stale(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    consumer = world.cluster.consumer(world.group, [topic])
    with pytest.raises(StaleGeneration):
        await consumer.commit({Partition(topic, 0): 1})
    with pytest.raises(StaleGeneration):
        await consumer.committed(Partition(topic, 0))
    async with world.running(consumer, taken):
        await taken.until(lambda: bool(taken.owned))
        with pytest.raises(StaleGeneration):
            await consumer.commit({Partition(f"{topic}.other", 0): 1})
    with pytest.raises(StaleGeneration):
        await consumer.commit({Partition(topic, 0): 1})


async def test_a_seek_in_the_listener_decides_though_older_batches_may_still_come(world: World) -> None:
    topic = await world.topic()
    where = Partition(topic, 0)
    await world.send(topic, *(b"%d" % number for number in range(10)))
    consumer = world.cluster.consumer(world.group, [topic])
    taken = Recorder(at_assigned=lambda partitions, _: consumer.seek(partitions[0], 6))
    async with world.running(consumer, taken):
        await taken.until(lambda: any(batch.next == 10 and batch.start == 6 for batch in taken.batches))
    first = next(index for index, batch in enumerate(taken.batches) if batch.start == 6)
    assert [record.offset for batch in taken.batches[first:] for record in batch.records] == [6, 7, 8, 9]
    assert all(batch.start == 0 and batch.partition == where for batch in taken.batches[:first])


async def test_a_seek_from_anywhere_reads_again(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    await world.send(topic, b"0", b"1", b"2")
    consumer = world.cluster.consumer(world.group, [topic])
    async with world.running(consumer, taken):
        await taken.until(lambda: len(taken.records) == 3)
        consumer.seek(Partition(topic, 0), 1)
        await taken.until(lambda: len(taken.records) == 5)
        assert taken.batches[-1].next == 3
        assert [batch.start for batch in taken.batches if batch.start == 1] == [1]
    assert taken.values == [b"0", b"1", b"2", b"1", b"2"]


async def test_every_batch_begins_where_the_one_before_ended(world: World) -> None:
    topic, taken = await world.topic(2), Recorder()
    where = Partition(topic, 0)
    async with world.running(world.cluster.consumer(world.group, [topic]), taken):
        for number in range(5):
            await world.send(topic, b"%d" % number)
            await world.skip(where)
        end = (await world.cluster.edges(where))[1]
        await taken.until(lambda: bool(taken.batches) and taken.batches[-1].next == end)
    position = taken.batches[0].start
    for batch in taken.batches:
        assert batch.start == position
        assert all(batch.start <= record.offset < batch.next for record in batch.records)
        position = batch.next


async def test_control_records_at_the_end_are_passed_and_told_by_the_position(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    where = Partition(topic, 0)
    await world.send(topic, b"0")
    await world.skip(where)
    start, end = await world.cluster.edges(where)
    assert (start, end) == (0, end)
    assert end >= 2
    async with world.running(world.cluster.consumer(world.group, [topic]), taken):
        await taken.until(lambda: bool(taken.batches) and taken.batches[-1].next == end)
    assert all(record.offset < end - 1 for record in taken.records)


async def test_a_paused_partition_is_not_read_and_a_resumed_one_goes_on(world: World) -> None:
    topic = await world.topic(2)
    quiet, loud = Partition(topic, 0), Partition(topic, 1)
    consumer = world.cluster.consumer(world.group, [topic])
    taken = Recorder(at_assigned=lambda _, __: consumer.pause([quiet, quiet, Partition("not ours", 0)]))
    async with world.running(consumer, taken):
        await taken.until(lambda: bool(taken.owned))
        await world.send(topic, b"0", partition=0)
        await world.send(topic, b"1", partition=1)
        await taken.until(lambda: bool(taken.records))
        await world.send(topic, b"2", partition=1)
        await taken.until(lambda: len(taken.records) == 2)
        assert {record.partition for record in taken.records} == {loud.number}
        consumer.resume([quiet, Partition("not ours", 0)])
        await taken.until(lambda: len(taken.records) == 3)
    assert taken.values == [b"1", b"2", b"0"]


async def test_a_log_whose_beginning_is_cut_off_is_read_from_what_is_left(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    where = Partition(topic, 0)
    await world.send(topic, *(b"%d" % number for number in range(6)))
    await world.cut(where, 4)
    assert await world.cluster.edges(where) == (4, 6)
    consumer = world.cluster.consumer(world.group, [topic])
    taken.at_assigned = lambda partitions, _: consumer.seek(partitions[0], 1)
    async with world.running(consumer, taken):
        await taken.until(lambda: bool(taken.batches) and taken.batches[-1].next == 6)
    assert {record.offset for record in taken.records} == {4, 5}
    peeked = await world.cluster.peek(where, 0)
    assert peeked is not None
    assert peeked.offset == 4


@pytest.mark.parametrize("place", ["assigned", "revoked", "took"])
async def test_what_a_subscriber_raises_ends_the_loop(world: World, place: str) -> None:
    topic = await world.topic()
    await world.send(topic, b"0")

    class Failing(Recorder):
        async def _notify(self) -> None:
            await super()._notify()
            reached = {
                "assigned": bool(self.owned),
                "revoked": bool(self.revocations),
                "took": bool(self.batches),
            }
            if reached[place]:
                raise RuntimeError(place)

    stop, taken = asyncio.Event(), Failing()
    task = asyncio.create_task(world.cluster.consumer(world.group, [topic]).run(taken, stop))
    if place == "revoked":
        await taken.until(lambda: bool(taken.owned))
        stop.set()
    with pytest.raises(RuntimeError, match=place):
        async with asyncio.timeout(WAIT_SECONDS):
            await task


async def test_stopping_revokes_and_leaves_the_group(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    async with world.running(world.cluster.consumer(world.group, [topic]), taken):
        await taken.until(lambda: bool(taken.owned))
        assert (await world.cluster.group(world.group)).members == 1
    assert taken.revocations == [(Partition(topic, 0),)]
    assert (await world.cluster.group(world.group)).members == 0


async def test_cancelling_leaves_the_group_too(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    task = asyncio.create_task(world.cluster.consumer(world.group, [topic]).run(taken, asyncio.Event()))
    await taken.until(lambda: bool(taken.owned))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await world.cluster.group(world.group)).members == 0


async def test_one_consumer_may_run_again_and_its_epochs_go_on(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    consumer = world.cluster.consumer(world.group, [topic])
    for _ in range(2):
        async with world.running(consumer, taken):
            await taken.until(lambda: bool(taken.owned))
    assert taken.epochs == [1, 2]


# -- looking without a group


async def test_peek_finds_the_first_record_at_or_after_an_offset(world: World) -> None:
    topic = await world.topic()
    where = Partition(topic, 0)
    assert await world.cluster.peek(where, 0) is None
    await world.send(topic, b"0", b"1")
    await world.skip(where)
    found = await world.cluster.peek(where, 1)
    assert found is not None
    assert found.value == b"1"
    assert await world.cluster.peek(where, 1_000) is None
    end = (await world.cluster.edges(where))[1]
    assert await world.cluster.peek(where, end - 1) is None  # a control record is no record


async def test_a_scan_ends_where_the_log_ended_when_it_began(world: World) -> None:
    topic = await world.topic()
    where = Partition(topic, 0)
    await world.send(topic, *(b"%d" % number for number in range(20)))
    found: list[bytes | None] = []
    async for record in world.cluster.scan(where, 15):
        found.append(record.value)
        await world.send(topic, b"later")
    assert found == [b"15", b"16", b"17", b"18", b"19"]
    await world.skip(where)
    assert [record async for record in world.cluster.scan(where, 1_000)] == []


async def test_a_group_that_never_was_has_nothing(world: World) -> None:
    view = await world.cluster.group("never")
    assert (view.members, view.committed) == (0, {})


async def test_partitions_are_counted_and_a_missing_topic_is_said(world: World) -> None:
    topic = await world.topic(3)
    assert await world.cluster.partitions(topic) == 3
    with pytest.raises(ConfigurationError, match="no topic"):
        await world.cluster.partitions(f"{topic}.other")


# -- following


async def test_a_follower_reads_what_comes_after_its_start(world: World) -> None:
    topic = await world.topic(2)
    await world.send(topic, b"old")
    follower = world.cluster.follower(topic)
    await follower.start()
    assert await follower.caught_up()
    await world.send(topic, b"new", partition=1)
    assert [record.value for record in await follower.read(WAIT_SECONDS)] == [b"new"]
    assert await follower.read(0.05) == ()
    await follower.close()


async def test_a_follower_from_the_beginning_says_when_it_has_caught_up(world: World) -> None:
    topic = await world.topic(2)
    await world.send(topic, b"0", b"1", partition=1)
    follower = world.cluster.follower(topic)
    await follower.start(beginning=True)
    assert not await follower.caught_up()
    found: list[bytes | None] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while not await follower.caught_up():
            found += [record.value for record in await follower.read(1)]
    assert found == [b"0", b"1"]
    await follower.close()


async def test_a_follower_from_a_time_reads_what_was_appended_since(world: World) -> None:
    topic = await world.topic()
    await world.send(topic, b"0", b"1")
    second = await world.cluster.peek(Partition(topic, 0), 1)
    assert second is not None
    follower = world.cluster.follower(topic)
    await follower.start(at_ms=second.timestamp_ms)
    found = [record.value for record in await follower.read(WAIT_SECONDS)]
    assert found[-1] == b"1"
    await follower.close()
    await follower.start(at_ms=second.timestamp_ms + 3_600_000)
    assert await follower.read(0.05) == ()
    await follower.close()


async def test_a_follower_of_a_missing_topic_says_so(world: World) -> None:
    with pytest.raises(ConfigurationError, match="no topic"):
        await world.cluster.follower(f"{world.settings.topic_prefix}.none").start()


async def test_posted_records_arrive_in_order_and_a_post_that_fails_says_nothing(world: World) -> None:
    topic = await world.topic()
    producer = await world.cluster.producer()
    await producer.post([Outgoing("no-such-topic", b"k", b"lost", (), 0)])
    await producer.post([Outgoing(topic, b"k", b"%d" % number, (), 0) for number in range(50)])
    last = await producer.send(Outgoing(topic, b"k", b"last", (), 0))
    found = [record.value async for record in world.cluster.scan(Partition(topic, 0), 0)]
    assert found == [*(b"%d" % number for number in range(50)), b"last"]
    assert last == (0, 50)


# -- topics that change under their readers


async def test_of_a_topic_made_anew_nothing_is_committed(world: World) -> None:
    topic, other = await world.topic(2), await world.topic(1, "other")
    consumer, taken = world.cluster.consumer(world.group, [topic, other]), Recorder()
    await world.send(topic, b"0", b"1", partition=1)
    async with world.running(consumer, taken):
        await taken.until(lambda: len(taken.records) == 2)
        await consumer.commit({Partition(topic, 1): 2, Partition(other, 0): 0})
    await world.recreate(topic)
    assert (await world.cluster.group(world.group)).committed == {Partition(other, 0): 0}
    assert await world.cluster.edges(Partition(topic, 1)) == (0, 0)
    await world.send(topic, b"new", partition=1)
    again, taken = world.cluster.consumer(world.group, [topic, other]), Recorder()
    async with world.running(again, taken):
        await taken.until(lambda: bool(taken.records))
        assert await again.committed(Partition(topic, 1)) is None
    assert [(record.offset, record.value) for record in taken.records] == [(0, b"new")]


async def test_new_partitions_are_found_by_groups_and_followers(world: World) -> None:
    topic = await world.topic()
    follower = world.cluster.follower(topic)
    await follower.start()
    taken = Recorder()
    async with world.running(world.cluster.consumer(world.group, [topic]), taken):
        await taken.until(lambda: len(taken.owned) == 1)
        await world.grow(topic, 2)
        producer = await world.process("new").producer()
        await producer.send(Outgoing(topic, b"k", b"new", (), 1))
        await taken.until(lambda: b"new" in taken.values)
        assert len(taken.epochs) == 2
    found: list[bytes | None] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while b"new" not in found:
            found += [record.value for record in await follower.read(1)]
    await follower.close()


async def test_aborted_records_are_read_and_counted_like_all_others(world: World) -> None:
    topic, taken = await world.topic(), Recorder()
    where = Partition(topic, 0)
    await world.send(topic, b"0")
    await world.transact(where, b"1", b"2", abort=True)
    await world.send(topic, b"4")
    assert await world.cluster.edges(where) == (0, 5)
    async with world.running(world.cluster.consumer(world.group, [topic]), taken):
        await taken.until(lambda: len(taken.records) == 4)
    assert [record.offset for record in taken.records] == [0, 1, 2, 4]
    assert [record.offset async for record in world.cluster.scan(where, 0)] == [0, 1, 2, 4]
    peeked = await world.cluster.peek(where, 3)
    assert peeked is not None
    assert peeked.offset == 4
