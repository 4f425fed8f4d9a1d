"""Spans as OTLP-JSON, written straight from the SDK's objects.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids in hexadecimal, 64-bit integers as strings, fields
that have their default left out. The way through protobuf's messages gives the same document and takes six times as
long, in the interpreter that runs the agents; a document of dictionaries keeps its garbage collector busy.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

import orjson
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import INVALID_SPAN_CONTEXT, Link, SpanContext, SpanKind, StatusCode

from argosy.telemetry import names
from argosy.telemetry.ended_spans import Ended, Facts
from argosy.telemetry.forms import Form, Part, Told, attributes_of, parts_of
from argosy.telemetry.propagation import Linked

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

_HAS_IS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200
_BIGGEST: Final = 1 << 63
_KINDS: Final = {kind: kind.value + 1 for kind in SpanKind}
_CODES: Final = {code: code.value for code in StatusCode}


def written(spans: Sequence[ReadableSpan]) -> bytes:
    """Write one `ExportTraceServiceRequest`."""
    grouped: dict[int, tuple[Resource, dict[InstrumentationScope | None, list[bytes]]]] = {}
    for span in spans:
        # By identity: a process has one resource, and its hash is made of its JSON.
        found = grouped.get(id(span.resource))
        if found is None:
            found = grouped[id(span.resource)] = (span.resource, {})
        found[1].setdefault(span.instrumentation_scope, []).append(
            _facts(span.facts) if isinstance(span, Ended) else _span(span)
        )
    resources = [
        b'{"resource":{%b},"scopeSpans":[%b]%b}'
        % (
            _attributes(resource.attributes).removeprefix(b","),
            b",".join([_scope_spans(scope, made) for scope, made in scopes.items()]),
            _schema(resource.schema_url),
        )
        for resource, scopes in grouped.values()
    ]
    return b'{"resourceSpans":[%b]}' % b",".join(resources)


def _scope_spans(scope: InstrumentationScope | None, spans: list[bytes]) -> bytes:
    described = b""
    if scope is not None:
        version = b',"version":%b' % _text(scope.version) if scope.version else b""
        described = b'"name":%b%b%b' % (_text(scope.name), version, _attributes(scope.attributes))
    url = None if scope is None else scope.schema_url
    return b'{"scope":{%b},"spans":[%b]%b}' % (described, b",".join(spans), _schema(url))


def _schema(url: str | None) -> bytes:
    return b',"schemaUrl":%b' % _text(url) if url else b""


def _span(span: ReadableSpan) -> bytes:
    context, parent = span.get_span_context() or INVALID_SPAN_CONTEXT, span.parent
    found = [_ids(context)]
    if context.trace_state and (state := context.trace_state.to_header()):
        found.append(b',"traceState":%b' % _text(state))
    if parent:
        found.append(b',"parentSpanId":"%016x"' % parent.span_id)
    found.append(
        b',"flags":%d,"name":%b,"kind":%d,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"'
        % (_flags(parent), _text(span.name), _KINDS[span.kind], span.start_time or 0, span.end_time or 0)
    )
    found.append(_attributes(span.attributes, span.dropped_attributes))
    if events := span.events:
        told = [
            b'{"timeUnixNano":"%d","name":%b%b}'
            % (event.timestamp, _text(event.name), _attributes(event.attributes, event.dropped_attributes))
            for event in events
        ]
        found.append(b',"events":[%b]' % b",".join(told))
    if span.dropped_events:
        found.append(b',"droppedEventsCount":%d' % span.dropped_events)
    if links := span.links:
        found.append(b',"links":[%b]' % b",".join(map(_link, links)))
    if span.dropped_links:
        found.append(b',"droppedLinksCount":%d' % span.dropped_links)
    status = span.status
    message = b'"message":%b' % _text(status.description) if status.description else b""
    code = b'"code":%d' % number if (number := _CODES[status.status_code]) else b""
    found.append(b',"status":{%b}}' % b",".join(filter(None, (message, code))))
    return b"".join(found)


def _facts(facts: Facts) -> bytes:
    """Write a light span: the same as `_span` makes of it."""
    _, name, kind, parent, span_id, start_ns, end_ns, told, links = facts
    trace_id = parent[3:35].encode()
    return (
        b'{"traceId":"%b","spanId":"%016x","parentSpanId":"%b","flags":768,"name":%b,"kind":%d,'
        b'"startTimeUnixNano":"%d","endTimeUnixNano":"%d"%b%b,"status":{}}'
        % (
            trace_id,
            span_id,
            parent[36:52].encode(),
            _name(name),
            _KINDS[kind],
            start_ns,
            end_ns or 0,
            _told(told),
            b',"links":[%b]' % b",".join(map(_linked, links)) if links else b"",
        )
    )


def _told(told: Sequence[Told]) -> bytes:
    parts = parts_of(told)
    if parts is None:
        return _attributes(attributes_of(told))
    return b',"attributes":[%b]' % b",".join(map(_part, parts)) if parts else b""


def _part(part: Part) -> bytes:
    form, values = part
    return _pattern(form) % tuple(map(_value, values))


@lru_cache(maxsize=256)  # one for each kind of step, and a few
def _pattern(form: Form) -> bytes:
    """Write all of a form but the values of its names."""
    always = [b"%b%b}" % (_key(key), _value(value)) for key, value in form.always.items()]
    names = [b"%b%%b}" % _key(key).replace(b"%", b"%%") for key in form.names]
    return b",".join((*(each.replace(b"%", b"%%") for each in always), *names))


def _linked(linked: Linked) -> bytes:
    traceparent, kind = linked
    return b'{"traceId":"%b","spanId":"%b","flags":768,%b}' % (
        traceparent[3:35].encode(),
        traceparent[36:52].encode(),
        _kind(kind),
    )


@lru_cache(maxsize=64)
def _kind(kind: str) -> bytes:
    return _attributes({names.LINK_KIND: kind}).removeprefix(b",")


@lru_cache(maxsize=1024)  # an operation and a target that are few
def _name(name: str) -> bytes:
    return _text(name)


def _link(link: Link) -> bytes:
    context = link.context
    attributes = _attributes(link.attributes, link.dropped_attributes)
    return b'%b,"flags":%d%b}' % (_ids(context), _flags(context), attributes)


def _ids(context: SpanContext) -> bytes:
    return b'{"traceId":"%032x","spanId":"%016x"' % (context.trace_id, context.span_id)


def _flags(parent: SpanContext | None) -> int:
    return _HAS_IS_REMOTE | (_IS_REMOTE if parent and parent.is_remote else 0)


def _attributes(attributes: Mapping[str, object] | None, dropped: int = 0) -> bytes:
    """Write the fields of something's attributes, with a comma before them; nothing if it has none."""
    found = b""
    if attributes:
        # The SDK's own mapping takes a lock and a call for each key; a copy of it is a plain one.
        plain = (
            attributes.copy() if isinstance(attributes, BoundedAttributes | MappingProxyType) else attributes
        )
        written = [b"%b%b}" % (_key(key), _value(value)) for key, value in plain.items()]
        found = b',"attributes":[%b]' % b",".join(written)
    return b'%b,"droppedAttributesCount":%d' % (found, dropped) if dropped else found


