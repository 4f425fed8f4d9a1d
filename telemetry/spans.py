"""A span of argosy, or, when its trace isn't sampled, just the trace context that passes through.

The parent is told explicitly as header values, since what continues a trace is mostly another process. A
trace that isn't sampled costs microseconds: no attribute is built, no span is made. Tracing never raises into
the work.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
)
from opentelemetry.util.types import AnyValue

from argosy.schemas.errors import ArgosyError
from argosy.telemetry import content, names
from argosy.telemetry.forms import Part, Told, attributes_of
from argosy.telemetry.light_spans import Light, Provider
from argosy.telemetry.propagation import (
    NO_TRACE,
    Linked,
    Trace,
    is_sampled,
    links_of,
    links_to,
    parent_context,
    span_context,
    trace_of,
)
from argosy.telemetry.redact import redact_text

if TYPE_CHECKING:
    from contextvars import Token

Value = str | bool | int | float | Sequence[str]
Attributes = Mapping[str, Value]

ERROR_CHARACTERS = 500


class Traced:
    """One step of a run's trace. Use it as a context manager, or call `end` yourself.

    `trace` is what goes into the headers of messages that this step sends; it is valid from the start. As a
    context manager it is the current span inside, so that spans made there are its children; an exception
    marks it.
    """

    __slots__ = ("_context", "_here", "_span", "_token", "trace")

    def __init__(self, span: Span | None, passed: Trace, *, here: bool = False) -> None:
        """`span` is None if the trace isn't sampled: `passed` is then handed on as it came.

        `here`: it is the current one already.
        """
        self._here = here and span is None
        self._span = span if span is not None and span.is_recording() else None
        self._context = span
        self._token: Token[context_api.Context] | None = None
        if span is None:
            self.trace = passed
        else:
            self.trace = span.trace if isinstance(span, Light) else trace_of(span.get_span_context())

    @property
    def recording(self) -> bool:
        """Whether attributes are kept: ask before building expensive ones."""
        return self._span is not None

    def set(self, attributes: Attributes) -> None:
        """Add attributes, if anything is recorded."""
        if self._span is not None:
            self._span.set_attributes(attributes)

    def tell(self, part: Part) -> None:
        """Add the attributes of a form, if anything is recorded."""
        if isinstance(span := self._span, Light):
            span.tell(part)
        elif span is not None:
            span.set_attributes(attributes_of((part,)))

    def set_content(self, name: str, value: content.Content) -> None:
        """Add content under `name`, as the process's content setting allows; none if it can't be encoded."""
        if self._span is None:
            return
        try:
            told = content.told(name, value)
        except (ValueError, TypeError):
            return
        if told is not None:
            self.tell(told)

    def fail(self, error_type: str, message: str = "") -> None:
        """Mark the step as failed; `error_type` is one of few words, `message` is masked and cut."""
        if self._span is not None:
            self._span.set_attribute(names.ERROR_TYPE, error_type)
            self._span.set_status(Status(StatusCode.ERROR, redact_text(message)[:ERROR_CHARACTERS]))

    def begin(self, step: "Step", told: Callable[[], Sequence[Told]]) -> "Traced":
        """Begin a step under this one: the same as `begin` under its trace, which is known to be right."""
        if isinstance(self._span, Light) and isinstance(provider := trace.get_tracer_provider(), Provider):
            light = provider.begin(step.name, self.trace, step.kind, told, ())
            if light is not None:
                return Traced(light, self.trace)
        return begin(step, self.trace, told)

    def end(self, at_ms: int | None = None) -> None:
        """End the step now, or as of a time (epoch); more ends change nothing."""
        if self._span is not None:
            self._span.end(None if at_ms is None else at_ms * 1_000_000)
            self._span = None

    @contextmanager
    def current(self) -> Generator[None]:
        """Make this the current span for a while and don't end it: for steps that give values in between."""
        self._attach()
        try:
            yield
        finally:
            self._detach()

    def adopt(self) -> None:
        """Make this the current span of the running task until that ends: for a task that is all one step's."""
        span = self._context
        if span is None and self.trace.traceparent is not None:
            span = _Passing(self.trace)
        if span is not None:
            context_api.attach(trace.set_span_in_context(span))

    def __enter__(self) -> Self:
        """Make this the current span of the running task."""
        self._attach()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """End the step; an exception is told by its class (ours: by its code), its text masked."""
        self._detach()
        if error is not None:
            self.fail(error_type_of(error), str(error))
        self.end()

    def _attach(self) -> None:
        if self._here:
            return
        span = self._context
        if (
            span is None
            and (found := span_context(self.trace.traceparent, self.trace.tracestate)) is not None
        ):
            # A handler's own spans then see that the trace isn't sampled, and begin no traces of their own.
            span = NonRecordingSpan(found)
        if span is not None:
            self._token = context_api.attach(trace.set_span_in_context(span))

    def _detach(self) -> None:
        if self._token is not None:
            context_api.detach(self._token)
            self._token = None


