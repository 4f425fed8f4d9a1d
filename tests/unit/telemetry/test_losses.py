import threading
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind

from argosy.telemetry import metrics
from argosy.telemetry.light_spans import Provider
from argosy.telemetry.losses import Batches
from argosy.telemetry.propagation import Trace

PARENT = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
MOST = 600


class Collector(SpanExporter):
    """Takes spans once it is let go."""

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), threading.Event()
        self.says: SpanExportResult | Exception = SpanExportResult.SUCCESS
        self.got: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked.set()
        self.go.wait()
        if isinstance(self.says, Exception):
            raise self.says
        if self.says is SpanExportResult.SUCCESS:
            self.got += [span.name for span in spans]
        return self.says


class World:
    def __init__(self) -> None:
        self.collector = Collector()
        self.batches = Batches(self.collector, MOST, 60_000)
        self.provider = Provider(ALWAYS_ON, Resource({}), [self.batches])

    def light(self, count: int) -> None:
        for _ in range(count):
            span = self.provider.begin("light", PARENT, SpanKind.INTERNAL, lambda: (), ())
            assert span is not None
            span.end()

    def full(self, count: int) -> None:
        for _ in range(count):
            self.provider.get_tracer("t").start_span("full").end()


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    found: dict[str, int] = {}

    def count(why: str, spans: int) -> None:
        found[why] = found.get(why, 0) + spans

    monkeypatch.setattr(metrics, "spans_lost", count)
    return found


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.collector.go.set()
    made.provider.shutdown()


def test_what_is_delivered_is_not_lost(world: World, lost: dict[str, int]) -> None:
    world.collector.go.set()
    world.light(3)
    world.full(2)
    assert world.batches.force_flush()
    assert sorted(world.collector.got) == ["full"] * 2 + ["light"] * 3
    assert lost == {}
    assert world.batches.lost == 0


@pytest.mark.parametrize("kind", ["light", "full"])
def test_what_the_queue_has_no_room_for_is_counted(world: World, lost: dict[str, int], kind: str) -> None:
    make = world.light if kind == "light" else world.full
    make(512)
    assert world.collector.asked.wait(30)
    make(MOST + 7)
    world.collector.go.set()
    assert world.batches.force_flush()
    assert lost == {"queue_full": 7}
    assert world.batches.lost == 7
    make(1)
    assert world.batches.force_flush()
    assert lost == {"queue_full": 7}


@pytest.mark.parametrize("says", [SpanExportResult.FAILURE, ValueError("odd")])
def test_what_the_collector_does_not_take_is_counted(
    world: World, lost: dict[str, int], says: SpanExportResult | Exception
) -> None:
    world.collector.says = says
    world.collector.go.set()
    world.light(3)
    assert world.batches.force_flush()
    assert lost == {"not_taken": 3}
    assert world.batches.lost == 3
