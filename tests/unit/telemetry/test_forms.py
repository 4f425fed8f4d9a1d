import json
from collections.abc import Sequence

import pytest
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped] # ships no types
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind

from argosy.telemetry import forms, names, otlp_proto, propagation
from argosy.telemetry.ended_spans import Ended
from argosy.telemetry.forms import Form, Part, Told
from argosy.telemetry.light_spans import Light, Provider
from argosy.telemetry.otlp_json import written
from argosy.telemetry.propagation import Trace

PARENT = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
ONE = Form("text", "number", always={"100 %": "% %s", "yes": True})
TWO = Form("half", "%d", "big")
FIRST: Part = (ONE, ('ü "quoted" %b', 7))
SECOND: Part = (TWO, (0.5, "", 2**62))

TOLD: dict[str, Sequence[Told]] = {
    "nothing": (),
    "a form": (FIRST,),
    "two forms": (FIRST, SECOND),
    "a form twice": (FIRST, (ONE, ("other", -1))),
    "forms that share a name": (FIRST, (Form("number", "more"), (8, "m"))),
    "a form and attributes": (FIRST, {"number": 9, "last": "l"}),
    "attributes and a form": ({"number": 9, "last": "l"}, FIRST),
    "numbers that OTLP has no place for": ((TWO, (float("nan"), "x", 2**70)),),
    "text that is no unicode": ((ONE, ("\ud800", 0)),),
}


def ended(told: Sequence[Told]) -> Ended:
    exporter = InMemorySpanExporter()
    provider = Provider(ALWAYS_ON, Resource({"service.name": "s"}), [SimpleSpanProcessor(exporter)])
    links = propagation.links_to([PARENT.traceparent, "nonsense"], "message")
    span = provider.begin("a step", PARENT, SpanKind.CONSUMER, lambda: told[:1], links, 0xABC)
    assert isinstance(span, Light)
    for one in told[1:]:
        if isinstance(one, tuple):
            span.tell(one)
        else:
            span.set_attributes(one)
    span.end()
    (found,) = exporter.get_finished_spans()
    assert isinstance(found, Ended)
    return found


def as_the_sdk_has_it(span: Ended) -> ReadableSpan:
    return ReadableSpan(
        span.name, span.context, span.parent, span.resource, span.attributes, span.events, span.links, span.kind,
        status=span.status, start_time=span.start_time, end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )  # fmt: skip


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_what_is_written_of_facts_is_what_is_written_of_the_span(told: Sequence[Told]) -> None:
    span = ended(told)
    assert json.loads(written([span])) == json.loads(written([as_the_sdk_has_it(span)]))


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_of_one_name_the_last_value_counts_and_no_name_is_told_twice(told: Sequence[Told]) -> None:
    document = json.loads(written([ended(told)]))
    (span,) = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    keys = [each["key"] for each in span.get("attributes", [])]
    assert sorted(keys) == sorted(forms.attributes_of(told))


LARGE: Told = (ONE, ("x" * 70_000, -(2**63)))
AS_PROTOBUF = {
    name: told
    for name, told in {**TOLD, "large": (LARGE, SECOND)}.items()
    if name not in {"numbers that OTLP has no place for", "text that is no unicode"}
}


@pytest.mark.parametrize("told", AS_PROTOBUF.values(), ids=AS_PROTOBUF)
def test_protobuf_written_of_facts_is_what_the_official_encoder_makes_of_the_span(
    told: Sequence[Told],
) -> None:
    span = ended(told)
    read = ExportTraceServiceRequest.FromString(otlp_proto.written([span]))
    assert read == encode_spans([as_the_sdk_has_it(span)])


@pytest.mark.parametrize("name", ["numbers that OTLP has no place for", "text that is no unicode"])
def test_what_protobuf_refuses_costs_no_other_span(name: str) -> None:
    read = ExportTraceServiceRequest.FromString(otlp_proto.written([ended(TOLD[name]), ended((FIRST,))]))
    assert sum(len(scope.spans) for each in read.resource_spans for scope in each.scope_spans) == 2


def test_spans_of_others_are_written_beside_ours() -> None:
    exporter = InMemorySpanExporter()
    resource = Resource({"service.name": "s"}, "https://schema")
    provider = Provider(ALWAYS_ON, resource, [SimpleSpanProcessor(exporter)])
    for number in range(3):
        light = provider.begin(f"ours {number}", PARENT, SpanKind.PRODUCER, lambda: (FIRST,), ())
        assert light is not None
        light.end()
        provider.get_tracer("theirs").start_span(f"theirs {number}").end()
    read = ExportTraceServiceRequest.FromString(otlp_proto.written(exporter.get_finished_spans()))
    assert {(each.schema_url, str(each.resource)) for each in read.resource_spans} == {
        (resource.schema_url, str(read.resource_spans[0].resource))
    }
    found = {
        scope.scope.name: [span.name for span in scope.spans]
        for each in read.resource_spans
        for scope in each.scope_spans
    }
    assert found == {
        names.SCOPE: [f"ours {number}" for number in range(3)],
        "theirs": [f"theirs {number}" for number in range(3)],
    }


def test_the_official_encoder_finds_a_span_like_any_other() -> None:
    span = ended((FIRST, SECOND))
    message = encode_spans([span])
    assert MessageToDict(message) == MessageToDict(encode_spans([as_the_sdk_has_it(span)]))
    (found,) = message.resource_spans[0].scope_spans[0].spans
    assert (found.span_id, found.name) == ((0xABC).to_bytes(8), "a step")
    assert {each.key for each in found.links[0].attributes} == {names.LINK_KIND}
    assert len(found.attributes) == len(ONE.names) + len(ONE.always) + len(TWO.names)


def test_a_form_needs_a_value_for_each_name() -> None:
    with pytest.raises(ValueError, match="zip"):
        forms.attributes_of([(ONE, ("x",))])


def test_an_ended_span_has_nothing_that_spans_have_not() -> None:
    span = ended((FIRST,))
    assert not hasattr(span, "nonsense")
    assert not hasattr(span, "__nonsense__")
    assert span.to_json()


def test_a_form_told_after_the_end_changes_nothing() -> None:
    exporter = InMemorySpanExporter()
    provider = Provider(ALWAYS_ON, Resource({}), [SimpleSpanProcessor(exporter)])
    light = provider.begin("a step", PARENT, SpanKind.CLIENT, lambda: (FIRST,), ())
    assert light is not None
    light.end()
    light.tell(SECOND)
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == forms.attributes_of((FIRST,))


def test_a_form_told_to_a_span_that_became_the_sdks_is_among_its_attributes() -> None:
    exporter = InMemorySpanExporter()
    provider = Provider(ALWAYS_ON, Resource({}), [SimpleSpanProcessor(exporter)])
    light = provider.begin("a step", PARENT, SpanKind.CLIENT, lambda: (FIRST,), ())
    assert light is not None
    light.add_event("makes it the SDK's")
    light.tell(SECOND)
    light.end()
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == forms.attributes_of((FIRST, SECOND))
