"""A receiver of OTLP on loopback, gRPC and HTTP/protobuf: the traces that exporters really send, decoded."""

import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status

Value = str | bool | int | float | list[Any] | None


@dataclass(frozen=True)
class Link:
    """A link to another span."""

    trace_id: str
    span_id: str
    kind: Value


@dataclass(frozen=True)
class Span:
    """A span as it came."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Value]
    links: tuple[Link, ...]
    start_ns: int
    end_ns: int
    failed: bool

    def linked(self, kind: str) -> list[Link]:
        """Its links of a kind."""
        return [link for link in self.links if link.kind == kind]


class Received:
    """What came, from all processes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[Span] = []
        self._bodies: dict[str, list[bytes]] = {}

    def take(self, request: trace_service_pb2.ExportTraceServiceRequest) -> None:
        """Keep the spans of a request."""
        with self._lock:
            for group in request.resource_spans:
                service = str(_attributes(group.resource.attributes).get("service.name"))
                for scope in group.scope_spans:
                    self._spans += [_span(service, sent) for sent in scope.spans]

    def keep(self, path: str, body: bytes) -> None:
        """Keep a body as it came by HTTP."""
        with self._lock:
            self._bodies.setdefault(path, []).append(body)

    def bodies(self, path: str) -> bytes:
        """All bodies so far that came by HTTP to a path."""
        with self._lock:
            return b"\n".join(self._bodies.get(path, ()))

    def spans(self, run_id: str | None = None) -> list[Span]:
        """All spans so far; of one run: of all traces in which a span names it."""
        with self._lock:
            found = list(self._spans)
        if run_id is None:
            return found
        traces = {span.trace_id for span in found if span.attributes.get("argosy.run.id") == run_id}
        return [span for span in found if span.trace_id in traces]


@dataclass(frozen=True)
class Receiver:
    """A receiver that listens."""

    received: Received
    grpc_endpoint: str
    http_endpoint: str


class _Service(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, received: Received) -> None:
        self._received = received

    def Export(  # noqa: N802 - the protocol's
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        del context
        self._received.take(request)
        return trace_service_pb2.ExportTraceServiceResponse()


class _Posted(BaseHTTPRequestHandler):
    def __init__(self, received: Received, *args: Any) -> None:  # noqa: ANN401 - the base's
        self._received = received
        super().__init__(*args)

    def do_POST(self) -> None:
        """Take one request; metrics are kept as they are."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._received.keep(self.path, body)
        if self.path == "/v1/traces":
            self._received.take(trace_service_pb2.ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's
        """Say nothing."""


@contextmanager
def receiver() -> Generator[Receiver]:
    """Listen on both protocols until left."""
    received = Received()
    server = grpc.server(ThreadPoolExecutor(4))
    service: Any = trace_service_pb2_grpc  # its functions have no types
    service.add_TraceServiceServicer_to_server(_Service(received), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Posted, received))
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, name="otlp-http", daemon=True)
    thread.start()
    try:
        yield Receiver(received, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{web.server_address[1]}")
    finally:
        web.shutdown()
        web.server_close()
        thread.join()
        server.stop(None).wait()


def _span(service: str, sent: Sent) -> Span:
    return Span(
        service,
        sent.name,
        sent.kind,
        sent.trace_id.hex(),
        sent.span_id.hex(),
        sent.parent_span_id.hex(),
        _attributes(sent.attributes),
        tuple(
            Link(link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes).get("argosy.link"))
            for link in sent.links
        ),
        sent.start_time_unix_nano,
        sent.end_time_unix_nano,
        sent.status.code == Status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return None if kind is None else getattr(value, kind)
