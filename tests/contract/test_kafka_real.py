"""What only the real Kafka shows: other clients' compression, lost numbering, a topic made anew under its readers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import MessageSizeTooLargeError

from argosy.broker.log import Outgoing, Partition
from argosy.broker.lost_connection import Connection
from argosy.broker.provision import ensure
from argosy.broker.topics import TopicPlan
from argosy.schemas.errors import MessageTooLarge
from support.kafka_world import WAIT_SECONDS, RealWorld, Recorder, real_world
from support.stack import StackThread

REQUESTS = ("ApiVersionRequest", "FetchRequest", "HeartbeatRequest", "MetadataRequest", "ProduceRequest")


@pytest.fixture
async def real(stack: StackThread) -> AsyncIterator[RealWorld]:
    async with real_world(stack.bootstrap_servers) as real:
        yield real


async def test_a_client_may_compress_and_a_bomb_is_refused_before_it_reaches_us(real: RealWorld) -> None:
    await ensure(real.cluster, real.fleet_settings)
    client = AIOKafkaProducer(
        bootstrap_servers=real.settings.bootstrap_servers,
        compression_type="gzip",
        max_request_size=20_000_000,
    )
    await client.start()
    try:
        await client.send_and_wait(real.names.inbox, b"x" * 500_000, partition=0)
        with pytest.raises(MessageSizeTooLargeError):
            await client.send_and_wait(real.names.inbox, b"\0" * 10_000_000, partition=0)
    finally:
        await client.stop()
    taken = Recorder()
    async with real.running(real.cluster.consumer(real.group, [real.names.inbox]), taken):
        await taken.until(lambda: len(taken.records) == 1)
    assert taken.values == [b"x" * 500_000]


async def test_after_the_broker_refused_a_message_the_next_ones_still_arrive(real: RealWorld) -> None:
    topic = f"{real.settings.topic_prefix}.small"
    await real.cluster.create([TopicPlan(topic, 1, 1, {"max.message.bytes": "1000"})])
    producer = await real.cluster.producer()
    assert await producer.send(Outgoing(topic, b"k", b"0", (), 0)) == (0, 0)
    for _ in range(2):
        with pytest.raises(MessageTooLarge):
            await producer.send(Outgoing(topic, b"k", b"x" * 5_000, (), 0))
    sent = await asyncio.gather(*(producer.send(Outgoing(topic, b"k", b"1", (), 0)) for _ in range(20)))
    assert sorted(sent) == [(0, offset) for offset in range(1, 21)]


async def test_small_records_that_are_too_large_together_all_arrive_and_one_that_is_alone_does_not(
    real: RealWorld,
) -> None:
    topic = f"{real.settings.topic_prefix}.small"
    await real.cluster.create([TopicPlan(topic, 1, 1, {"max.message.bytes": "3000"})])
    producer = await real.cluster.producer()
    values = [b"%d" % number + b"x" * 500 for number in range(20)]
    values[7] += b"x" * 5_000
    answers = await producer.send_many([Outgoing(topic, b"k", value, (), 0) for value in values])
    assert isinstance(answers.pop(7), MessageTooLarge)
    assert answers == [(0, offset) for offset in range(19)]
    found = [record.value async for record in real.cluster.scan(Partition(topic, 0), 0)]
    assert found == values[:7] + values[8:]


async def test_a_topic_made_anew_is_read_from_its_beginning_under_a_new_epoch(real: RealWorld) -> None:
    topic, taken = await real.topic(), Recorder()
    await real.send(topic, b"old0", b"old1", b"old2")
    admin = AIOKafkaAdminClient(bootstrap_servers=real.settings.bootstrap_servers)
    await admin.start()
    try:
        async with real.running(real.cluster.consumer(real.group, [topic]), taken):
            await taken.until(lambda: len(taken.records) == 3)
            await admin.delete_topics([topic])
            async with asyncio.timeout(60):
                while await real.cluster.topics([topic]):
                    pass
            await real.topic()
            await real.send(topic, b"new")
            await taken.until(lambda: b"new" in taken.values)
    finally:
        await admin.close()
    first_new = next(
        batch for batch in taken.batches if any(record.value == b"new" for record in batch.records)
    )
    assert (first_new.start, first_new.partition) == (0, Partition(topic, 0))
    assert len(taken.epochs) > 1


async def test_all_goes_on_after_writes_to_connections_that_the_loop_finds_closed(
    real: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As uvloop raises it when a connection was reset a moment ago: whoever writes first meets it.

    Fetches, produce requests, heartbeats, commits and questions about leaders must all come to that.
    """
    topic = await real.topic(2)
    consumer, taken = real.cluster.consumer(real.group, [topic]), Recorder()
    met, write = Counter[str](), Connection.send

    def send(connection: Connection, request: object, expect_response: bool = True) -> Awaitable[Any]:  # noqa: FBT001, FBT002 - theirs
        met[type(request).__name__] += 1
        with monkeypatch.context() as reset:
            if met[type(request).__name__] <= 2:
                reset.setattr(asyncio.StreamWriter, "write", handler_is_closed)
            return write(connection, request, expect_response)

    async with real.running(consumer, taken):
        await taken.until(lambda: len(taken.owned) == 2)
        await real.send(topic, b"before")
        await taken.until(lambda: taken.values == [b"before"])
        monkeypatch.setattr(Connection, "send", send)
        await real.send(topic, b"meanwhile")
        async with asyncio.timeout(WAIT_SECONDS):
            while not all(met[kind] > 2 for kind in REQUESTS):
                await real.send(topic, b"again")
        await real.send(topic, b"after")
        await taken.until(lambda: taken.values[-1] == b"after")
        assert set(taken.values[1:-1]) == {b"meanwhile", b"again"}
        await consumer.commit({Partition(topic, 0): 3})
        assert await consumer.committed(Partition(topic, 0)) == 3


def handler_is_closed(*_: object) -> None:
    raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")
