"""What happens to us when the real Kafka is killed, goes away, or takes us for dead. A stack of its own."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from argosy.broker.log import Outgoing, Partition, Producer, Sent
from argosy.schemas.errors import ArgosyError, MessageTooLarge, StaleGeneration, Unreachable
from support.kafka_world import RealWorld, Recorder, real_world
from support.stack import StackThread

SOON, LATE = 5, 150
"""Seconds after which a send is given up."""


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackThread]:
    with StackThread(tmp_path_factory.mktemp("fragile")) as running:
        yield running


@pytest.fixture
async def real(fragile: StackThread) -> AsyncIterator[RealWorld]:
    async with real_world(fragile.bootstrap_servers) as real:
        yield real


async def arrives(producer: Producer, record: Outgoing) -> None:
    """Send a record, again and again where a busy broker takes longer than its sender waits."""
    async with asyncio.timeout(LATE):
        while True:
            with suppress(Unreachable):
                await producer.send(record)
                return


async def test_a_send_without_kafka_ends_at_its_deadline_and_the_next_ones_arrive(
    fragile: StackThread, real: RealWorld
) -> None:
    topic, patient = await real.topic(), real.within(LATE)
    producer, waiting = await real.within(SOON).producer(), await patient.producer()
    await arrives(producer, Outgoing(topic, b"k", b"before", (), 0))
    await asyncio.to_thread(fragile.hold, "kafka")
    try:
        with pytest.raises(Unreachable, match="not acknowledged within 5 s"):
            await producer.send(Outgoing(topic, b"k", b"lost", (), 0))
        late = asyncio.create_task(waiting.send(Outgoing(topic, b"k", b"late", (), 0)))
    finally:
        await asyncio.to_thread(fragile.resume, "kafka")
    await late
    await arrives(producer, Outgoing(topic, b"k", b"after", (), 0))
    values = [record.value async for record in patient.scan(Partition(topic, 0), 0)]
    assert values[0] == b"before"
    assert {b"late", b"after"} <= set(values)


async def test_many_sent_while_kafka_is_killed_are_all_answered_and_none_is_lost(
    fragile: StackThread, real: RealWorld
) -> None:
    topic, cluster = await real.topic(2), real.within(LATE)
    producer = await cluster.producer()
    await producer.send(Outgoing(topic, b"k", b"first", (), 0))
    killing = asyncio.create_task(asyncio.to_thread(fragile.kill, "kafka"))
    answers: list[Sent] = []
    values: list[bytes] = []
    while not killing.done() or len(answers) < 400:
        some = [b"%d" % (len(values) + each) for each in range(100)]
        values += some
        answers += await producer.send_many(
            [Outgoing(topic, b"k", value, (), number % 2) for number, value in enumerate(some)]
        )
    await killing
    taken = [
        value for value, answer in zip(values, answers, strict=True) if not isinstance(answer, ArgosyError)
    ]
    assert {type(answer) for answer in answers} <= {tuple, Unreachable}
    for partition in range(2):
        found = [record.value async for record in cluster.scan(Partition(topic, partition), 0)]
        mine = [value for value in taken if int(value) % 2 == partition]
        assert set(mine) <= set(found)
        first = [value for index, value in enumerate(found) if value not in found[:index]]
        assert [value for value in first if value in mine] == mine


async def test_what_is_posted_without_kafka_is_given_up_and_what_is_posted_later_arrives(
    fragile: StackThread, real: RealWorld
) -> None:
    topic, patient = await real.topic(), real.within(LATE)
    producer = await real.within(SOON).producer()
    await arrives(producer, Outgoing(topic, b"k", b"before", (), 0))
    await asyncio.to_thread(fragile.hold, "kafka")
    try:
        async with asyncio.timeout(LATE):
            for value in (b"handed over", b"waits behind it", b"too"):
                await producer.post([Outgoing(topic, b"k", value, (), 0)])
    finally:
        await asyncio.to_thread(fragile.resume, "kafka")
    later = await (await patient.producer()).send(Outgoing(topic, b"k", b"another's", (), 0))
    assert later[1] >= 1
    async with asyncio.timeout(LATE):
        while b"after" not in [record.value async for record in patient.scan(Partition(topic, 0), 0)]:
            await producer.post([Outgoing(topic, b"k", b"after", (), 0)])


async def test_many_sent_without_kafka_are_unknown_at_the_deadline_and_closing_then_ends_soon(
    fragile: StackThread, real: RealWorld
) -> None:
    topic, cluster = await real.topic(), real.within(SOON)
    producer = await cluster.producer()
    await arrives(producer, Outgoing(topic, b"k", b"before", (), 0))
    await asyncio.to_thread(fragile.hold, "kafka")
    try:
        answers = await producer.send_many([
            Outgoing(topic, b"k", b"lost", (), 0),
            Outgoing(topic, b"k", b"x" * 1_100_000, (), 0),
            Outgoing(f"{topic}.other", b"k", b"", (), 0),
        ])  # fmt: skip
        assert [type(answer) for answer in answers] == [Unreachable, MessageTooLarge, Unreachable]
        assert "may still be there" in str(answers[0])
        waiting = asyncio.create_task(producer.send_many([Outgoing(topic, b"k", b"late", (), 0)]))
        await asyncio.sleep(0)
        async with asyncio.timeout(LATE):
            await cluster.close()
        assert [type(answer) for answer in await waiting] == [Unreachable]
        (closed,) = await producer.send_many([Outgoing(topic, b"k", b"closed", (), 0)])
        assert "closed" in str(closed)
    finally:
        await asyncio.to_thread(fragile.resume, "kafka")


async def test_a_consumer_and_a_producer_outlive_a_killed_broker(
    fragile: StackThread, real: RealWorld
) -> None:
    topic, cluster, taken = await real.topic(), real.within(LATE), Recorder()
    producer, consumer = await cluster.producer(), cluster.consumer("outlives", [topic])
    async with real.running(consumer, taken):
        for number in range(3):
            sent = producer.send(Outgoing(topic, b"k", b"%d" % number, (), 0))
            if number == 1:
                killing = asyncio.create_task(asyncio.to_thread(fragile.kill, "kafka"))
                await asyncio.gather(sent, killing)
            else:
                await sent
            await taken.until(lambda: len(set(taken.values)) > number)  # noqa: B023 - awaited in this turn of the loop
        async with asyncio.timeout(LATE):
            while True:
                try:
                    await consumer.commit({Partition(topic, 0): 1})
                    break
                except StaleGeneration:  # the group is still being joined again
                    await taken.until(lambda: bool(taken.owned))


async def test_a_consumer_started_without_kafka_joins_when_it_comes(
    fragile: StackThread, real: RealWorld
) -> None:
    topic, cluster, taken = await real.topic(), real.within(SOON), Recorder()
    await asyncio.to_thread(fragile.hold, "kafka")
    async with real.running(cluster.consumer("early", [topic]), taken):
        try:
            with pytest.raises(Unreachable):
                await cluster.edges(Partition(topic, 0))
        finally:
            await asyncio.to_thread(fragile.resume, "kafka")
        await taken.until(lambda: bool(taken.owned))


async def test_stopping_without_kafka_ends_soon_and_revokes(fragile: StackThread, real: RealWorld) -> None:
    topic, taken = await real.topic(), Recorder()
    consumer = real.within(SOON).consumer("stops", [topic])
    async with AsyncExitStack() as afterwards:
        async with real.running(consumer, taken, seconds=LATE):
            await taken.until(lambda: bool(taken.owned))
            afterwards.push_async_callback(asyncio.to_thread, fragile.resume, "kafka")
            await asyncio.to_thread(fragile.hold, "kafka")
            with pytest.raises((Unreachable, StaleGeneration)):
                await consumer.commit({Partition(topic, 0): 0})
        assert taken.revocations == [(Partition(topic, 0),)]


MEMBER = """
import asyncio, sys
from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Partition
from argosy.schemas.errors import StaleGeneration
from argosy.schemas.settings import KafkaSettings

