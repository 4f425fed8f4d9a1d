"""Leaders move between three brokers: the old one answers `NotLeaderForPartition`, and nobody notices."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from argosy.broker.log import Outgoing, Partition
from support.kafka_world import WAIT_SECONDS, Recorder, World, real_world, world_of
from support.stack import StackThread

MOVES, LEAST = 3, 5
SOME = 50


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where three of them are."""
    with StackThread(tmp_path_factory.mktemp("three"), brokers=3) as stack:
        yield stack.bootstrap_servers


@pytest.fixture(params=["memory", "real"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world_of(request.param, lambda: str(request.getfixturevalue("brokers"))) as world:
        yield world


async def test_what_is_sent_meanwhile_is_there_once_and_in_order_for_whoever_reads(world: World) -> None:
    topic = await world.topic(2, replication=3)
    taken, producer, follower = Recorder(), await world.cluster.producer(), world.cluster.follower(topic)
    sent: list[bytes] = []
    enough, more = asyncio.Event(), asyncio.Condition()

    async def send() -> None:
        while not enough.is_set():
            value = b"%d" % len(sent)
            records = [Outgoing(topic, b"", value, (), number) for number in (0, 1)]
            assert await producer.send_many(records) == [(0, len(sent)), (1, len(sent))], "acknowledged once"
            sent.append(value)
            async with more:
                more.notify_all()

    async def until_sent(count: int) -> None:
        async with asyncio.timeout(WAIT_SECONDS), more:
            await more.wait_for(lambda: len(sent) >= count)

    await follower.start()
    async with (
        world.running(world.cluster.consumer(world.group, [topic]), taken),
        asyncio.TaskGroup() as group,
    ):
        await taken.until(lambda: len(taken.owned) == 2)
        sending = group.create_task(send(), name="send")
        for move in range(MOVES):
            await until_sent(len(sent) + LEAST)
            await world.move_leader(Partition(topic, move % 2))
        await until_sent(len(sent) + LEAST)
        enough.set()
        await sending  # the last of them may be under way
        await taken.until(lambda: len(taken.records) >= 2 * len(sent))
    for number in (0, 1):
        assert [record.value for record in taken.records if record.partition == number] == sent
    assert taken.epochs == [1], "nobody joined the group again"
    followed: list[tuple[int, bytes | None]] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while len(followed) < 2 * len(sent):
            followed += [(record.partition, record.value) for record in await follower.read(0.5)]
    await follower.close()
    for number in (0, 1):
        assert [value for partition, value in followed if partition == number] == sent


async def test_many_that_are_under_way_at_once_keep_their_order(world: World) -> None:
    topic = await world.topic(replication=3)
    where, producer = Partition(topic, 0), await world.cluster.producer()
    await world.send(topic, b"first")
    await world.move_leader(where)
    records = [Outgoing(topic, b"", b"%d" % number, (), 0) for number in range(2 * SOME)]
    one, other = await asyncio.gather(producer.send_many(records[:SOME]), producer.send_many(records[SOME:]))
    assert [*one, *other] == [(0, 1 + number) for number in range(2 * SOME)]
    assert [record.value async for record in world.cluster.scan(where, 1)] == [
        record.value for record in records
    ]


async def test_single_records_are_found_at_the_new_leader(world: World) -> None:
    topic = await world.topic(replication=3)
    where = Partition(topic, 0)
    for value in (b"0", b"1", b"2"):
        await world.send(topic, value)
        await world.move_leader(where)
        found = await world.cluster.peek(where, int(value))
        assert found is not None
        assert found.value == value
        assert await world.cluster.edges(where) == (0, int(value) + 1)


async def test_the_old_leader_does_say_no(
    brokers: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the tests above are about what they say."""
    async with real_world(brokers) as real:
        topic = await real.topic(replication=3)
        await real.send(topic, b"first")
        await real.move_leader(Partition(topic, 0))
        monkeypatch.setattr(
            logging.getLogger("aiokafka.producer.sender"), "filters", []
        )  # told just before, perhaps
        with caplog.at_level(logging.WARNING, "aiokafka"):
            assert await real.send(topic, b"second") == [(0, 1)]
        assert "NotLeaderForPartition" in caplog.text
