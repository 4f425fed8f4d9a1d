import asyncio
from collections.abc import Callable

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, ParentBasedTraceIdRatio
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from argosy.telemetry import names, propagation
from argosy.telemetry.light_spans import Light, Provider
from argosy.telemetry.otlp_json import written
from argosy.telemetry.propagation import Trace
from argosy.telemetry.sampling import sampler

PARENT = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
RESOURCE = Resource({"service.name": "s"})
VALUES: dict[str, str | int | float | bool] = {"text": "ü", "one": 1, "half": 0.5, "yes": True}


class World:
    """Our provider and the SDK's, each with an exporter that keeps all."""

    def __init__(self) -> None:
        self.ours, self.theirs = InMemorySpanExporter(), InMemorySpanExporter()
        self.provider = Provider(ParentBasedTraceIdRatio(0.1), RESOURCE, [SimpleSpanProcessor(self.ours)])
        self.usual = TracerProvider(ParentBasedTraceIdRatio(0.1), RESOURCE, shutdown_on_exit=False)
        self.usual.add_span_processor(SimpleSpanProcessor(self.theirs))
        self.links = propagation.links_to([PARENT.traceparent], "message")

    def light(self, parent: Trace = PARENT) -> Light | None:
        return self.provider.begin("a step", parent, SpanKind.CONSUMER, lambda: (VALUES,), self.links)

    def heavy(self) -> Span:
        context = propagation.parent_context(PARENT.traceparent)
        return self.usual.get_tracer(names.SCOPE).start_span(
            "a step", context, SpanKind.CONSUMER, VALUES, propagation.links_of(self.links)
        )

    def exported(self) -> tuple[ReadableSpan, ReadableSpan]:
        (ours,), (theirs,) = self.ours.get_finished_spans(), self.theirs.get_finished_spans()
        return ours, theirs


def nothing(span: Span) -> None:
    del span


def attributes(span: Span) -> None:
    span.set_attributes({"yes": False, "more": "m"})
    span.set_attribute("another", 0.25)


def odd_attributes(span: Span) -> None:
    span.set_attributes({"words": ["a", "b"], "yes": 3})
    span.set_attribute("odd", object())  # type: ignore[arg-type]  # what a user may do


def an_event(span: Span) -> None:
    span.add_event("happened", {"a": 1}, 5)
    span.set_attribute("after", 1)


def an_error(span: Span) -> None:
    span.set_status(Status(StatusCode.ERROR, "it broke"))


def a_link(span: Span) -> None:
    context = propagation.span_context(PARENT.traceparent)
    assert context is not None
    span.add_link(context, {"a": 1})


def a_name(span: Span) -> None:
    span.update_name("another")


@pytest.mark.parametrize("change", [nothing, attributes, odd_attributes, an_event, an_error, a_link, a_name])
def test_a_light_span_is_exported_as_the_sdk_exports_its_own(change: Callable[[Span], None]) -> None:
    world = World()
    light = world.light()
    assert light is not None
    for span in (light, world.heavy()):
        change(span)
        span.end()
    ours, theirs = world.exported()
    assert ours.context is not None
    assert ours.context == light.get_span_context()
    assert light.trace.traceparent == propagation.trace_of(ours.context).traceparent
    assert _told(ours) == _told(theirs)


def _told(span: ReadableSpan) -> object:
    assert span.context is not None
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time <= span.end_time
    told = written([span]).decode()
    for own in (f"{span.context.span_id:016x}", str(span.start_time), str(span.end_time)):
        told = told.replace(own, "its own")
    return told


def test_an_exception_is_recorded_with_what_it_says() -> None:
    world = World()
    light = world.light()
    assert light is not None
    light.record_exception(ValueError("odd"))
    light.end()
    (span,) = world.ours.get_finished_spans()
    assert [event.name for event in span.events] == ["exception"]


async def test_a_child_of_a_light_span_that_a_handler_begins_is_its_child() -> None:
    world = World()
    light = world.light()
    assert light is not None
    with trace.use_span(light, end_on_exit=False):
        child = world.provider.get_tracer("handler").start_span("mine")
        await asyncio.to_thread(trace.get_current_span().add_event, "from a thread")
    child.end()
    light.end()
    mine, ours = world.ours.get_finished_spans()
    assert mine.parent == light.get_span_context()
    assert mine.context is not None
    assert mine.context.span_id != light.get_span_context().span_id
    assert [event.name for event in ours.events] == ["from a thread"]


