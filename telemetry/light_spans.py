"""Spans of our own steps without what the SDK does for anybody's: a lock, copies and checks for each, a sampler's word.

A light span goes to the exporters as the very same span, for a tenth of the time. Whoever wants more of it than ours do
(an event, an exception, a status, its attributes) turns it into the SDK's, with the same ids, and meets no difference.
https://opentelemetry.io/docs/specs/otel/trace/api/#span
"""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.util.types import AnyValue, Attributes

from argosy.telemetry import names
from argosy.telemetry.ended_spans import Ended, Facts
from argosy.telemetry.forms import Part, Told, attributes_of
from argosy.telemetry.propagation import Linked, Trace, links_of, parent_context

_PLAIN: Final = frozenset((str, int, float, bool))
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_ASKING: Final = frozenset(("OTEL_SDK_DISABLED", "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"))
_FULL: Final = threading.RLock()


class Provider(TracerProvider):
    """The SDK's provider, exporting by `processors`; it gives light spans while nobody asks for anything else."""

    def __init__(self, sampler: Sampler, resource: Resource, processors: Sequence[SpanProcessor]) -> None:
        """`sampler` samples each child of a sampled remote parent, if there are processors."""
        self.ids: Final = _Ids()
        super().__init__(sampler, resource, shutdown_on_exit=False, id_generator=self.ids)
        for processor in processors:
            super().add_span_processor(processor)
        self._ours: Final = tuple(processors)
        self._light = bool(self._ours) and not any(map(_asks_for_more, os.environ))

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add another's processor: it may want to see each span begin, and to change it."""
        self._light = False
        super().add_span_processor(span_processor)

    def begin(  # noqa: PLR0913, PLR0917 - what a span is
        self,
        name: str,
        parent: Trace,
        kind: SpanKind,
        told: Callable[[], Sequence[Told]],
        links: Sequence[Linked],
        span_id: int | None = None,
    ) -> "Light | None":
        """Begin a child of a valid, sampled parent, with a span id that is given, or a random one.

        None if the SDK has to.
        """
        if not self._light or parent.traceparent is None or parent.tracestate is not None:
            return None
        chosen = self.ids.generate_span_id() if span_id is None else span_id
        return Light(self, name, parent.traceparent, kind, [*told()], links, chosen)

    def take(self, span: ReadableSpan) -> None:
        """Hand an ended light span to the exporters."""
        for processor in self._ours:
            processor.on_end(span)


class Light(Span):
    """A span that records."""

    _context: SpanContext | None = None
    _full: Span | None = None
    _turning = False
    _ended: Ended | None = None

    def __init__(  # noqa: PLR0913, PLR0917 - what a span is
        self,
        provider: Provider,
        name: str,
        parent: str,
        kind: SpanKind,
        told: list[Told],
        links: Sequence[Linked],
        span_id: int,
    ) -> None:
        """Begin it; `parent` is a valid traceparent, `told` is its own from now on."""
        self._provider, self._name, self._parent, self._kind = provider, name, parent, kind
        self._told, self._links = told, links
        self._id = span_id
        self.trace = Trace(f"00-{parent[3:35]}-{self._id:016x}-01")
        self._start_ns = time.time_ns()

    def get_span_context(self) -> SpanContext:
        """Return its ids."""
        if self._context is None:
            self._context = SpanContext(
                int(self._parent[3:35], 16), self._id, is_remote=False, trace_flags=_SAMPLED
            )
        return self._context

    def is_recording(self) -> bool:
        """Whether it has not ended."""
        return self._ended is None if self._full is None else self._full.is_recording()

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        """Add attributes; the SDK looks at those that aren't plain."""
        if self._full is None and self._ended is None and _PLAIN.issuperset(map(type, attributes.values())):
            self._told.append({**attributes})
        else:
            self._fully().set_attributes(attributes)

    def tell(self, part: Part) -> None:
        """Add the attributes of a form."""
        if self._full is None and self._ended is None:
            self._told.append(part)
        else:
            self._fully().set_attributes(attributes_of((part,)))

    def end(self, end_time: int | None = None) -> None:
        """End it; more ends change nothing."""
        if self._full is not None:
            self._full.end(end_time)
        elif self._ended is None:
            self._ended = self._readable(time.time_ns() if end_time is None else end_time)
            self._provider.take(self._ended)

    def _readable(self, end_ns: int | None) -> Ended:
        return Ended(
            Facts(
                self._provider.resource,
                self._name,
                self._kind,
                self._parent,
                self._id,
                self._start_ns,
                end_ns,
                self._told,
                self._links,
            )
        )

    # -- what others may want of a span, and ours seldom do

    def set_attribute(self, key: str, value: AnyValue) -> None:
        """Set one attribute."""
        self.set_attributes({key: value})

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Add an event."""
        self._fully().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Add a link."""
        self._fully().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """Change its name."""
        self._fully().update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Say how it went."""
        self._fully().set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - the interface's
    ) -> None:
        """Add an exception as an event."""
        self._fully().record_exception(exception, attributes, timestamp, escaped)

    def __getattr__(self, name: str) -> object:
        """Give what the SDK's spans have beside the interface: many programs look at `name`, or `attributes`."""
        if name.startswith("_"):
            raise AttributeError(name)
        if self._turning and self._full is None:  # another's processor looks at it while it begins
            return getattr(self._readable(None), name)
        return getattr(self._ended or self._fully(), name)

    def _fully(self) -> Span:
        """Become the SDK's; once it has ended, what takes no changes any more."""
        with _FULL:
            if self._full is None:
                if self._ended is not None or self._turning:
                    return NonRecordingSpan(self.get_span_context())
                self._turning = True
                self._full = self._provider.ids.under(self._begin_full, span_id=self._id)
            return self._full

    def _begin_full(self) -> Span:
        return self._provider.get_tracer(names.SCOPE).start_span(
            self._name,
            parent_context(self._parent),
            self._kind,
            attributes_of(self._told),
            links_of(self._links),
            self._start_ns,
        )


class _Ids(RandomIdGenerator):
    """Random ids, but for a span whose ids are known: one that was light keeps its own, an attempt's trace has one."""

    def __init__(self) -> None:
        self._given = threading.local()

    def under(
        self, begin: Callable[[], Span], *, trace_id: int | None = None, span_id: int | None = None
    ) -> Span:
        """Begin a span under these ids."""
        self._given.trace_id, self._given.span_id = trace_id, span_id
        try:
            return begin()
        finally:
            self._given.trace_id = self._given.span_id = None

    def generate_span_id(self) -> int:
        given: int | None = getattr(self._given, "span_id", None)
        return super().generate_span_id() if given is None else given

    def generate_trace_id(self) -> int:
        given: int | None = getattr(self._given, "trace_id", None)
        return super().generate_trace_id() if given is None else given


def _asks_for_more(variable: str) -> bool:
    """Say whether a variable of the environment asks of spans what light ones don't do."""
    return variable in _ASKING or (variable.startswith("OTEL_") and variable.endswith("_LIMIT"))
