"""A collector that takes a batch, and refuses some of it: it says so, and what it refused is lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,  # pyright: ignore[reportUnknownVariableType]  # of no type
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind
from pytest_httpserver import HTTPServer
from werkzeug import Response

from argosy.telemetry import metrics
from argosy.telemetry.light_spans import Provider
from argosy.telemetry.losses import Batches
from argosy.telemetry.otlp_grpc import GrpcSpans
from argosy.telemetry.otlp_http import HttpSpans
from argosy.telemetry.propagation import Trace

PARENT = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
Collector = Callable[[ExportTraceServiceResponse], SpanExporter]


class Servicer(TraceServiceServicer):
    answer = ExportTraceServiceResponse()

    def Export(  # noqa: N802 - the protocol's
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        del request, context
        return self.answer


@pytest.fixture(params=["http", "grpc"])
def collector(request: pytest.FixtureRequest, httpserver: HTTPServer) -> Iterator[Collector]:
    """Give an exporter to one that answers so."""
    server = grpc.server(ThreadPoolExecutor(1))
    servicer = Servicer()

    def http(answer: ExportTraceServiceResponse) -> SpanExporter:
        said = Response(answer.SerializeToString(), 200, content_type="application/x-protobuf")
        httpserver.expect_request("/v1/traces").respond_with_response(said)
        return HttpSpans(httpserver.url_for("/v1/traces"), headers=None, timeout=30)

    def over_grpc(answer: ExportTraceServiceResponse) -> SpanExporter:
        add_TraceServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
        servicer.answer = answer
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return GrpcSpans(f"http://127.0.0.1:{port}", headers=None, timeout=30)

    yield http if request.param == "http" else over_grpc
    server.stop(None)


@pytest.mark.parametrize("kind", ["light", "full"])
@pytest.mark.parametrize(("refused", "lost"), [(0, 0), (2, 2), (900, 3)])
def test_spans_that_a_collector_refuses_of_a_batch_are_lost(
    collector: Collector, kind: str, refused: int, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[tuple[str, int]] = []

    def count(why: str, spans: int) -> None:
        counted.append((why, spans))

    monkeypatch.setattr(metrics, "spans_lost", count)
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = refused
    batches = Batches(collector(answer), 600, 60_000)
    provider = Provider(ALWAYS_ON, Resource({}), [batches])
    for _ in range(3):
        span = (
            provider.begin("x", PARENT, SpanKind.INTERNAL, lambda: (), ())
            if kind == "light"
            else provider.get_tracer("t").start_span("x")
        )
        assert span is not None
        span.end()
    assert batches.force_flush()
    assert counted == ([("not_taken", lost)] if lost else [])
    assert batches.lost == lost
    provider.shutdown()
