"""Values and payloads: a value inline or in the payload store, counted once by its producer, and back again.

The bytes of a payload are the value's JSON, as its producer encoded it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeGuard

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from argosy.broker.recent import Recent
from argosy.broker.store import Payloads
from argosy.schemas.errors import InvalidInput
from argosy.schemas.late import LATE
from argosy.schemas.payload import INLINE_BYTES, Inline, Payload, Reference

CountTokens = Callable[[str], int]

MANIFEST_INLINE_BYTES: Final = 4 * 1024
"""A manifest travels with every shard's dispatch: a larger one is read from the payload store instead."""
MOST_DEPTH: Final = 128
"""Lists and objects in one another. Our parser takes 201, and a value is wrapped by each message that carries it: one
that just got in could be read by nobody further on."""
_PARSED_DEPTH: Final = 201
_AT_ONCE: Final = 16
_SLOW_BYTES: Final = 256 * 1024
"""Counting the tokens of more than this would hold up the event loop."""

_MANIFEST: Final = TypeAdapter(tuple[Inline | Reference, ...], config=LATE)
_MANIFESTS: Final = Recent[tuple[Payload, ...]](32 * 1024 * 1024)
"""Manifests that were read last, by their SHA-256, which is why they can't be stale."""


def encode_value(value: JsonValue) -> bytes:
    """Encode a JSON value; ValueError for what JSON can't say (a lone surrogate)."""
    try:
        return to_json(value)
    except PydanticSerializationError as error:
        raise ValueError(str(error)) from None


def decode_value(data: bytes) -> JsonValue:
    """Decode a value's JSON. Raises InvalidInput: a payload that isn't JSON is nobody's value."""
    try:
        found: JsonValue = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        message = f"a payload is no JSON: {error}"
        raise InvalidInput(message) from None
    return found


def is_too_deep(data: bytes) -> bool:
    """Say whether JSON is nested deeper than may be."""
    if data.find(b"{", 1) < 0 and data.find(b"[", 1) < 0:  # flat, as most are: counting takes longer
        return False
    if data.count(b"[") + data.count(b"{") <= MOST_DEPTH:
        return False
    more = _PARSED_DEPTH - MOST_DEPTH
    try:
        from_json(b"[" * more + data + b"]" * more)
    except ValueError:
        return True
    return False


def model_text(value: JsonValue, data: bytes) -> str:
    """Return what a model would be shown of a value: a text itself, of anything else its JSON."""
    return value if isinstance(value, str) else data.decode()


async def count(text: str, count_tokens: CountTokens) -> int:
    """Count tokens; in a thread where it would take long."""
    if len(text) > _SLOW_BYTES:
        return await asyncio.to_thread(count_tokens, text)
    return count_tokens(text)


async def to_payload(
    data: bytes, count_tokens: CountTokens, payloads: Payloads, known: Iterable[Payload] = ()
) -> Payload:
    """Make a payload of a value's JSON: inline up to 64 KiB, else put into the store first.

    Tokens of a large value that is one of those `known` are taken from there: whoever produced it counted them.
    Raises Unreachable, and InvalidInput for what is no JSON or nested too deep; idempotent.
    """
    alike = [one for one in known if _refers_to(one, len(data))] if len(data) > INLINE_BYTES else []
    sha256 = await payloads.put(data) if alike else None
    for one in alike:
        if one.sha256 == sha256:  # it could be read, and was
            return Reference(sha256=one.sha256, bytes=len(data), tokens=one.tokens)
    value = decode_value(data)
    if is_too_deep(data):
        message = f"a value is nested deeper than {MOST_DEPTH} lists and objects"
        raise InvalidInput(message)
    tokens = await count(model_text(value, data), count_tokens)
    if len(data) <= INLINE_BYTES:
        return Inline(value=value, bytes=len(data), tokens=tokens)
    return Reference(sha256=sha256 or await payloads.put(data), bytes=len(data), tokens=tokens)


def _refers_to(payload: Payload, size: int) -> TypeGuard[Reference]:
    return isinstance(payload, Reference) and payload.bytes == size and payload.shape == "value"


async def to_manifest(items: Sequence[Payload], payloads: Payloads) -> Payload:
    """Make one payload that lists others. Raises Unreachable; idempotent."""
    data = _MANIFEST.dump_json(tuple(items))
    tokens = sum(item.tokens for item in items)
    if len(data) <= MANIFEST_INLINE_BYTES:
        return Inline(value=decode_value(data), bytes=len(data), tokens=tokens)
    return Reference(sha256=await payloads.put(data), bytes=len(data), tokens=tokens, shape="manifest")


async def manifest_items(manifest: Payload, payloads: Payloads) -> tuple[Payload, ...]:
    """List the payloads of a manifest. Raises PayloadGone, Unreachable, InvalidInput."""
    if isinstance(manifest, Inline):
        return _parsed(encode_value(manifest.value))
    # Each shard of a map asks for one item of the same list: read by each of them, a map would cost its square.
    found = _MANIFESTS.get(manifest.sha256)
    if found is None:
        data = await payloads.get(manifest.sha256)
        # Many asked while it was read: the first one that is back reads it for all.
        found = _MANIFESTS.get(manifest.sha256) or _parsed(data)
        _MANIFESTS.put(manifest.sha256, found, len(data))
    return found


def _parsed(manifest: bytes) -> tuple[Payload, ...]:
    try:
        return _MANIFEST.validate_json(manifest)
    except ValidationError:
        message = "a manifest is no list of payloads"
        raise InvalidInput(message) from None


async def load(payload: Payload, payloads: Payloads) -> JsonValue:
    """Return a payload's value; of a manifest reference, the list of its items' values.

    Raises as `manifest_items`.
    """
    if isinstance(payload, Inline):
        return payload.value
    if payload.shape == "value":
        return decode_value(await payloads.get(payload.sha256))
    return await load_all(await manifest_items(payload, payloads), payloads)


async def load_all(items: Sequence[Payload], payloads: Payloads) -> list[JsonValue]:
    """Return the values of payloads, in order; a few are read at once. Raises as `load`."""
    values: list[JsonValue] = [None] * len(items)
    for first in range(0, len(items), _AT_ONCE):
        some = items[first : first + _AT_ONCE]
        values[first : first + len(some)] = await asyncio.gather(*(load(item, payloads) for item in some))
    return values
