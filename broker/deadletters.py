"""Dead letters: what can't be processed is kept with the reason, and can be put back."""

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from argosy.broker.log import Cluster, Outgoing, Partition, Producer, Record
from argosy.schemas.codec import decode_body, encode_body
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import BadMessage, MessageTooLarge, NewerVersion, Refused
from argosy.schemas.ids import is_run_id
from argosy.schemas.redact import MASK, is_secret_key, redact_text

Reason = Literal["undecodable", "oversize", "unknown_kind", "wrong_agent", "payload_gone"]

FRAME_BYTES: Final = 8_192
"""Room for what a letter holds besides key, headers and value: mostly its message."""
ESCAPED_BYTES: Final = 6
"""A character may take this much in JSON."""
MESSAGE_CHARACTERS: Final = 1_000
KEY_BYTES: Final = 1_024
HEADERS_SHARE: Final = 4
"""Headers may take this part (one quarter) of the room; the value gets the rest."""


def letter(record: Record, reason: Reason, message: str, room_bytes: int) -> DeadLetter:
    """Write a letter of at most `room_bytes`. Key, header values and value are base64; `cut` says if anything is.

    The value's head is kept, and its full length in `value_bytes`; `topic`, `partition` and `offset` lead to the
    original for as long as its topic keeps it. Headers that are named like secrets are masked, and secrets in the
    message; the value is kept as it came, to be put back.
    """
    raw_key, raw_value = record.key or b"", record.value or b""
    room = (room_bytes - FRAME_BYTES - KEY_BYTES * 2) * 3 // 4
    headers: list[tuple[str, str]] = []
    left = room // HEADERS_SHARE
    for name, content in record.headers:
        left -= len(name) * ESCAPED_BYTES + len(content or b"") + 16
        if left < 0:
            break
        headers.append((name, _text(MASK.encode() if is_secret_key(name) else content or b"")))
    value = raw_value[: max(0, room - room // HEADERS_SHARE)]
    return DeadLetter(
        reason=reason,
        message=redact_text(message[: 2 * MESSAGE_CHARACTERS])[:MESSAGE_CHARACTERS],
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        key=_text(raw_key[:KEY_BYTES]),
        headers=tuple(headers),
        value=_text(value),
        value_bytes=len(raw_value),
        cut=len(value) < len(raw_value) or len(headers) < len(record.headers) or len(raw_key) > KEY_BYTES,
    )


@dataclass(frozen=True, slots=True)
class Graveyard:
    """Where a process buries. `source` is its `ce_source`; `room_bytes` what a message may have."""

    producer: Producer
    topic: str
    source: str
    room_bytes: int

    async def bury(self, record: Record, reason: Reason, message: str) -> DeadLetter:
        """Append a letter and return it once Kafka has acknowledged: only then may the record's offset be finished.

        Where the topic takes less than we were told, more is cut. Raises what `Producer.send` raises; safe to repeat
        (the same `ce_id` again).
        """
        position = f"{record.topic}/{record.partition}/{record.offset}"
        envelope = Envelope(kind=DeadLetter.KIND, id=position, source=self.source, subject=_subject(record))
        room_bytes = self.room_bytes
        while True:
            written = letter(record, reason, message, room_bytes)
            body = encode_body(written)
            try:
                await self.producer.send(Outgoing(self.topic, position.encode(), body, envelope.headers()))
            except MessageTooLarge:
                if room_bytes <= FRAME_BYTES:
                    raise
                room_bytes = min(room_bytes, len(body)) // 2
            else:
                return written


@dataclass(frozen=True, slots=True)
class Buried:
    """A letter where it lies; `offset` is its name for `redrive`."""

    offset: int
    timestamp_ms: int
    letter: DeadLetter


async def buried(cluster: Cluster, dead_topic: str, start: int = 0) -> AsyncIterator[Buried]:
    """Yield the letters from `start` on, oldest first; what isn't a letter is left out. Raises Unreachable."""
    async for record in cluster.scan(Partition(dead_topic, 0), start):
        try:
            message = decode_body(read_envelope(record.headers), record.value)
        except (BadMessage, NewerVersion):
            continue
        if isinstance(message, DeadLetter):
            yield Buried(record.offset, record.timestamp_ms, message)


async def redrive(producer: Producer, dead: DeadLetter, *, key_only: bool = False) -> tuple[int, int]:
    """Put the original back where it came from, into the same partition (`key_only`: let its key choose).

    Returns (partition, offset). At least once: to redrive a letter twice is to send its message twice, which consumers
    stand. Headers that were masked are left out: their masks would pass for what they hide. Raises Refused for a letter
    that was cut, and what `Producer.send` raises.
    """
    if dead.cut:
        raise Refused(
            f"the letter of {dead.topic}/{dead.partition}/{dead.offset} was cut and can't be put back"
        )
    headers = tuple(_unmasked(dead))
    partition = None if key_only else dead.partition
    return await producer.send(
        Outgoing(dead.topic, b64decode(dead.key), b64decode(dead.value), headers, partition)
    )


def _unmasked(dead: DeadLetter) -> Iterator[tuple[str, bytes]]:
    for name, encoded in dead.headers:
        content = b64decode(encoded)
        if content != MASK.encode() or not is_secret_key(name):
            yield name, content


def _text(content: bytes) -> str:
    return b64encode(content).decode()


def _subject(record: Record) -> str:
    """Return the run id if the headers still tell it; what is none may be anything, of any length."""
    told = (content or b"" for name, content in record.headers if name == "ce_subject")
    subject = next(told, b"").decode(errors="replace")
    return subject if is_run_id(subject) else ""
