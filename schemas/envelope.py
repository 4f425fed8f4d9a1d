"""CloudEvents 1.0 in Kafka's binary mode: `ce_*` headers, W3C trace context beside them, JSON as body.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from argosy.schemas.errors import BadMessage, NewerVersion

Headers = tuple[tuple[str, bytes], ...]

TYPE_PREFIX: Final = "argosy."
VERSION: Final = 1
HEADERS_BYTES: Final = 32 * 1024
"""More than this in headers is not one of our messages."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_REQUIRED: Final = ("ce_id", "ce_source", "ce_type", "ce_specversion")


@dataclass(frozen=True, slots=True)
class Envelope:
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
        pairs: list[tuple[str, bytes]] = [
            ("ce_specversion", b"1.0"),
            ("ce_type", f"{TYPE_PREFIX}{self.kind}.v{VERSION}".encode()),
            ("ce_id", self.id.encode()),
            ("ce_source", self.source.encode()),
            ("content-type", b"application/json"),
        ]
        if self.subject:
            pairs.append(("ce_subject", self.subject.encode()))
        if self.time_ms is not None:
            pairs.append(("ce_time", _rfc3339(self.time_ms)))
        if self.cause is not None:
            pairs.append(("ce_cause", str(self.cause).encode()))
        if self.ordinal:
            pairs.append(("ce_ordinal", str(self.ordinal).encode()))
        if self.traceparent is not None:
            pairs.append(("traceparent", self.traceparent.encode()))
        if self.tracestate is not None:
            pairs.append(("tracestate", self.tracestate.encode()))
        return tuple(pairs)


def read_envelope(headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
    """Decode headers.

    Raises BadMessage that names the header, or NewerVersion for a version that this release doesn't know.
    Unknown headers are ignored; of a repeated header the last counts.
    """
    found: dict[str, str] = {}
    size = 0
    for name, raw in headers:
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
    if found["ce_specversion"] != "1.0":
        message = f"is {found['ce_specversion'][:20]!r}, must be 1.0"
        raise BadMessage(message, field="ce_specversion")
    return Envelope(
        kind=_kind(found["ce_type"]),
        id=found["ce_id"],
        source=found["ce_source"],
        subject=found.get("ce_subject", ""),
        time_ms=_epoch_ms(found.get("ce_time")),
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
    if version != str(VERSION):
        message = f"{ce_type[:100]} was written by a newer release"
        raise NewerVersion(message)
    return name.removeprefix(TYPE_PREFIX)


def _integer(found: dict[str, str], name: str) -> int | None:
    text = found.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19):  # noqa: PLR2004 - digits of a 64-bit integer
        message = f"is {text[:40]!r}, must be a whole number"
        raise BadMessage(message, field=name)
    return int(text)


def _epoch_ms(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(
            milliseconds=1
        )
    except (ValueError, OverflowError):
        message = f"is {text[:40]!r}, must be an RFC 3339 time"
        raise BadMessage(message, field="ce_time") from None


def _rfc3339(time_ms: int) -> bytes:
    seconds, milliseconds = divmod(time_ms, 1000)
    return b"%s.%03dZ" % (_whole_seconds(seconds), milliseconds)


@lru_cache(maxsize=16)
def _whole_seconds(seconds: int) -> bytes:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}".encode()
