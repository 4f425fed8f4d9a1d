"""What the twin does beyond the contract: the faults that a test asks for, and the same every time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from argosy.broker.log import Consumer, Outgoing, Partition
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.memory_kafka import MemoryKafka
from argosy.schemas.errors import StaleGeneration, Unreachable
from support.kafka_world import Recorder

WHERE = Partition("t", 0)


@asynccontextmanager
async def running(consumer: Consumer, taken: Recorder) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(taken, stop))
    try:
        yield
    finally:
        stop.set()
        await task


def kafka(broker: MemoryBroker | None = None, partitions: int = 1) -> MemoryKafka:
    made = MemoryKafka(broker)
    made.broker.create("t", partitions)
    return made


async def send(cluster: MemoryKafka, value: bytes = b"v") -> int:
    return (await (await cluster.producer()).send(Outgoing("t", b"k", value, (), 0)))[1]


async def test_the_append_time_is_the_clocks() -> None:
    cluster = kafka(MemoryBroker(lambda: 12.5))
    await send(cluster)
    record = await cluster.peek(WHERE, 0)
    assert record is not None
    assert record.timestamp_ms == 12_500


async def test_an_answer_to_many_is_lost_for_one_partition_and_they_are_there_all_the_same() -> None:
    cluster = kafka(partitions=2)
    cluster.broker.lose_replies()
    producer = await cluster.producer()
    answers = await producer.send_many([Outgoing("t", b"k", b"v", (), number) for number in (0, 1, 0)])
    assert [type(answer) for answer in answers] == [Unreachable, tuple, Unreachable]
    assert (await cluster.edges(WHERE))[1] == 2


async def test_many_sent_by_one_who_is_cut_off_are_unknown_at_the_deadline() -> None:
    cluster = kafka()
    cluster.broker.deadline_seconds = 0.01
    cluster.broker.stop()
    producer = await cluster.producer()
    answers = await producer.send_many([Outgoing("t", b"k", b"v", (), 0)] * 2)
    assert [type(answer) for answer in answers] == [Unreachable, Unreachable]
    cluster.broker.start()
    assert (await cluster.edges(WHERE))[1] == 0


async def test_gaps_come_by_chance_and_the_same_for_the_same_seed() -> None:
    async def offsets(seed: int) -> list[int]:
        cluster = kafka(MemoryBroker(seed=seed, gap_rate=0.5))
        return [await send(cluster) for _ in range(20)]

    assert await offsets(1) == await offsets(1)
    assert await offsets(1) != await offsets(2)
    assert await offsets(1) != list(range(20))


async def test_the_seek_race_hands_out_what_was_fetched_before_the_seek() -> None:
    cluster = kafka()
    for number in range(4):
        await send(cluster, b"%d" % number)
    consumer = cluster.consumer("g", ["t"])
    taken = Recorder(at_assigned=lambda partitions, _: consumer.seek(partitions[0], 2))
    async with running(consumer, taken):
        await taken.until(lambda: any(batch.start == 2 for batch in taken.batches))
    assert [(batch.start, batch.next) for batch in taken.batches] == [(0, 4), (2, 4)]


async def test_a_lost_answer_took_effect() -> None:
    cluster = kafka()
    cluster.broker.lose_replies()
    with pytest.raises(Unreachable):
        await send(cluster)
    assert await cluster.edges(WHERE) == (0, 1)
    consumer, taken = cluster.consumer("g", ["t"]), Recorder()
    async with running(consumer, taken):
        await taken.until(lambda: bool(taken.owned))
        cluster.broker.lose_replies()
        with pytest.raises(Unreachable):
            await consumer.commit({WHERE: 1})
        assert await consumer.committed(WHERE) == 1


async def test_without_the_broker_nothing_answers_until_it_is_back() -> None:
    cluster = kafka()
    cluster.broker.deadline_seconds = 0.01
    cluster.broker.stop()
    with pytest.raises(Unreachable):
        await send(cluster)
    with pytest.raises(Unreachable):
        await cluster.edges(WHERE)
    cluster.broker.deadline_seconds = 30
    waiting = asyncio.create_task(send(cluster))
    await asyncio.sleep(0)
    cluster.broker.start()
    assert await waiting == 0


async def test_a_deaf_process_is_expelled_and_its_successor_takes_over() -> None:
    cluster = kafka()
    cluster.broker.session_seconds, cluster.broker.deadline_seconds = 0.01, 5
    deaf, other = cluster.view("deaf"), cluster.view("other")
    first, second = Recorder(), Recorder()
    consumer = deaf.consumer("g", ["t"])
    async with running(consumer, first):
        await first.until(lambda: bool(first.owned))
        cluster.broker.deafen("deaf")
        async with running(other.consumer("g", ["t"]), second):
            await second.until(lambda: bool(second.owned))
            commit = asyncio.create_task(consumer.commit({WHERE: 0}))
            await asyncio.sleep(0)
            cluster.broker.heal("deaf")
            with pytest.raises(StaleGeneration):
                await commit
            await first.until(lambda: len(first.epochs) == 2)
    assert first.revocations[0] == (WHERE,)


async def test_who_is_healed_within_its_session_stays() -> None:
    cluster = kafka()
    cluster.broker.session_seconds = 0.01
    taken = Recorder()
    async with running(cluster.consumer("g", ["t"]), taken):
        await taken.until(lambda: bool(taken.owned))
        cluster.broker.deafen("main")
        cluster.broker.heal("main")
        await asyncio.sleep(0.02)
        await send(cluster)
        await taken.until(lambda: bool(taken.records))
    assert taken.epochs == [1]


async def test_a_forced_rebalance_and_an_expulsion_are_new_epochs() -> None:
    cluster = kafka()
    taken = Recorder()
    async with running(cluster.consumer("g", ["t"]), taken):
        await taken.until(lambda: taken.epochs == [1])
        cluster.broker.rebalance("g")
        await taken.until(lambda: taken.epochs == [1, 2])
        cluster.broker.expel("main")
        await taken.until(lambda: taken.epochs == [1, 2, 3])


async def test_a_log_made_anew_is_read_from_its_beginning_under_a_new_epoch() -> None:
    cluster = kafka()
    taken = Recorder()
    await send(cluster, b"old")
    async with running(cluster.consumer("g", ["t"]), taken):
        await taken.until(lambda: taken.values == [b"old"])
        cluster.broker.recreate("t")
        await taken.until(lambda: taken.epochs == [1, 2])
        await send(cluster, b"new")
        await taken.until(lambda: taken.values == [b"old", b"new"])


async def test_small_fetches_are_pieces_of_the_same_log() -> None:
    cluster = kafka(MemoryBroker(seed=3, gap_rate=0.4))
    cluster.broker.fetch_most = 2
    for _ in range(9):
        await send(cluster)
    taken = Recorder()
    async with running(cluster.consumer("g", ["t"]), taken):
        await taken.until(lambda: len(taken.records) == 9)
    starts = [batch.start for batch in taken.batches]
    assert starts[1:] == [batch.next for batch in taken.batches][:-1]
