"""Requests are counted, measured, and turned away in our own words where there are too many."""

import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry import metrics as api
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from starlette.types import Message, Receive, Scope, Send

from argosy.console import gateway_traffic
from argosy.console.gateway_traffic import Traffic
from argosy.telemetry import gateway_metrics
from support.gateway import lonely_gateway

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/runs/x", "headers": []}


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    made = InMemoryMetricReader()
    provider = MeterProvider([made], shutdown_on_exit=False)
    monkeypatch.setattr(api, "get_meter", provider.get_meter)
    gateway_metrics.forget()
    yield made
    gateway_metrics.forget()


def points(reader: InMemoryMetricReader, name: str) -> list[NumberDataPoint | HistogramDataPoint]:
    data = reader.get_metrics_data()
    return [
        point
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint | HistogramDataPoint)
    ]


async def test_over_the_bound_of_connections_an_answer_has_our_shape_and_says_when_to_ask_again() -> None:
    async with lonely_gateway(connections=1) as gateway:
        host, port = gateway.http.base_url.host, gateway.http.base_url.port
        _, held = await asyncio.open_connection(host, port)
        # What is held is seen by the server in its own time.
        held.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")  # a request that is never whole
        await held.drain()
        async with asyncio.timeout(60):
            while (full := await gateway.http.get("/runs/x")).status_code != 503:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        assert full.json()["error"]["code"] == "busy"
        assert "ARGOSY_GATEWAY__CONNECTIONS" in full.json()["error"]["why"]
        assert (full.headers["retry-after"], full.headers["connection"]) == ("1", "close")
        assert full.headers["content-type"] == "application/json"
        assert (await gateway.http.get("/health")).status_code == 200  # a probe is answered all the same
        held.close()
        await held.wait_closed()
        async with asyncio.timeout(60):
            while (await gateway.http.get("/runs/x")).status_code == 503:  # noqa: ASYNC110 - the server learns of it in its own time
                await asyncio.sleep(0.01)


async def test_requests_are_measured_by_route_and_status_never_by_run(reader: InMemoryMetricReader) -> None:
    async with lonely_gateway() as gateway:
        for run_id in ("a", "b"):
            assert (await gateway.http.get(f"/runs/{run_id}")).status_code == 404
        await gateway.http.get("/nowhere")
        await gateway.http.get("/health")
        await gateway.http.request("BREW", "/health")
    found = {
        (
            str((point.attributes or {}).get("http.route", "")),
            str((point.attributes or {}).get("http.request.method")),
            (point.attributes or {}).get("http.response.status_code"),
        ): point.count
        for point in points(reader, "http.server.request.duration")
        if isinstance(point, HistogramDataPoint)
    }
    assert found == {
        ("/runs/{run_id}", "GET", 404): 2,
        ("", "GET", 404): 1,
        ("/health", "GET", 200): 1,
        ("/health", "_OTHER", 405): 1,
    }
    active = [
        point.value
        for point in points(reader, "http.server.active_requests")
        if isinstance(point, NumberDataPoint)
    ]
    assert set(active) == {0}


def test_an_answer_of_ours_that_failed_is_an_error(reader: InMemoryMetricReader) -> None:
    gateway_metrics.answered("GET", "/ready", 503, 0.1)
    gateway_metrics.watching(1)
    gateway_metrics.dropped(3)
    (point,) = points(reader, "http.server.request.duration")
    assert (point.attributes or {})["error.type"] == "503"
    (watchers,), (dropped,) = (
        points(reader, "argosy.gateway.watchers"),
        points(reader, "argosy.gateway.events.dropped"),
    )
    assert isinstance(watchers, NumberDataPoint)
    assert isinstance(dropped, NumberDataPoint)
    assert (watchers.value, dropped.value) == (1, 3)


async def test_a_caller_that_takes_nothing_of_its_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_traffic, "STALLED_SECONDS", 0.01)
    closed: list[str] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        finally:
            closed.append("the stream")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def stuck(_: Message) -> None:
        await asyncio.Event().wait()

    await Traffic(app, 1, lambda: 1, {})(SCOPE, receive, stuck)
    assert closed == ["the stream"]
