"""A payload: a value inline, or a reference to it by SHA-256; always with byte and token counts."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic_core import core_schema

INLINE_BYTES: Final = 64 * 1024
"""A value whose JSON is larger goes to the payload store before the record that names it is produced."""


@dataclass(frozen=True, slots=True)
class _AsParsed:
    """Takes what was parsed from JSON as it is: pydantic would ask Python for the type of each value inside."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.json_or_python_schema(core_schema.any_schema(), handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.JsonOrPythonSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema["python_schema"])


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Inline(BaseModel):
    """The value itself; `{"value": …}` on the wire, so no user's model passes for a hole or a reference."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    value: Annotated[JsonValue, _AsParsed()]
    bytes: int
    tokens: int


class Reference(BaseModel):
    """The SHA-256 of the value's JSON bytes in the payload store."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    sha256: Sha256
    bytes: int
    tokens: int
    shape: Literal["value", "manifest"] = "value"
    """`manifest`: the bytes are a JSON list of payloads, one for each item of the value."""


Payload = Annotated[Inline | Reference, Field(union_mode="left_to_right")]
"""Either; no value fits both, so the second is tried only where the first doesn't fit."""
