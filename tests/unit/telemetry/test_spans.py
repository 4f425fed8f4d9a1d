import asyncio
from collections.abc import Sequence
from typing import NoReturn

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from pydantic_core import to_json

from argosy.schemas.errors import Reject
from argosy.telemetry import content, names, propagation
from argosy.telemetry.forms import Told
from argosy.telemetry.propagation import NO_TRACE, Trace
from argosy.telemetry.spans import Attributes, Step, begin, begin_here
from support.traces import Spans, attributes

STEP = Step("a step", SpanKind.INTERNAL)
UNSAMPLED = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "vendor=abc")


def nothing() -> Sequence[Told]:
    return ()


def no_attributes() -> Attributes:
    return {}


@pytest.fixture
def spans() -> Spans:
    return Spans()


def test_a_step_without_parent_is_the_root_of_a_new_trace(spans: Spans) -> None:
    with begin(STEP, NO_TRACE, lambda: ({"k": 1},)) as step:
        assert propagation.is_sampled(step.trace.traceparent)
    span = spans.one("a step")
    assert span.parent is None
    assert attributes(span) == {"k": 1}
    assert span.context is not None
    assert propagation.trace_of(span.context).traceparent == step.trace.traceparent


def test_a_step_goes_on_the_trace_that_the_headers_tell(spans: Spans) -> None:
    with begin(STEP, NO_TRACE, nothing) as first:
        pass
    with begin(Step("next", SpanKind.CONSUMER), first.trace, nothing) as second:
        pass
    assert second.trace.trace_id == first.trace.trace_id
    parent = spans.one("next").parent
    assert parent is not None
    assert f"{parent.span_id:016x}" == (first.trace.traceparent or "")[36:52]


def test_a_malformed_parent_gives_a_new_trace(spans: Spans) -> None:
    with begin(STEP, Trace("nonsense"), nothing) as step:
        assert propagation.is_sampled(step.trace.traceparent)
    assert spans.one("a step").parent is None


def test_an_unsampled_trace_passes_through_and_builds_nothing(spans: Spans) -> None:
    def never() -> NoReturn:
        pytest.fail("attributes were built for a span that isn't recorded")

    with begin(STEP, UNSAMPLED, never) as step:
        assert not step.recording
        assert step.trace == UNSAMPLED
        step.set({"k": 1})
        step.set_content("c", lambda: pytest.fail("content was built"))
        with begin_here(STEP, never) as inner:
            assert inner.trace.trace_id == UNSAMPLED.trace_id
        with trace.get_tracer("a user's own").start_as_current_span("inside") as own:
            assert not own.is_recording()
    assert spans.all() == ()
    assert not trace.get_current_span().get_span_context().is_valid


def test_an_error_marks_its_step_and_goes_on(spans: Spans) -> None:
    error = Reject("no: api_key is sk-abcdefghijklmnop1234")
    with pytest.raises(Reject), begin(STEP, NO_TRACE, nothing):
        raise error
    span = spans.one("a step")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "no: api_key is [redacted]"
    assert attributes(span)["error.type"] == "rejected"


def test_a_foreign_error_is_told_by_its_class(spans: Spans) -> None:
    with pytest.raises(ZeroDivisionError), begin(STEP, NO_TRACE, nothing):
        raise ZeroDivisionError
    assert attributes(spans.one("a step"))["error.type"] == "ZeroDivisionError"


def test_ending_twice_ends_once(spans: Spans) -> None:
    step = begin(STEP, NO_TRACE, nothing)
    step.end()
    step.end()
    assert len(spans.all()) == 1
    assert step.trace.traceparent is not None


async def test_steps_in_concurrent_tasks_keep_their_own_parents(spans: Spans) -> None:
    both = asyncio.Barrier(2)

    async def work(name: str) -> None:
        with begin(Step(name, SpanKind.CONSUMER), NO_TRACE, nothing):
            await both.wait()
            with begin_here(Step(f"child of {name}", SpanKind.INTERNAL), no_attributes):
                await both.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(work("a"), name="a")
        group.create_task(work("b"), name="b")
    for name in ("a", "b"):
        parent, child = spans.one(name), spans.one(f"child of {name}")
        assert child.parent is not None
        assert parent.context is not None
        assert child.parent.span_id == parent.context.span_id


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        ("off", set[str]()),
        ("hash", {"argosy.input.sha256"}),
        ("full", {"argosy.input", "argosy.input.sha256"}),
    ],
)
def test_content_is_kept_as_the_setting_says(spans: Spans, mode: content.Mode, kept: set[str]) -> None:
    before = content.mode()
    content.use(mode)
    try:
        with begin(STEP, NO_TRACE, nothing) as step:
            step.set_content(names.INPUT, b'{"text":"hello"}')
    finally:
        content.use(before)
    assert set(attributes(spans.one("a step"))) == kept


def test_content_that_can_not_be_encoded_fails_no_work(spans: Spans) -> None:
    with begin(STEP, NO_TRACE, nothing) as step:
        step.set_content(names.INPUT, lambda: to_json({"text": object()}))
    assert attributes(spans.one("a step")) == {}
