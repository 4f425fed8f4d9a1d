"""When a gateway ends by itself, and how it says that it is there."""

import asyncio
from pathlib import Path

import pytest

from argosy.broker.memory_follower import MemoryFollower
from argosy.console.gateway import listening, serve_http
from argosy.console.http_serving import url_of
from argosy.schemas.errors import Refused
from argosy.schemas.gateway_settings import GatewaySettings
from support.gateway import lonely_gateway


async def test_a_gateway_that_reads_no_answers_any_more_ends_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_: object) -> tuple[()]:
        raise Refused("reading argosy.results is not allowed")

    with pytest.RaisesGroup(Refused, allow_unwrapped=True, flatten_subgroups=True):
        async with lonely_gateway() as gateway:
            assert (await gateway.http.get("/health")).status_code == 200
            monkeypatch.setattr(MemoryFollower, "read", refuse)
            await asyncio.wait({gateway.serving})


async def test_a_gateway_that_listens_says_where(tmp_path: Path) -> None:
    async with lonely_gateway() as gateway:
        file = tmp_path / "ready"
        with listening(GatewaySettings(port=0)) as sock:
            second = asyncio.create_task(serve_http(gateway.door, sock, file), name="second")
            async with asyncio.timeout(60):
                while not file.exists():  # noqa: ASYNC110 - as a supervisor does
                    await asyncio.sleep(0.01)
            assert file.read_text("utf-8") == f"{url_of(sock)}\n"
            gateway.stop.set()
            await second
