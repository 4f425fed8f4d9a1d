import base64
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict, Parse  # type: ignore[import-untyped] # ships no types
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from argosy.telemetry.otlp_files import SpanFile
from argosy.telemetry.otlp_json import written

REMOTE = SpanContext(
    0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("a", "b")])
)


def spans(limits: SpanLimits | None = None) -> tuple[TracerProvider, InMemorySpanExporter]:
    found = InMemorySpanExporter()
    resource = Resource({"service.name": "s", "n": 1}, "https://schema")
    provider = TracerProvider(resource=resource, span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(found))
    return provider, found


def same(made: tuple[ReadableSpan, ...]) -> None:
    """Our document, read by protobuf's own parser, is the official encoder's message."""
    ours = json.dumps(json.loads(written(made)))
    read = Parse(_base64_ids(ours), ExportTraceServiceRequest())
    assert MessageToDict(read) == MessageToDict(encode_spans(made))


def _base64_ids(text: str) -> str:
    """protobuf's JSON has ids in base 64 where OTLP's has hexadecimal."""

    def changed(found: re.Match[str]) -> str:
        return f'"{found[1]}": "{base64.b64encode(bytes.fromhex(found[2])).decode()}"'

    return re.sub(r'"(traceId|spanId|parentSpanId)": "([0-9a-f]+)"', changed, text)


def with_values(span: Span) -> None:
    span.set_attributes({
        "text": "ü", "empty": "", "yes": True, "no": False, "one": 1, "zero": 0, "big": 2**62, "less": -5,
        "half": 0.5, "nothing": 0.0, "nan": float("nan"), "endless": float("-inf"),
        "texts": ["a", "b"], "none": [], "numbers": (1, 2),
    })  # fmt: skip


class Degrees(float):
    """As numbers of other libraries are."""


def with_numbers_of_others(span: Span) -> None:
    span.set_attributes({"status": HTTPStatus.OK, "degrees": Degrees(0.5)})


def with_events(span: Span) -> None:
    span.add_event("first", {"a": 1})
    span.add_event("second", timestamp=5)
    span.record_exception(ValueError("odd"))


def with_error(span: Span) -> None:
    span.set_status(Status(StatusCode.ERROR, "it broke"))


def fine(span: Span) -> None:
    span.set_status(Status(StatusCode.OK))


@pytest.mark.parametrize("change", [with_values, with_numbers_of_others, with_events, with_error, fine])
def test_a_span_is_what_the_official_encoder_makes_of_it(change: Callable[[Span], None]) -> None:
    provider, found = spans()
    tracer = provider.get_tracer("argosy", "1", "https://other", {"x": 1})
    context = set_span_in_context(NonRecordingSpan(REMOTE))
    span = tracer.start_span(
        "s", context, SpanKind.CONSUMER, links=[Link(REMOTE, {"kind": "k"}), Link(REMOTE)]
    )
    assert isinstance(span, Span)
    change(span)
    span.end()
    same(found.get_finished_spans())


def test_spans_are_grouped_by_their_scopes() -> None:
    provider, found = spans()
    for name in ("one", "two", "one"):
        with provider.get_tracer(name).start_as_current_span("outer"):
            provider.get_tracer("inner").start_span("inner", kind=SpanKind.CLIENT).end()
    same(found.get_finished_spans())


def test_what_was_over_a_limit_is_counted() -> None:
    provider, found = spans(SpanLimits(max_attributes=1, max_events=1, max_links=1, max_link_attributes=1))
    links = [Link(REMOTE, {"a": 1, "b": 2})] * 2
    span = provider.get_tracer("t").start_span("s", attributes={"a": 1, "b": 2}, links=links)
    span.add_event("e", {})
    span.add_event("f", {})
    span.end()
    same(found.get_finished_spans())


def test_a_text_that_is_no_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    provider, found = spans()
    provider.get_tracer("t").start_span("s", attributes={"a": "\ud800", "b": 2**70}).end()
    SpanFile(tmp_path / "f").export(found.get_finished_spans())
    assert "\\ud800" in (tmp_path / "f").read_text()