@lru_cache(maxsize=1024)  # names of attributes are few
def _key(key: str) -> bytes:
    return b'{"key":%b,"value":' % _text(key)


def _value(value: object) -> bytes:
    if type(value) is str:  # as most are: a pattern takes longer
        return b'{"stringValue":%b}' % _text(value)
    if type(value) is int and -_BIGGEST <= value < _BIGGEST:
        return b'{"intValue":"%d"}' % value
    match value:
        case str():
            found = b'"stringValue":%b' % _text(value)
        case bool():
            found = b'"boolValue":true' if value else b'"boolValue":false'
        case int() if -_BIGGEST <= value < _BIGGEST:
            found = b'"intValue":"%d"' % value
        case float():
            found = b'"doubleValue":%b' % (
                orjson.dumps(float(value)) if math.isfinite(value) else _text(_words(value))
            )
        case bytes():
            found = b'"bytesValue":"%b"' % base64.b64encode(value)
        case Sequence():
            items = b",".join(map(_value, cast("Sequence[object]", value)))
            found = b'"arrayValue":{"values":[%b]}' % items if items else b'"arrayValue":{}'
        case _:  # an integer that OTLP has no place for, or what no attribute may be
            found = b'"stringValue":%b' % _text(str(value))
    return b"{%b}" % found


def _text(text: str) -> bytes:
    try:
        return orjson.dumps(text)
    except TypeError:  # a lone surrogate
        return json.dumps(text).encode()


def _words(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
