"""Tokens of work that lies in a topic: counted where the work was ordered, only read here."""

from base64 import b64decode
from collections.abc import Iterable

from argosy.broker.log import Record
from argosy.schemas.codec import decode_body
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.envelope import read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.schemas.task import TaskDispatched


def tokens_of(record: Record) -> int | None:
    """Return the tokens of a work message's inputs; None for what is none, or can't be read."""
    return _read(record.headers, record.value)


def dead_tokens(letter: DeadLetter) -> int | None:
    """Return the tokens of a work message that died; None for another message, or one that can't be read or was cut."""
    if letter.cut:
        return None
    headers = tuple((name, b64decode(content)) for name, content in letter.headers)
    return _read(headers, b64decode(letter.value))


def mean_tokens(records: Iterable[Record]) -> float | None:
    """Return the mean of those that can be read; None if none can."""
    known = [tokens for record in records if (tokens := tokens_of(record)) is not None]
    return sum(known) / len(known) if known else None


def _read(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> int | None:
    try:
        body = decode_body(read_envelope(headers), value)
    except (BadMessage, NewerVersion):
        return None
    return body.tokens if isinstance(body, TaskDispatched) else None
