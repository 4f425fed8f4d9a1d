"""A light span that has ended: a few facts, and all that the SDK keeps of a span once somebody reads it.

Our own exporters write the facts. Others find a span like any other.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from argosy.telemetry import names
from argosy.telemetry.forms import Told, attributes_of
from argosy.telemetry.propagation import Linked, links_of, span_context

SCOPE: Final = InstrumentationScope(names.SCOPE, "")
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class Facts(NamedTuple):
    """What there is to tell of a span."""

    resource: Resource
    name: str
    kind: SpanKind
    parent: str
    """A valid traceparent: the trace is its."""
    span_id: int
    start_ns: int
    end_ns: int | None
    told: Sequence[Told]
    links: Sequence[Linked]


class Ended(ReadableSpan):
    """One of them; sampled, without events, its status unset."""

    def __init__(self, facts: Facts) -> None:
        """Keep the facts; what the SDK's constructor does is left to whoever reads more than them."""
        self.facts: Final = facts

    @property
    def resource(self) -> Resource:
        """Of whom it tells."""
        return self.facts.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """Who tells of it."""
        return SCOPE

    def __getattr__(self, name: str) -> object:
        """Find what isn't there yet. Two threads may do so at once: they make the same."""
        if name.startswith("__"):
            raise AttributeError(name)
        facts = self.facts
        super().__init__(
            facts.name,
            SpanContext(int(facts.parent[3:35], 16), facts.span_id, is_remote=False, trace_flags=_SAMPLED),
            span_context(facts.parent),
            facts.resource,
            attributes_of(facts.told),
            (),
            links_of(facts.links),
            facts.kind,
            start_time=facts.start_ns,
            end_time=facts.end_ns,
            instrumentation_scope=SCOPE,
        )
        return object.__getattribute__(self, name)
