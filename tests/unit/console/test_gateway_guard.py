"""Who may come in, and how much of it."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from pydantic import SecretStr

from argosy.console.gateway import listening
from argosy.console.gateway_guard import check_exposure, is_loopback
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.gateway_settings import GatewaySettings
from support.gateway import lonely_gateway

TOKEN = "a token of some length"  # noqa: S105 - a test's own
JSON = {"Content-Type": "application/json"}


async def test_without_the_token_nobody_comes_in() -> None:
    async with lonely_gateway(token=TOKEN) as gateway:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            for method, path in (("GET", "/runs/x"), ("POST", "/runs"), ("POST", "/runs/x/cancel")):
                answer = await gateway.http.request(method, path, headers=headers)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
        known = {"Authorization": f"Bearer {TOKEN}"}
        assert (await gateway.http.get("/runs/x", headers=known)).status_code == 404


async def test_health_and_the_description_need_no_token() -> None:
    async with lonely_gateway(token=TOKEN) as gateway:
        for path in ("/health", "/ready", "/", "/openapi.json"):
            assert (await gateway.http.get(path)).status_code == 200


async def test_without_a_token_only_loopback_names_are_answered() -> None:
    async with lonely_gateway() as gateway:
        rebound = await gateway.http.get("/runs/x", headers={"Host": "evil.example:8080"})
        assert rebound.status_code == 421
        for host in ("localhost:1", "127.0.0.1", "[::1]:8080"):
            assert (await gateway.http.get("/health", headers={"Host": host})).status_code == 200


async def test_a_page_of_another_origin_can_not_submit_or_cancel() -> None:
    async with lonely_gateway() as gateway:
        foreign = {"Origin": "https://evil.example"}
        for path in ("/runs", "/runs/x/cancel"):
            assert (await gateway.http.post(path, headers=foreign)).status_code == 403
        typed = await gateway.http.post("/runs", content=b"{}", headers={"Content-Type": "text/plain"})
        assert typed.status_code == 415
        assert typed.json()["error"]["why"] == "its Content-Type is 'text/plain'"


async def test_a_body_over_the_bound_is_refused_whether_it_says_its_length_or_not() -> None:
    async with lonely_gateway(max_body_bytes=1000) as gateway:
        assert (await gateway.http.post("/runs", content=b"x" * 1001, headers=JSON)).status_code == 413

        async def endless() -> AsyncGenerator[bytes]:
            for _ in range(20):
                yield b"x" * 100

        answer = await gateway.http.post("/runs", content=endless(), headers=JSON)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "too_large"


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever() -> None:
    async with lonely_gateway(body_seconds=0.05) as gateway:
        host, port = gateway.http.base_url.host, gateway.http.base_url.port
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"POST /runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        writer.write(b"Content-Length: 100\r\n\r\n{")
        async with asyncio.timeout(60):
            assert (await reader.readline()).split()[1] == b"408"
        writer.close()
        await writer.wait_closed()


async def test_waits_are_bounded() -> None:
    async with lonely_gateway(waits=1) as gateway:
        receipts = {"receipt": f"0-0-0-{'0' * 64}", "wait": "30"}
        first = asyncio.create_task(gateway.http.get("/runs/a/result", params=receipts))
        async with asyncio.timeout(60):
            while not gateway.door.waits.locked():  # noqa: ASYNC110 - the request is on its way
                await asyncio.sleep(0.01)
        second = await gateway.http.get("/runs/b/result", params=receipts)
        assert second.status_code == 503
        assert second.headers["retry-after"] == "1"
        first.cancel()
        async with asyncio.timeout(60):
            while gateway.door.waits.locked():  # noqa: ASYNC110 - the server learns in its own time that one left
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("query", ["wait=soon", "wait=-1", "wait=nan", "wait=inf", "receipt=x"])
async def test_a_query_that_can_not_be_is_refused(query: str) -> None:
    async with lonely_gateway() as gateway:
        assert (await gateway.http.get(f"/runs/x/result?{query}")).status_code == 422


async def test_a_path_that_is_not_served_says_where_to_look() -> None:
    async with lonely_gateway() as gateway:
        assert (await gateway.http.get("/run/x")).json()["error"][
            "do"
        ] == "GET / shows what there is, /openapi.json all of it"
        wrong = await gateway.http.delete("/runs/x")
        assert wrong.status_code == 405
        assert wrong.headers["allow"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])  # noqa: S104 - what is refused
def test_beyond_loopback_a_token_is_asked_for(host: str) -> None:
    with pytest.raises(ConfigurationError, match="needs a token"):
        check_exposure(GatewaySettings(host=host))
    check_exposure(GatewaySettings(host=host, token=SecretStr(TOKEN)))


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("localhost", True),
        ("127.0.0.9", True),
        ("[::1]", True),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_loopback_is_known(host: str, *, answer: bool) -> None:
    assert is_loopback(host) is answer


def test_a_port_that_is_taken_is_said() -> None:
    with (
        listening(GatewaySettings(port=0)) as sock,
        pytest.raises(ConfigurationError, match="can't listen"),
        listening(GatewaySettings(port=sock.getsockname()[1])),
    ):
        pass
