"""A client of Kafka that is closed leaves no connection open, however it was started and whatever became of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import ProducerClosed

from argosy.broker import inside
from argosy.broker.bootstrap import connect
from argosy.broker.connection import connection
from argosy.broker.lost_connection import Connection, recognise
from support.kafka_world import WAIT_SECONDS, RealWorld, settings_of
from support.stack import StackThread
from support.task_of import task_of

if TYPE_CHECKING:
    from aiokafka import _Client  # pyright: ignore[reportPrivateUsage]  # only our stub has the name

KINDS = [AIOKafkaConsumer, AIOKafkaProducer]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """Every connection that is opened from now on."""
    recognise()
    opened: list[Connection] = []
    connecting = Connection.connect

    async def connect(self: Connection) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        opened.append(self)
        return await connecting(self)

    monkeypatch.setattr(Connection, "connect", connect)
    return opened


def still_open(opened: list[Connection]) -> list[Connection]:
    return [connection for connection in opened if connection.connected()]


def client_of(client: inside.AnyClient) -> "_Client":
    return client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001


@pytest.fixture(params=KINDS, ids=["consumer", "producer"])
async def client(
    request: pytest.FixtureRequest, stack: StackThread, opened: list[Connection]
) -> AsyncIterator[inside.AnyClient]:
    """A client that is connected, and closed by whoever takes it."""
    made: inside.AnyClient = request.param(bootstrap_servers=stack.bootstrap_servers)
    await made.start()
    yield made
    left = still_open(opened)
    await inside.close(made)
    assert not left


@pytest.mark.parametrize("kind", KINDS, ids=["consumer", "producer"])
async def test_one_that_is_cancelled_anywhere_in_its_start_leaves_nothing_open(
    stack: StackThread, opened: list[Connection], kind: type[inside.AnyClient]
) -> None:
    shared = connection(settings_of(stack.bootstrap_servers), "cancelled")
    started, turns = False, 0
    while not started:
        turns += 1 + turns // 10  # a slow broker takes many
        client = kind(bootstrap_servers=stack.bootstrap_servers)
        starting = asyncio.create_task(connect(client, shared), name="start")
        for _ in range(turns):
            await asyncio.wait({starting}, timeout=0)
        started = starting.done()
        starting.cancel()
        await asyncio.wait({starting})
        await inside.close(client)
        assert not still_open(opened), f"after {turns} turns"
    assert opened


async def test_one_whose_task_has_ended_with_an_error_is_closed(
    client: inside.AnyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def defect(*_: object) -> bool:
        raise ValueError("a defect of the library")

    monkeypatch.setattr(AIOKafkaClient, "_metadata_update", defect)
    client_of(client).force_metadata_update()
    await asyncio.wait(task_of("AIOKafkaClient._md_synchronizer"), timeout=WAIT_SECONDS)
    assert inside.ended_task(client) is not None
    assert not await inside.close(client)


async def test_one_that_is_well_is_closed_by_its_own_stop(client: inside.AnyClient) -> None:
    assert await inside.close(client)


@pytest.mark.parametrize("client", [AIOKafkaProducer], indirect=True)
async def test_what_a_producer_holds_that_nobody_takes_fails_and_it_is_closed(
    client: AIOKafkaProducer, stack: StackThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as closing:
        topic = await RealWorld(settings_of(stack.bootstrap_servers), closing).topic()

    async def nobody(*_: object) -> None:
        await asyncio.Event().wait()

    await client.partitions_for(topic)
    monkeypatch.setattr(client._sender, "_send_produce_req", nobody)  # noqa: SLF001
    monkeypatch.setattr(inside, "STOP_SECONDS", 0.2)
    sent = await client.send(topic, b"1")
    assert not await inside.close(client)
    assert isinstance(sent.exception(), ProducerClosed)


async def test_one_whose_peer_lets_no_connection_be_closed_is_left_all_the_same(
    client: inside.AnyClient, opened: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen, with bytes unsent: the library then waits for ever."""
    never_closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    closing = Connection.close

    def close(self: Connection, *_: object, **__: object) -> asyncio.Future[None]:
        closing(self)
        return never_closed

    await client_of(client).fetch_all_metadata()
    assert still_open(opened)
    monkeypatch.setattr(inside, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(inside, "FORCE_SECONDS", 0.2)
    monkeypatch.setattr(Connection, "close", close)
    assert not await inside.close(client)
    assert never_closed.cancelled()
