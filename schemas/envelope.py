"""CloudEvents 1.0 in Kafka's binary mode: `ce_*` headers, W3C trace context beside them, JSON as body.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple, cast

from argosy.schemas.ce_time import epoch_ms, ours_ms, rfc3339
from argosy.schemas.errors import BadMessage, NewerVersion

Headers = tuple[tuple[str, bytes], ...]
_Values = tuple[bytes, ...]
Pairs = tuple[tuple[str, bytes | None], ...]
"""Headers as they come in: a null value is an empty one."""

TYPE_PREFIX: Final = "argosy."
VERSION: Final = 1
_VERSIONS: Final = {"task.system": 2, "submit.turned_away": 2}
"""Of kinds that don't begin with 1: a release without them buries a word that is new, but waits for a new version."""
HEADERS_BYTES: Final = 32 * 1024
"""More than this in headers is not one of our messages."""
_REQUIRED: Final = ("ce_id", "ce_source", "ce_type", "ce_specversion")
_JSON: Final = b"application/json"
_OURS: Final = frozenset((
    *_REQUIRED, "content-type", "ce_subject", "ce_time", "ce_cause", "ce_ordinal", "traceparent", "tracestate",
))  # fmt: skip
_FIRST: Final = "ce_specversion", "ce_type", "ce_id", "ce_source", "content-type", "ce_subject"
_DISPATCHED: Final = (*_FIRST, "ce_cause", "traceparent")
_SETTLED: Final = (*_FIRST, "ce_time", "ce_cause", "ce_ordinal", "traceparent")
"""The headers of nearly all dispatches and outcomes, in their order."""
_KEPT_BYTES: Final = 256
"""Of a kind or a source that is kept, as the same one comes with every message; ours are shorter."""
_INTEGER_BYTES: Final = 19
"""Digits of a 64-bit integer."""


class Envelope(NamedTuple):
    """The headers of one message. `kind` is `ce_type` without prefix and version."""

    kind: str
    id: str
    source: str
    subject: str = ""
    """The run id."""
    time_ms: int | None = None
    cause: int | None = None
    """The run-log offset that this record answers; (cause, ordinal) sorts what a worker did in between."""
    ordinal: int = 0
    traceparent: str | None = None
    tracestate: str | None = None

    def headers(self) -> Headers:
        """Encode; the order is fixed, so equal envelopes give equal bytes."""
        return encoded(*self)


def encoded(  # noqa: PLR0913, PLR0917 - the fields of an Envelope, as they stand there
    kind: str,
    id_: str,
    source: str,
    subject: str,
    time_ms: int | None,
    cause: int | None,
    ordinal: int,
    traceparent: str | None,
    tracestate: str | None,
) -> Headers:
    """Encode the headers of an Envelope that isn't made first; see `Envelope.headers`."""
    if (
        subject
        and time_ms is not None
        and cause is not None
        and ordinal
        and traceparent
        and tracestate is None
    ):
        return (  # as nearly every outcome has them
            *_of_kind(kind),
            ("ce_id", id_.encode()),
            *_of_source(source),
            ("ce_subject", subject.encode()),
            ("ce_time", rfc3339(time_ms)),
            ("ce_cause", b"%d" % cause),
            ("ce_ordinal", b"%d" % ordinal),
            ("traceparent", traceparent.encode()),
        )
    if (
        subject
        and time_ms is None
        and cause is not None
        and not ordinal
        and traceparent
        and tracestate is None
    ):
        return (  # as nearly every dispatch and event has them
            *_of_kind(kind),
            ("ce_id", id_.encode()),
            *_of_source(source),
            ("ce_subject", subject.encode()),
            ("ce_cause", b"%d" % cause),
            ("traceparent", traceparent.encode()),
        )
    pairs = [*_of_kind(kind), ("ce_id", id_.encode()), *_of_source(source)]
    if subject:
        pairs.append(("ce_subject", subject.encode()))
    if time_ms is not None:
        pairs.append(("ce_time", rfc3339(time_ms)))
    if cause is not None:
        pairs.append(("ce_cause", b"%d" % cause))
    if ordinal:
        pairs.append(("ce_ordinal", b"%d" % ordinal))
    if traceparent is not None:
        pairs.append(("traceparent", traceparent.encode()))
    if tracestate is not None:
        pairs.append(("tracestate", tracestate.encode()))
    return tuple(pairs)


def version_of(kind: str) -> int:
    """Return the version of a kind's messages; one of another version is a newer release's."""
    return _VERSIONS.get(kind, VERSION)


def type_of(kind: str) -> str:
    """Return the `ce_type` of a kind."""
    return f"{TYPE_PREFIX}{kind}.v{version_of(kind)}"


@lru_cache(maxsize=64)
def _of_kind(kind: str) -> Headers:
    return ("ce_specversion", b"1.0"), ("ce_type", type_of(kind).encode())


@lru_cache(maxsize=64)
def _of_source(source: str) -> Headers:
    return ("ce_source", source.encode()), ("content-type", _JSON)


