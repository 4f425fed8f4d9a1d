"""A Kafka connection that was reset a moment ago is a lost connection, on every event loop."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.admin import ApiVersionRequest

from argosy.broker.lost_connection import Connection

RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@pytest.fixture
def resetting() -> Iterator[int]:
    """The port of a server that resets each connection at its first bytes."""

    def serve() -> None:
        while True:
            try:
                accepted, _ = listening.accept()
            except OSError:
                return
            accepted.recv(1)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            accepted.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, name="resetting server")
        serving.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    serving.join()


async def write_until_it_fails(connection: AIOKafkaConnection) -> Exception:
    """Write in every turn of the loop; return what the first write raises that isn't taken."""
    await connection.connect()
    answers: list[asyncio.Future[object]] = []
    try:
        async with asyncio.timeout(60):
            while True:
                answers.append(asyncio.ensure_future(connection.send(ApiVersionRequest())))
                await asyncio.sleep(0)
    except (RuntimeError, OSError) as error:
        return error
    finally:
        await asyncio.gather(*answers, return_exceptions=True)
        connection.close()


def test_a_write_to_a_connection_that_was_reset_is_a_lost_connection_under_uvloop(
    resetting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AIOKafkaConnection, "_do_version_lookup", nothing)

    async def both() -> tuple[Exception, Exception]:
        library = await write_until_it_fails(AIOKafkaConnection("127.0.0.1", resetting))
        return library, await write_until_it_fails(Connection("127.0.0.1", resetting))

    library, ours = uvloop.run(both())
    assert not isinstance(library, KafkaError), "the library has learned it: this module can go"
    assert "the handler is closed" in str(library)
    assert isinstance(ours, KafkaConnectionError)
    assert "the handler is closed" in str(ours)


def test_nothing_else_changes_under_the_loop_of_the_standard_library(
    resetting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AIOKafkaConnection, "_do_version_lookup", nothing)

    async def one() -> Exception:
        return await write_until_it_fails(Connection("127.0.0.1", resetting))

    ours = asyncio.run(one())
    assert isinstance(ours, KafkaConnectionError)
    assert "No connection to broker" in str(ours)


async def nothing(_: object) -> None:
    """Ask for no versions."""
