"""Connections on which no request comes are closed; one that is answered slowly is not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send

from argosy.console import http_patience
from argosy.console.http_serving import open_port, server_of

WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_patience, "HEAD_SECONDS", 0.5)


async def slowly(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer after longer than a head may take."""
    await asyncio.sleep(1.0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served() -> AsyncGenerator[Ends]:
    with open_port("127.0.0.1", 0) as sock:
        server = server_of(slowly, 1)
        serving = asyncio.create_task(server.serve([sock]), name="http")
        while not server.started:  # noqa: ASYNC110 - the library has no event for it
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        async with asyncio.timeout(60):
            yield reader, writer
        writer.close()
        server.should_exit = True
        await serving


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost:"])
async def test_a_connection_without_a_whole_head_is_closed(sent: bytes) -> None:
    async with served() as (reader, writer):
        writer.write(sent)
        assert await reader.read() == b""


async def test_a_head_that_drips_is_not_waited_for_longer() -> None:
    async with served() as (reader, writer):

        async def drip() -> None:
            for byte in WHOLE[:-1] * 10:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip(), name="drip")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        assert not dripping.done()
        dripping.cancel()


async def test_an_answer_may_take_its_time_and_the_next_head_is_waited_for_anew() -> None:
    async with served() as (reader, writer):
        for _ in range(2):
            writer.write(WHOLE)
            assert b" 200 " in await reader.readuntil(b"ok")
        writer.write(WHOLE[:9])
        assert await reader.read() == b""