def read_envelope(headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
    """Decode headers.

    Raises BadMessage that names the header, or NewerVersion for a version that this release doesn't know.
    Unknown headers are ignored; of a repeated header the last counts.
    """
    pairs = tuple(headers)
    return _as_we_write(pairs) or _checked(pairs)


def _as_we_write(pairs: Pairs) -> Envelope | None:
    """Read headers that look as ours do, which nearly all are, in half the time; None: they have to be looked at."""
    if len(pairs) in {len(_DISPATCHED), len(_SETTLED)}:
        names, values = cast("tuple[tuple[str, ...], _Values]", zip(*pairs, strict=True))
        if names == _SETTLED:
            return _in_order((*values[:6], values[7], values[9]), values[6], values[8])
        if names == _DISPATCHED:
            return _in_order(values)
    found = cast("dict[str, bytes]", dict(pairs))  # a null among them raises below
    if len(found) != len(pairs) or not _OURS.issuperset(found):
        return None
    get = found.get
    try:
        if found["ce_specversion"] != b"1.0" or get("content-type", _JSON) != _JSON:
            return None
        time, cause, ordinal = get("ce_time"), get("ce_cause"), get("ce_ordinal")
        subject, parent, state = get("ce_subject"), get("traceparent"), get("tracestate")
        envelope = Envelope(
            _kind_of(found["ce_type"]),
            found["ce_id"].decode(),
            _source_of(found["ce_source"]),
            "" if subject is None else subject.decode(),
            None if time is None else ours_ms(time),
            None if cause is None else _digits(cause),
            0 if ordinal is None else _digits(ordinal),
            None if parent is None else parent.decode(),
            None if state is None else state.decode(),
        )
        size = len(b"".join(found.values()))
    except (AttributeError, KeyError, TypeError, ValueError, BadMessage, NewerVersion):
        return None
    return envelope if envelope.id and envelope.source and size <= HEADERS_BYTES // 2 else None


def _in_order(values: _Values, time: bytes | None = None, ordinal: bytes | None = None) -> Envelope | None:
    """Read headers that stand as in a dispatch, `time` and `ordinal` apart: no name has to be looked up."""
    version, type_, id_, source, content, subject, cause, parent = values
    try:
        long = len(id_) + len(subject) + len(parent) > HEADERS_BYTES // 4
        if not id_ or long or max(len(type_), len(source)) > _KEPT_BYTES:
            return None
        kind, sender = _sent(version, type_, source, content)
        return Envelope(
            kind,
            id_.decode(),
            sender,
            subject.decode(),
            None if time is None else ours_ms(time),
            _digits(cause),
            0 if ordinal is None else _digits(ordinal),
            parent.decode(),
        )
    except (AttributeError, TypeError, ValueError, BadMessage, NewerVersion):
        return None


@lru_cache(maxsize=64)
def _sent(version: bytes, type_: bytes, source: bytes, content: bytes) -> tuple[str, str]:
    """Read kind and source, which with their like come with thousands of messages. Raises ValueError, BadMessage."""
    if version != b"1.0" or content != _JSON or not source:
        raise ValueError
    return _kind_of(type_), source.decode()


def _kind_of(ce_type: bytes) -> str:
    return _short_kind(ce_type) if len(ce_type) <= _KEPT_BYTES else _kind(ce_type.decode())


@lru_cache(maxsize=64)
def _short_kind(ce_type: bytes) -> str:
    return _kind(ce_type.decode())


def _source_of(ce_source: bytes) -> str:
    # A stranger's may be long, and is looked at before it is refused: it must not stay here.
    return _short_source(ce_source) if len(ce_source) <= _KEPT_BYTES else ce_source.decode()


@lru_cache(maxsize=64)
def _short_source(ce_source: bytes) -> str:
    return ce_source.decode()


def _digits(text: bytes) -> int:
    if not text.isdigit() or len(text) > _INTEGER_BYTES:
        raise ValueError
    return int(text)


def _checked(pairs: Pairs) -> Envelope:
    found: dict[str, str] = {}
    size = 0
    for name, raw in pairs:
        value = raw or b""
        size += len(name) + len(value)
        if size > HEADERS_BYTES:
            message = f"headers are over {HEADERS_BYTES} bytes"
            raise BadMessage(message, field="headers")
        try:
            found[name.lower()] = value.decode()
        except UnicodeDecodeError:
            message = "is not UTF-8"
            raise BadMessage(message, field=name[:100]) from None
    for name in _REQUIRED:
        if not found.get(name):
            message = "header is missing"
            raise BadMessage(message, field=name)
    kind = _kind(found["ce_type"])  # first: of what a newer release wrote nothing else is ours to judge
    if found["ce_specversion"] != "1.0":
        message = f"is {found['ce_specversion'][:20]!r}, must be 1.0"
        raise BadMessage(message, field="ce_specversion")
    content = found.get("content-type", "application/json")
    if content.partition(";")[0].strip().lower() != "application/json":
        message = (
            f"is {content[:60]!r}, must be application/json: the body is the data alone, the rest are headers"
        )
        raise BadMessage(message, field="content-type")
    return Envelope(
        kind=kind,
        id=found["ce_id"],
        source=found["ce_source"],
        subject=found.get("ce_subject", ""),
        time_ms=epoch_ms(found.get("ce_time")),
        cause=_integer(found, "ce_cause"),
        ordinal=_integer(found, "ce_ordinal") or 0,
        traceparent=found.get("traceparent"),
        tracestate=found.get("tracestate"),
    )


def _kind(ce_type: str) -> str:
    name, dot, version = ce_type.rpartition(".v")
    if not name.startswith(TYPE_PREFIX) or not dot or not (version.isascii() and version.isdigit()):
        message = f"is {ce_type[:100]!r}, must look like {TYPE_PREFIX}run.submitted.v{VERSION}"
        raise BadMessage(message, field="ce_type")
    kind = name.removeprefix(TYPE_PREFIX)
    if version != str(version_of(kind)):
        message = f"{ce_type[:100]} was written by a newer release"
        raise NewerVersion(message)
    return kind


def _integer(found: dict[str, str], name: str) -> int | None:
    text = found.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _INTEGER_BYTES):
        message = f"is {text[:40]!r}, must be a whole number"
        raise BadMessage(message, field=name)
    return int(text)
