"""`/metrics`: what Prometheus reads, and that nobody who asks can harm the process."""

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource

from argosy.telemetry.metrics_page import ASKING, FRESH_SECONDS, MetricsServer, Page, PageReader, listen
from argosy.telemetry.tallies import Count, Distribution
from support.scrape import fetch, scrape


class Clock:
    """Seconds, by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class World:
    """A page with one distribution of ours, one counter, and its server."""

    def __init__(self) -> None:
        resource = Resource({"service.name": "argosy-worker"})
        self.spread, self.count, self.clock = Distribution("d", "s", "text", (1.0, 2.0)), Count(), Clock()
        reader = PageReader(resource, [self.spread])
        provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        provider.get_meter("argosy").create_observable_counter("c", [self.count.observe], "{task}")
        self.page = Page(reader.registry, self.clock)
        self.server = MetricsServer(self.page, "127.0.0.1", 0)

    def samples(self) -> dict[str, float]:
        return {sample.title: sample.value for sample in scrape(self.server.url)}


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.server.close()


def status_of(url: str, **headers: str) -> int:
    return fetch(url, **headers)[0]


def test_counts_and_our_own_distributions_are_told_together(world: World) -> None:
    world.count.add(("agent", "a"), more=3)
    world.spread.record([0.5, 1.5, 9.0], ("agent", "a"))
    found = world.samples()
    assert found["c_total|agent=a"] == 3
    assert found["d_seconds_bucket|agent=a|le=1.0"] == 1
    assert found["d_seconds_bucket|agent=a|le=2.0"] == 2
    assert found["d_seconds_bucket|agent=a|le=+Inf"] == found["d_seconds_count|agent=a"] == 3
    assert found["d_seconds_sum|agent=a"] == 11
    assert found["target_info|service_name=argosy-worker"] == 1
    assert found["process_resident_memory_bytes"] > 0


def test_a_flood_of_callers_makes_one_text_a_second(world: World) -> None:
    world.count.add()
    assert world.samples()["c_total"] == 1
    world.count.add()
    assert world.samples()["c_total"] == 1
    world.clock.now += FRESH_SECONDS
    assert world.samples()["c_total"] == 2


def test_a_caller_that_makes_up_versions_makes_no_more_texts(world: World) -> None:
    world.count.add()
    forms = set[str]()
    for number in range(30):
        for kind in ("application/openmetrics-text", "text/plain"):
            for version in (f"1.0.{number}", f"{number}", "what", "1.what"):
                text, form = world.page.text(f"{kind}; version={version}; escaping=allow-utf-8")
                assert b"c_total" in text
                forms.add(form)
    assert len(forms) <= 4, forms
    assert world.page.text("application/openmetrics-text; version=1.0.0")[1].startswith(
        "application/openmetrics-text; version=1.0.0"
    )


def test_nobody_is_asked_for_the_name_of_this_machine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(_name: str = "") -> str:
        message = "a name server may take half a minute to answer"
        raise AssertionError(message)

    monkeypatch.setattr(socket, "getfqdn", asked)
    server = MetricsServer(world.page, "127.0.0.1", 0)
    try:
        assert status_of(server.url) == 200
    finally:
        server.close()


def test_there_is_nothing_else_and_no_page_of_the_web_reads_it(world: World) -> None:
    assert status_of(world.server.url.replace("/metrics", "/")) == 404
    assert status_of(world.server.url.replace("/metrics", "/../../etc/passwd")) == 404
    assert status_of(world.server.url, Host="attacker.example") == 403
    assert status_of(world.server.url, Host="localhost:1234") == 200


def test_a_port_that_is_taken_is_left_and_another_one_used(world: World) -> None:
    port = int(world.server.url.rsplit(":", 1)[1].split("/")[0])
    other = listen(world.page, "127.0.0.1", port)
    assert other is not None
    try:
        assert other.url != world.server.url
        assert status_of(other.url) == 200
    finally:
        other.close()


def test_an_address_that_cannot_be_had_is_no_error(world: World) -> None:
    assert listen(world.page, "203.0.113.1", 0) is None


def test_callers_that_say_nothing_hold_a_few_places_and_no_more(world: World) -> None:
    host, port = world.server.url.removeprefix("http://").removesuffix("/metrics").split(":")
    silent = [socket.create_connection((host, int(port)), timeout=10) for _ in range(ASKING * 3)]
    try:
        refused = 0
        until = time.monotonic() + 10
        while refused < ASKING * 2 and time.monotonic() < until:
            refused = 0
            for each in silent:
                each.setblocking(False)  # noqa: FBT003 - the library's
                with contextlib.suppress(BlockingIOError):
                    refused += each.recv(1) == b""
        assert refused == ASKING * 2
    finally:
        for each in silent:
            each.close()
