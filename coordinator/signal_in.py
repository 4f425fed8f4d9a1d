"""A signal on its way in: what is large goes to the payload store before the run log tells of it."""

from typing import Final

from argosy.broker import tokens
from argosy.broker.store import Payloads
from argosy.broker.values import decode_value, encode_value, to_payload
from argosy.schemas.errors import BadMessage, InvalidInput, PayloadGone
from argosy.schemas.inbox import SignalSent
from argosy.schemas.payload import INLINE_BYTES, Reference
from argosy.schemas.runlog import SignalReceived

MOST_ID: Final = 256
"""Characters of the id of a signal, or of an answer: the run keeps it."""


def is_small(signal_id: str, sent: SignalSent, size: int) -> bool:
    """Say whether a signal can be passed on as it is; `size` is that of its message, in bytes."""
    return sent.value_ref is None and size <= INLINE_BYTES and len(signal_id) <= MOST_ID


def check_id(signal_id: str) -> None:
    """Raise BadMessage if a run can't keep it."""
    if len(signal_id) > MOST_ID:
        raise BadMessage(f"has {len(signal_id)} characters; {MOST_ID} is the most", field="ce_id")


def passed_on(signal_id: str, sent: SignalSent, stored: Reference | None = None) -> SignalReceived:
    """Give what the run log is told: the value itself, or where it was stored."""
    return SignalReceived(
        signal_id=signal_id,
        name=sent.name,
        value=None if stored is not None else sent.value,
        value_ref=stored,
        about_sha256=sent.about_sha256,
    )


async def store(sent: SignalSent, payloads: Payloads, most_bytes: int) -> Reference | None:
    """Put a large value into the payload store, anew if it lies there already: collection goes by age.

    None: it isn't large. BadMessage for one that is too large or that can't be read; Unreachable.
    """
    if sent.value_ref is None:
        data = encode_value(sent.value)
    else:
        try:
            data = await payloads.get(sent.value_ref.sha256)
            decode_value(data)
        except (PayloadGone, InvalidInput) as error:
            raise BadMessage(str(error), field="value_ref") from None
    if len(data) > most_bytes:
        raise BadMessage(f"has {len(data)} bytes; {most_bytes} is the most", field="value")
    if len(data) <= INLINE_BYTES and sent.value_ref is None:
        return None
    payload = await to_payload(data, tokens.count, payloads)
    if isinstance(payload, Reference):
        return payload
    return Reference(sha256=await payloads.put(data), bytes=payload.bytes, tokens=payload.tokens)