def test_what_the_sdks_spans_have_beside_the_interface_is_there() -> None:
    light = World().light()
    assert light is not None
    span: object = light
    assert getattr(span, "name", None) == "a step"
    assert dict(getattr(span, "attributes", None) or {}) == VALUES
    assert not hasattr(span, "nonsense")


def test_an_ended_span_is_exported_once_and_takes_nothing_more() -> None:
    world = World()
    light = world.light()
    assert light is not None
    light.end()
    light.end()
    light.set_attribute("late", 1)
    light.add_event("late")
    assert not light.is_recording()
    (span,) = world.ours.get_finished_spans()
    assert dict(span.attributes or {}) == VALUES
    assert span.events == ()


def test_the_sdk_begins_the_span_where_somebody_else_looks_on() -> None:
    world = World()
    world.provider.add_span_processor(SpanProcessor())
    assert world.light() is None


@pytest.mark.parametrize(
    "variable", ["OTEL_SDK_DISABLED", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"]
)
def test_the_sdk_begins_the_span_where_a_variable_asks_it_for_more(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "7")
    assert World().light() is None


def test_the_sdk_begins_a_span_that_carries_the_state_of_vendors() -> None:
    assert World().light(Trace(PARENT.traceparent, "vendor=abc")) is None


def test_links_are_told_with_their_kind() -> None:
    world = World()
    light = world.light()
    assert light is not None
    light.end()
    (span,) = world.ours.get_finished_spans()
    assert [type(link) for link in span.links] == [Link]
    assert dict(span.links[0].attributes or {}) == {names.LINK_KIND: "message"}


class Onlooker(SpanProcessor):
    """Looks, as each span begins, at the one under which it begins."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del span, parent_context
        self.seen.append(getattr(trace.get_current_span(), "attributes", None))


def test_a_span_that_is_open_while_another_looks_on_from_now_is_exported() -> None:
    world = World()
    light = world.light()
    assert light is not None
    world.provider.add_span_processor(Onlooker())
    light.end()
    assert [span.name for span in world.ours.get_finished_spans()] == ["a step"]


def test_whoever_looks_at_a_span_while_it_turns_into_the_sdks_sees_it() -> None:
    world, onlooker = World(), Onlooker()
    light = world.light()
    assert light is not None
    world.provider.add_span_processor(onlooker)
    with trace.use_span(light):
        light.add_event("happened")
    assert onlooker.seen == [VALUES]
    light.end()
    (exported,) = world.ours.get_finished_spans()
    assert [event.name for event in exported.events] == ["happened"]


def test_ids_that_others_know_are_kept_by_light_and_by_full_spans() -> None:
    exporter = InMemorySpanExporter()
    provider = Provider(sampler(1000), RESOURCE, [SimpleSpanProcessor(exporter)])
    light = provider.begin("light", PARENT, SpanKind.INTERNAL, lambda: (VALUES,), (), 0xABC)
    assert light is not None
    light.add_event("makes it the SDK's")
    light.end()
    provider.ids.under(
        lambda: provider.get_tracer("t").start_span("full", Context()), trace_id=0x123, span_id=0xDEF
    ).end()
    provider.get_tracer("t").start_span("other", Context()).end()
    first, second, other = [span.get_span_context() for span in exporter.get_finished_spans()]
    assert first is not None
    assert second is not None
    assert other is not None
    assert first.span_id == 0xABC
    assert (second.trace_id, second.span_id) == (0x123, 0xDEF)
    assert other.trace_id != 0x123
    assert other.span_id != 0xDEF


def test_a_task_of_a_sampled_run_is_recorded_whatever_share_of_traces_is() -> None:
    seldom = sampler(0)
    run = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    unsampled = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(0))
    for context, kind, wanted in ((run, "run", True), (run, "replay", False), (unsampled, "run", False)):
        links = [Link(context, {names.LINK_KIND: kind})]
        decided = seldom.should_sample(None, 5, "x", links=links).decision
        assert (decided is Decision.RECORD_AND_SAMPLE) is wanted
