"""Pipelines that were met before. Every submit brings its own along, and so does every `run.accepted`.

The same few come again and again, as the same bytes: then nothing of them is parsed, checked, hashed or
written anew. A document is known by its very bytes only, for what is equal to Python (1, 1.0, True) is not
the same JSON.
"""

import secrets
from collections import OrderedDict
from functools import cached_property
from typing import Final, cast

from pydantic import JsonValue, ValidationError
from pydantic_core import from_json

from argosy.coordinator.wants import wants_of
from argosy.schemas.canonical import canonical_json, sha256_hex
from argosy.schemas.codec import Message, decode_body, encode_body
from argosy.schemas.edges import INPUT
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadMessage
from argosy.schemas.facts import Want
from argosy.schemas.inbox import NO_DATA, RunSubmitted
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import RunAccepted

MOST_KNOWN: Final = 256
MOST_BYTES: Final = 256 * 1024
"""A longer document is read anew each time."""
_HEAD_BYTES: Final = 176
"""Of a document: format, name and version come first, and few share them."""
_CARRYING: Final = frozenset((RunSubmitted.KIND, RunAccepted.KIND))
_KEY: Final = b'"pipeline":'
_LEAD_BYTES: Final = 32
"""Before the pipeline, as our own encoder writes these messages: at most the number of the rules."""
_PLACEHOLDER: Final = secrets.token_hex(8)
"""Stands for the pipeline while the message around it is read; nobody outside can have written it."""


class KnownPipeline:
    """A pipeline and what follows from it alone; each part is worked out when it is first asked for."""

    def __init__(self, pipeline: CompiledPipeline) -> None:
        """`pipeline` is as it was read; it may still be one that nobody can run."""
        self.pipeline = pipeline
        self.head = b""
        """How a message that brings it along begins to write it; empty if none did."""

    @cached_property
    def written(self) -> bytes:
        """The document as it stands in a message: defaults left out."""
        return self.pipeline.model_dump_json(exclude_defaults=True).encode()

    @cached_property
    def whole(self) -> bytes:
        """The document with its defaults, as the state of a run keeps it."""
        return self.pipeline.model_dump_json().encode()

    @cached_property
    def whole_sha256(self) -> str:
        """SHA-256 of `whole`, in hex."""
        return sha256_hex(self.whole)

    @cached_property
    def identity(self) -> str:
        """See `CompiledPipeline.identity`."""
        return self.pipeline.identity

    @cached_property
    def canonical(self) -> bytes:
        """Canonical JSON of `written`: its part of a submit's data hash."""
        return canonical_json(self.pipeline.model_dump(mode="json", exclude_defaults=True))

    @cached_property
    def wants(self) -> tuple[Want, ...]:
        """What must be known of the run's input."""
        return wants_of(self.pipeline, INPUT)

    @cached_property
    def agents(self) -> frozenset[str]:
        """All agents that have tasks in it."""
        return frozenset(self.pipeline.contracts())


_known: OrderedDict[int, KnownPipeline] = OrderedDict()
"""By the pipeline object, which they keep alive, so that no other one has its id; the last one met comes last."""
_heads: dict[bytes, KnownPipeline] = {}


def known(pipeline: CompiledPipeline) -> KnownPipeline:
    """Return what is known of a pipeline: of this very object."""
    found = _known.get(id(pipeline))
    if found is None:
        found = _known[id(pipeline)] = KnownPipeline(pipeline)
        if len(_known) > MOST_KNOWN:
            _, dropped = _known.popitem(last=False)
            if _heads.get(dropped.head) is dropped:
                del _heads[dropped.head]
    else:
        _known.move_to_end(id(pipeline))
    return found


def decode(envelope: Envelope, body: bytes | None) -> Message:
    """Decode as `decode_body` does, with the same errors; a known pipeline comes as the object that it was."""
    if body is None or envelope.kind not in _CARRYING:
        return decode_body(envelope, body)
    start = body.find(_KEY, 0, _LEAD_BYTES) + len(_KEY)
    head = body[start : start + _HEAD_BYTES]
    pipeline = _heads.get(head)
    if pipeline is not None and body.startswith(pipeline.written, start):
        around = (body[:start], b'"%b"' % _PLACEHOLDER.encode(), body[start + len(pipeline.written) :])
        message = _around(envelope, b"".join(around), pipeline.pipeline)
        if message is not None:
            return message
    message = decode_body(envelope, body)
    if isinstance(message, RunSubmitted | RunAccepted) and isinstance(message.pipeline, CompiledPipeline):
        _remember(message.pipeline, head, body, start)
    return message


def _around(envelope: Envelope, around: bytes, pipeline: CompiledPipeline) -> Message | None:
    """Read what stands around a known pipeline; None if the whole has to be read."""
    try:
        if envelope.kind == RunAccepted.KIND:
            fields = cast("dict[str, JsonValue]", from_json(around))
            if fields.get("pipeline") != _PLACEHOLDER:
                return None
            return RunAccepted.model_validate({**fields, "pipeline": pipeline})
        submit = decode_body(envelope, around)
    except (BadMessage, ValidationError, ValueError):
        return None
    # It may come twice in an object, and then the last one counts.
    if not isinstance(submit, RunSubmitted) or submit.pipeline != _PLACEHOLDER:
        return None
    return submit.model_copy(update={"pipeline": pipeline})


def _remember(pipeline: CompiledPipeline, head: bytes, body: bytes, start: int) -> None:
    # What another hand wrote may say it in other bytes: those would never be met again.
    if len(body) <= MOST_BYTES and body.startswith(KnownPipeline(pipeline).written, start):
        found = known(pipeline)
        found.head = head
        _heads[head] = found


def encode_accepted(accepted: RunAccepted) -> bytes:
    """Encode as `encode_body` does, to the very same bytes."""
    if id(accepted.pipeline) not in _known:
        return encode_body(accepted)
    around = accepted.model_dump_json(exclude_defaults=True, exclude={"pipeline"}).encode()
    rules, comma, rest = around.partition(b",")
    return b"".join((rules, comma, _KEY, known(accepted.pipeline).written, comma, rest))


def data_hash(submit: RunSubmitted) -> str:
    """Return `submit.data_hash`, of a known pipeline without going through it again."""
    if isinstance(submit.pipeline, str) or id(submit.pipeline) not in _known:
        return submit.data_hash
    rest = submit.model_dump(mode="json", exclude_defaults=True, exclude={"pipeline", *NO_DATA})
    parts = {name: canonical_json(value) for name, value in rest.items()}
    parts["pipeline"] = known(submit.pipeline).canonical
    return sha256_hex(
        b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), parts[name]) for name in sorted(parts))
    )
