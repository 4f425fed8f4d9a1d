"""W3C trace context in message headers, and links to other messages' spans.

Headers are hostile input: parsing is total, and what is malformed counts as absent (a new trace is started)
and is counted. https://www.w3.org/TR/trace-context/
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags, TraceState

from argosy.telemetry import metrics, names

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
TRACESTATE_CHARACTERS: Final = 512
TRACESTATE_MEMBERS: Final = 32

_TRACEPARENT: Final = re.compile(
    r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII
)
"""All zeros is invalid for both ids."""
_TRACEPARENT_CHARACTERS: Final = 55


class Trace(NamedTuple):
    """The trace context of a message, as its two header values; both None: no trace yet."""

    traceparent: str | None = None
    tracestate: str | None = None

    @property
    def trace_id(self) -> str | None:
        """The trace id in 32 hexadecimal digits, or None without a valid traceparent."""
        return trace_id_of(self.traceparent)

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the header pairs to send along; none where there is no trace."""
        if self.traceparent is None:
            return []
        pairs = [(TRACEPARENT, self.traceparent.encode())]
        if self.tracestate:
            pairs.append((TRACESTATE, self.tracestate.encode()))
        return pairs


NO_TRACE: Final = Trace()


def read(headers: Iterable[tuple[str, bytes | None]]) -> Trace:
    """Take the trace context out of message headers; never raises."""
    traceparents: list[bytes] = []
    tracestate: str | None = None
    for name, value in headers:
        if name == TRACEPARENT:
            traceparents.append(value or b"")
        elif name == TRACESTATE and value:
            tracestate = value.decode("ascii", "replace")
    # Two of them contradict each other: which one is right can't be told.
    if len(traceparents) != 1:
        if traceparents:
            metrics.malformed_trace()
        return NO_TRACE
    return checked(traceparents[0].decode("ascii", "replace"), tracestate)


def checked(traceparent: str | None, tracestate: str | None = None) -> Trace:
    """Build a Trace of header values as they came; what is malformed counts as absent, and is counted."""
    if traceparent is None:
        return NO_TRACE
    # Seen for the first time, and mostly not again: it is not to be kept, as those are that spans are made of.
    if len(traceparent) != _TRACEPARENT_CHARACTERS or _TRACEPARENT.fullmatch(traceparent) is None:
        metrics.malformed_trace()
        return NO_TRACE
    return Trace(traceparent, _shortened(tracestate) if tracestate else None)


def trace_id_of(traceparent: str | None) -> str | None:
    """Return the trace id of a valid traceparent."""
    return traceparent[3:35] if traceparent is not None and _match(traceparent) else None


def is_sampled(traceparent: str | None) -> bool:
    """Say whether a traceparent is valid and asks for spans."""
    if traceparent is None or _match(traceparent) is None:
        return False
    return bool(int(traceparent[-1], 16) & TraceFlags.SAMPLED)


def passes(trace: Trace) -> bool:
    """Say whether a trace, as `checked` gives it, is there and asks for no spans: it is handed on as it came."""
    return trace.traceparent is not None and not int(trace.traceparent[-1], 16) & TraceFlags.SAMPLED


def span_context(traceparent: str | None, tracestate: str | None = None) -> SpanContext | None:
    """Decode into OpenTelemetry's form; None if absent or malformed."""
    match = _match(traceparent) if traceparent is not None else None
    if match is None:
        return None
    state = TraceState.from_header([_shortened(tracestate)]) if tracestate else None
    flags = TraceFlags(int(match[3], 16) & TraceFlags.SAMPLED)
    return SpanContext(
        int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=flags, trace_state=state
    )


def parent_context(traceparent: str | None, tracestate: str | None = None) -> Context:
    """Return a context whose current span is the remote parent; an empty one without a valid parent."""
    found = span_context(traceparent, tracestate)
    return Context() if found is None else trace.set_span_in_context(NonRecordingSpan(found), Context())


def trace_of(context: SpanContext) -> Trace:
    """Encode a span's context for a message; NO_TRACE for an invalid one (no tracing is set up)."""
    if not context.is_valid:
        return NO_TRACE
    traceparent = (
        f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & TraceFlags.SAMPLED:02x}"
    )
    state = context.trace_state
    return Trace(traceparent, _shortened(state.to_header()) or None if state else None)


def current() -> Trace:
    """Return the trace context of the span that is current in this task."""
    return trace_of(trace.get_current_span().get_span_context())


Linked = tuple[str, str]
"""A link: to the span of a valid traceparent, and what it means (`names.LINK_KIND`)."""


def links_to(traceparents: Iterable[str | None], kind: str) -> list[Linked]:
    """Link to other messages' spans; missing and malformed ones are left out. `kind` says what it means."""
    return [(each, kind) for each in traceparents if each is not None and _match(each) is not None]


def links_of(links: Iterable[Linked]) -> list[Link]:
    """Give links in OpenTelemetry's form."""
    found = [(span_context(traceparent), kind) for traceparent, kind in links]
    return [Link(context, {names.LINK_KIND: kind}) for context, kind in found if context is not None]


def _match(traceparent: str) -> re.Match[str] | None:
    return _matched(traceparent) if len(traceparent) == _TRACEPARENT_CHARACTERS else None


@lru_cache(maxsize=1_024)  # one message's is looked at from several sides, one right after the other
def _matched(traceparent: str) -> re.Match[str] | None:
    return _TRACEPARENT.fullmatch(traceparent)


def _shortened(tracestate: str) -> str:
    """Cut to what must be propagated at least, by whole entries, the long ones first, as W3C asks."""
    entries = [entry.strip() for entry in tracestate.split(",") if entry.strip()][:TRACESTATE_MEMBERS]
    if len(",".join(entries)) > TRACESTATE_CHARACTERS:
        entries = [entry for entry in entries if len(entry) <= 128]  # noqa: PLR2004 (W3C: they go first)
    while len(",".join(entries)) > TRACESTATE_CHARACTERS:
        entries.pop()
    return ",".join(entries)