class Owner:
    async def assigned(self, partitions, epoch):
        if partitions:
            print("owns", flush=True)
    async def revoked(self, partitions): pass
    async def took(self, batch): pass

async def main():
    settings = KafkaSettings.model_validate_json(sys.argv[1])
    consumer = KafkaCluster(settings).consumer("zombies", [sys.argv[2]])
    running = asyncio.create_task(consumer.run(Owner(), asyncio.Event()))
    while True:
        # the file is there as soon as the process is awake again: the commit is its first word to Kafka
        await asyncio.sleep(0.01)
        if await asyncio.to_thread(lambda: __import__("os").path.exists(sys.argv[3])):
            try:
                await consumer.commit({Partition(sys.argv[2], 0): 1})
                print("committed", flush=True)
            except StaleGeneration:
                print("stale", flush=True)
            return

asyncio.run(main())
"""


async def test_a_frozen_member_that_wakes_cannot_commit_over_its_successor(
    real: RealWorld, tmp_path: Path
) -> None:
    topic, taken, go = await real.topic(), Recorder(), tmp_path / "go"
    zombie = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", MEMBER, real.settings.model_dump_json(), topic, str(go)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert zombie.stdout is not None
    try:
        assert await zombie.stdout.readline() == b"owns\n"
        zombie.send_signal(signal.SIGSTOP)
        async with real.running(real.cluster.consumer("zombies", [topic]), taken):
            await taken.until(lambda: bool(taken.owned))
            go.touch()
            zombie.send_signal(signal.SIGCONT)
            assert await zombie.stdout.readline() == b"stale\n"
            assert (await real.cluster.group("zombies")).committed == {}
    finally:
        with suppress(ProcessLookupError):  # it has said its word, and may be gone
            zombie.kill()
        await zombie.wait()
