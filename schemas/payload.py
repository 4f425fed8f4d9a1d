"""A payload: a value inline, or a reference to it by SHA-256; always with byte and token counts."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, JsonValue

from argosy.schemas.late import Late
from argosy.schemas.taint import UNTAINTED, Taint, is_untainted, united

INLINE_BYTES: Final = 64 * 1024
"""A value whose JSON is larger goes to the payload store before the record that names it is produced."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Inline(Late):
    """The value itself; `{"value": …}` on the wire, so no user's model passes for a hole or a reference."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    value: JsonValue
    bytes: int
    tokens: int
    taint: Annotated[Taint, Field(exclude_if=is_untainted)] = UNTAINTED


class Reference(Late):
    """The SHA-256 of the value's JSON bytes in the payload store."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    sha256: Sha256
    bytes: int
    tokens: int
    shape: Literal["value", "manifest"] = "value"
    """`manifest`: the bytes are a JSON list of payloads, one for each item of the value."""
    taint: Annotated[Taint, Field(exclude_if=is_untainted)] = UNTAINTED


Payload = Annotated[Inline | Reference, Field(union_mode="left_to_right")]
"""Either; no value fits both, so the second is tried only where the first doesn't fit."""


def tainted(payload: Payload, taint: Taint) -> Payload:
    """Give a payload with these marks beside its own."""
    both = united(payload.taint, taint)
    return payload if both == payload.taint else payload.model_copy(update={"taint": both})