class _Passing(NonRecordingSpan):
    """The current span of a trace that isn't sampled; most tasks never ask for it: then nothing is decoded."""

    def __init__(self, passed: Trace) -> None:
        self._passed = passed

    def get_span_context(self) -> SpanContext:
        found = span_context(self._passed.traceparent, self._passed.tracestate)
        return INVALID_SPAN_CONTEXT if found is None else found

    def __repr__(self) -> str:
        return f"<passing {self._passed.traceparent}>"


def error_type_of(error: BaseException) -> str:
    """Name an error for `error.type`: the code of one of ours, else its class."""
    return error.code if isinstance(error, ArgosyError) else type(error).__qualname__


class Step(NamedTuple):
    """The name of a span, and its kind in OpenTelemetry's sense."""

    name: str
    kind: SpanKind


def begin(  # noqa: PLR0913 - what a span is
    step: Step,
    parent: Trace,
    told: Callable[[], Sequence[Told]],
    *,
    links: Sequence[Linked] = (),
    start_ms: int | None = None,
    span_id: int | None = None,
    trace_id: int | None = None,
) -> Traced:
    """Begin a step under an explicit parent; without a valid one as root of a new trace, sampled by setting.

    `told` is called only if the span may be recorded. `start_ms` (epoch) dates the beginning back. `span_id`: the
    one that others will know it by; `trace_id`: of a new trace.
    """
    if not is_sampled(parent.traceparent):
        if parent.trace_id is not None:
            return Traced(None, parent)
        parent = NO_TRACE  # absent, or malformed: who takes headers apart has counted it
    elif start_ms is None and isinstance(provider := trace.get_tracer_provider(), Provider):
        light = provider.begin(step.name, parent, step.kind, told, links, span_id)
        if light is not None:
            return Traced(light, parent)
    context = parent_context(parent.traceparent, parent.tracestate)
    start_ns = None if start_ms is None else start_ms * 1_000_000

    def make() -> Span:
        return _tracer().start_span(
            step.name, context, step.kind, attributes_of(told()), links_of(links), start_ns
        )

    span = make() if span_id is None else _under(make, trace_id=trace_id, span_id=span_id)
    # A process that exports nothing must not break the trace between two that do.
    return Traced(span if span.is_recording() or parent.traceparent is None else None, parent)


def begin_apart(
    step: Step,
    run: Trace,
    trace_id: int,
    told: Callable[[], Sequence[Told]],
    *,
    links: Sequence[Linked] = (),
) -> Traced:
    """Begin a step as the root of a trace of its own, of this id: sampled as `run` is, and linked to that."""
    if not is_sampled(run.traceparent):
        return begin(step, run, told)
    linked = (*links_to([run.traceparent], "run"), *links)  # our sampler knows it by this link

    def make() -> Span:
        return _tracer().start_span(
            step.name, context_api.Context(), step.kind, attributes_of(told()), links_of(linked)
        )

    span = _under(make, trace_id=trace_id)
    return Traced(span if span.is_recording() else None, run)


def _under(make: Callable[[], Span], *, trace_id: int | None = None, span_id: int | None = None) -> Span:
    """Make a span with known ids, where the provider is ours: another's makes its own."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, Provider):
        return provider.ids.under(make, trace_id=trace_id, span_id=span_id)
    return make()


def begin_here(step: Step, attributes: Callable[[], Mapping[str, AnyValue]]) -> Traced:
    """Begin a step under the span that is current in this task."""
    current = trace.get_current_span().get_span_context()
    if current.is_valid and not current.trace_flags.sampled:
        return Traced(None, trace_of(current), here=True)
    span = _tracer().start_span(step.name, kind=step.kind, attributes=attributes())
    return Traced(span if span.is_recording() or not current.is_valid else None, trace_of(current))


@cache
def _tracer() -> trace.Tracer:
    # Before a provider is set up this is a proxy that becomes the real one: caching it is safe.
    return trace.get_tracer(names.SCOPE)


def annotate(attributes: Attributes) -> None:
    """Add attributes to the span that is current in this task, if it records."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes(attributes)
