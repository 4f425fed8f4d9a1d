"""A task of Kafka's client library that ends: found within seconds and told; never in a client that is well."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.consumer import fetcher

from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Outgoing, Partition
from argosy.broker.vigil import LOOK_SECONDS
from argosy.schemas.errors import ClientBroken
from support.kafka_world import WAIT_SECONDS, RealWorld, Recorder, real_world
from support.stack import StackThread
from support.task_of import task_of

FETCHES, JOINS, BEATS = (
    "Fetcher._fetch_requests_routine",
    "GroupCoordinator._coordination_routine",
    "GroupCoordinator._heartbeat_routine",
)
LEADS, SENDS = "AIOKafkaClient._md_synchronizer", "Sender._sender_routine"


@pytest.fixture
async def real(stack: StackThread) -> AsyncIterator[RealWorld]:
    async with real_world(stack.bootstrap_servers) as real:
        yield real


@pytest.fixture
async def ours(real: RealWorld) -> AsyncIterator[KafkaCluster]:
    """The clients of the process that is watched; `real` is another one."""
    ours = KafkaCluster(real.settings)
    yield ours
    await ours.close()


@asynccontextmanager
async def consuming(real: RealWorld, ours: KafkaCluster) -> AsyncGenerator[tuple[str, Recorder]]:
    """A consumer that has got what was sent."""
    topic = await real.topic()
    taken = Recorder()
    async with real.running(ours.consumer(real.group, [topic]), taken):
        await real.send(topic, b"before")
        await taken.until(lambda: taken.values == [b"before"])
        yield topic, taken


@asynccontextmanager
async def watched(ours: KafkaCluster) -> AsyncGenerator[None]:
    """The vigil has nothing to say of what happens inside, nor for two more looks."""
    watching = asyncio.create_task(ours.watch(), name="vigil")
    yield
    done, _ = await asyncio.wait({watching}, timeout=3 * LOOK_SECONDS)
    watching.cancel()
    assert not done, watching.exception()


async def end_tasks(routine: str) -> None:
    """Cancel all tasks of the library that run this."""
    tasks = task_of(routine)
    assert tasks, f"nobody runs {routine}"
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def told(ours: KafkaCluster) -> str:
    with pytest.raises(ClientBroken) as caught:
        async with asyncio.timeout(WAIT_SECONDS):
            await ours.watch()
    return str(caught.value)


@pytest.mark.parametrize(
    ("routine", "word", "why"),
    [
        (FETCHES, "fetches", "it returned"),
        (LEADS, "asks for topics and leaders", "it was cancelled"),
        (BEATS, "tells the group that we live", "it returned"),
    ],
)
async def test_a_consumer_that_has_lost_a_task_is_told(
    real: RealWorld, ours: KafkaCluster, routine: str, word: str, why: str
) -> None:
    async with consuming(real, ours):
        await end_tasks(routine)
        said = await told(ours)
    assert f"the consumer of group {real.group} stands still: the task that {word} has ended" in said
    assert f"why: {why}" in said
    assert "do:  start this process again" in said


async def test_the_error_that_ended_it_is_told(
    real: RealWorld, ours: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def defect(*_: object) -> bool:
        raise ValueError("a defect of the library")

    async with consuming(real, ours):
        monkeypatch.setattr(fetcher.Fetcher, "_proc_fetch_request", defect)
        said = await told(ours)
    assert (
        "KafkaError: Unexpected error during data retrieval, from ValueError: a defect of the library" in said
    )


async def test_a_consumer_that_joins_no_more_begins_anew_and_nothing_is_told(
    real: RealWorld, ours: KafkaCluster
) -> None:
    async with watched(ours), consuming(real, ours) as (topic, taken):
        await end_tasks(JOINS)
        await taken.until(lambda: len(taken.epochs) == 2)
        await real.send(topic, b"after")
        await taken.until(lambda: taken.values[-1] == b"after")


@pytest.mark.parametrize("routine", [SENDS, LEADS])
async def test_a_producer_is_replaced_at_its_next_send_and_told_of_if_there_is_none(
    real: RealWorld, ours: KafkaCluster, routine: str
) -> None:
    topic = await real.topic()
    producer = await ours.producer()
    await producer.send(Outgoing(topic, b"", b"before", (), 0))
    await end_tasks(routine)
    assert await producer.send(Outgoing(topic, b"", b"after", (), 0)) == (0, 1)
    await end_tasks(routine)
    assert "the producer stands still: the task that" in await told(ours)


async def test_who_follows_a_topic_is_told_at_the_next_read(real: RealWorld) -> None:
    follower = real.cluster.follower(await real.topic())
    await follower.start()
    await end_tasks(FETCHES)
    try:
        with pytest.raises(
            ClientBroken, match=r"the reader of .*topic stands still: the task that fetches has ended"
        ):
            await follower.read(0.1)
    finally:
        await follower.close()


async def test_edges_are_asked_by_a_fresh_client(real: RealWorld) -> None:
    topic = await real.topic()
    for routine in (FETCHES, LEADS):
        await end_tasks(routine)
        assert await real.cluster.edges(Partition(topic, 0)) == (0, 0)


async def test_members_that_come_and_go_and_clients_that_close_are_well(
    real: RealWorld, ours: KafkaCluster
) -> None:
    topic = await real.topic(2)
    one, other = Recorder(), Recorder()
    async with watched(ours):
        async with real.running(ours.consumer(real.group, [topic]), one):
            await one.until(lambda: len(one.owned) == 2)
            async with real.running(ours.consumer(real.group, [topic]), other):
                await other.until(lambda: len(other.owned) == 1)
                await one.until(lambda: len(one.owned) == 1)
            await one.until(lambda: len(one.owned) == 2)
        follower = real.cluster.follower(topic)
        await follower.start()
        await follower.read(0.1)
        await follower.close()
