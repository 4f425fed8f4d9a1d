"""Light spans as OTLP's protobuf, written straight from their facts; any other span by the official encoder.

https://protobuf.dev/programming-guides/encoding/, https://github.com/open-telemetry/opentelemetry-proto. The official
encoder makes a message of each attribute, which takes ten times as long, in the interpreter that runs the agents.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from argosy.telemetry import names
from argosy.telemetry.ended_spans import Ended, Facts
from argosy.telemetry.forms import Form, Part, parts_of
from argosy.telemetry.propagation import Linked


class _Tag:
    """The number of a field, and how its value is written; which messages they are of stands before them."""

    REQUEST_RESOURCE_SPANS = b"\x0a"
    RESOURCE_SPANS_RESOURCE = b"\x0a"
    RESOURCE_SPANS_SCOPE_SPANS = b"\x12"
    RESOURCE_SPANS_SCHEMA = b"\x1a"
    SCOPE_SPANS_SCOPE = b"\x0a"
    SCOPE_SPANS_SPAN = b"\x12"
    SPAN_NAME = b"\x2a"
    SPAN_ATTRIBUTE = b"\x4a"
    SPAN_LINK = b"\x6a"
    LINK_ATTRIBUTE = b"\x22"
    KEY = b"\x0a"
    VALUE = b"\x12"
    STRING = b"\x0a"
    BOOL = b"\x10"
    INTEGER = b"\x18"
    DOUBLE = b"\x21"


_REMOTE_PARENT: Final = struct.pack("<I", 0x300)
"""Flags: whether the parent is remote is known, and it is."""

_KINDS: Final = {kind: bytes((kind.value + 1,)) for kind in SpanKind}
_WORD: Final = 1 << 64
_SHORT: Final = 0x80
"""A length below this is one byte."""


def written(spans: Sequence[ReadableSpan]) -> bytes:
    """Write one `ExportTraceServiceRequest`; such messages one behind the other are one."""
    ours: dict[int, tuple[Ended, list[bytes]]] = {}
    others: list[ReadableSpan] = []
    for span in spans:
        data = _span(span.facts) if isinstance(span, Ended) else None
        if data is None or not isinstance(span, Ended):
            others.append(span)
        else:  # by identity: a process has one resource, and its hash is made of its JSON
            ours.setdefault(id(span.resource), (span, []))[1].append(data)
    found = [_request(*one) for one in ours.values()]
    if others:
        found.append(encode_spans(others).SerializePartialToString())
    return b"".join(found)


def _request(one: Ended, spans: Sequence[bytes]) -> bytes:
    (described,) = encode_spans([one]).resource_spans
    (scoped,) = described.scope_spans
    scope = _field(_Tag.SCOPE_SPANS_SCOPE, scoped.scope.SerializeToString()) + b"".join(
        [_field(_Tag.SCOPE_SPANS_SPAN, each) for each in spans]
    )
    url = described.schema_url.encode()
    resource = _field(_Tag.RESOURCE_SPANS_RESOURCE, described.resource.SerializeToString()) + _field(
        _Tag.RESOURCE_SPANS_SCOPE_SPANS, scope
    )
    return _field(
        _Tag.REQUEST_RESOURCE_SPANS, resource + (_field(_Tag.RESOURCE_SPANS_SCHEMA, url) if url else b"")
    )


def _span(facts: Facts) -> bytes | None:
    """Write a span; None if it has attributes that have to be looked at."""
    _, name, kind, parent, span_id, start_ns, end_ns, told, links = facts
    parts = parts_of(told)
    if parts is None:
        return None
    attributes = b"".join(map(_part, parts))
    return b"\x0a\x10%b\x12\x08%b\x22\x08%b%b\x30%b\x39%b\x41%b%b%b\x7a\x00\x85\x01%b" % (
        bytes.fromhex(parent[3:35]),
        span_id.to_bytes(8),
        bytes.fromhex(parent[36:52]),
        _name(name),
        _KINDS[kind],
        start_ns.to_bytes(8, "little"),
        (end_ns or 0).to_bytes(8, "little"),
        attributes,
        b"".join(map(_linked, links)),
        _REMOTE_PARENT,
    )


def _part(part: Part) -> bytes:
    form, values = part
    always, keys = _frame(form)
    return always + b"".join(map(_attribute, keys, values))


@lru_cache(maxsize=256)  # one for each kind of step, and a few
def _frame(form: Form) -> tuple[bytes, tuple[bytes, ...]]:
    """Write what is always told, and the keys of what is told each time."""
    always = [_attribute(_key(key), value) for key, value in form.always.items()]
    return b"".join(always), tuple(map(_key, form.names))


def _key(key: str) -> bytes:
    return _field(_Tag.KEY, key.encode()) + _Tag.VALUE


def _attribute(key: bytes, value: object) -> bytes:
    found = _value(value)
    size = len(found)
    whole = len(key) + size + 1
    if whole < _SHORT:
        return b"\x4a%c%b%c%b" % (whole, key, size, found)
    return _field(_Tag.SPAN_ATTRIBUTE, key + _varint(size) + found)


def _value(value: object) -> bytes:
    if type(value) is str:  # as most are: a pattern takes longer
        data = _utf8(value)
        return b"\x0a%c%b" % (len(data), data) if len(data) < _SHORT else _field(_Tag.STRING, data)
    if type(value) is int and 0 <= value < _SHORT:
        return b"\x18%c" % value
    match value:
        case bool():
            return _Tag.BOOL + _varint(value)
        case int() if -(_WORD >> 1) <= value < _WORD >> 1:
            return _Tag.INTEGER + _varint(value % _WORD)
        case float():
            return _Tag.DOUBLE + struct.pack("<d", value)
        case _:  # an integer that OTLP has no place for
            return _field(_Tag.STRING, _utf8(str(value)))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which protobuf refuses
        return text.encode(errors="replace")


def _linked(linked: Linked) -> bytes:
    traceparent, kind = linked
    trace_id, span_id = bytes.fromhex(traceparent[3:35]), bytes.fromhex(traceparent[36:52])
    return _field(
        _Tag.SPAN_LINK, b"\x0a\x10%b\x12\x08%b%b\x35%b" % (trace_id, span_id, _kind(kind), _REMOTE_PARENT)
    )


@lru_cache(maxsize=64)
def _kind(kind: str) -> bytes:
    value = _value(kind)
    return _field(_Tag.LINK_ATTRIBUTE, _key(names.LINK_KIND) + _varint(len(value)) + value)


@lru_cache(maxsize=1024)  # an operation and a target that are few
def _name(name: str) -> bytes:
    return _field(_Tag.SPAN_NAME, _utf8(name))


def _field(tag: bytes, data: bytes) -> bytes:
    return tag + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= _SHORT:
        found.append(number & 0x7F | _SHORT)
        number >>= 7
    found.append(number)
    return bytes(found)
