"""Where a value enters or leaves typed code: between the JSON that travels and the type that is declared."""

import math
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, from_json, to_json

from argosy.pipelines.annotation import Annotation, describe, is_list, item_of, members, origin_of, without
from argosy.pipelines.exact import Exact, exact_of
from argosy.schemas.contract import JsonSchema
from argosy.schemas.errors import BuildError, InvalidInput, InvalidResult
from argosy.schemas.hole import Hole

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_REPLACED = "\ufffd".encode()
"""What pydantic writes for a lone surrogate in a key."""

Given: TypeAlias = "bytes | JsonValue | Hole | Sequence[Given]"
"""What a message brings: JSON text as bytes, a JSON value, a hole, or a list of these (shards of a map)."""


def adapter_of(annotation: Annotation, *, what: str, why: str, do: str) -> TypeAdapter[Any]:
    """Make the codec of a type; BuildError in the given words if it has no JSON Schema."""
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        adapter.json_schema()
    except PydanticUserError as error:
        detail = str(error).splitlines()[0]
        raise BuildError(what=what, why=f"{why} ({detail})", do=do) from error
    return adapter


@dataclass(frozen=True, slots=True)
class Port(Generic[T]):
    """The codec of one declared type. A hole goes only where the type says `| Hole`."""

    annotation: Annotation
    adapter: TypeAdapter[T]
    """Of the whole type, holes included: for its JSON Schema and for values that are there."""
    takes_hole: bool = False
    items: "Port[Any] | None" = None
    """Where the type is a list whose items may be holes: of one item."""
    _value: TypeAdapter[T] = field(init=False, repr=False)
    _exact: Exact | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the type without its hole apart: no JSON value may ever be read as a hole."""
        bare = without(self.annotation, Hole)
        adapter = self.adapter if bare is self.annotation else TypeAdapter[T](bare)
        object.__setattr__(self, "_value", adapter)
        object.__setattr__(self, "_exact", exact_of(self.annotation))

    def decode(self, given: Given, *, name: str = "value") -> T:
        """Make the declared value. InvalidInput, without the value's content, if it doesn't fit."""
        if type(given) is not bytes and isinstance(given, Hole):  # the latter is slow to say no
            if not self.takes_hole:
                message = f"{name} is a hole ({given.outcome}: {given.reason}), which {self} doesn't take"
                raise InvalidInput(message)
            return cast("T", given)
        if self.items is not None and isinstance(given, bytes):
            with suppress(ValueError):  # what is none is told below
                given = cast("Given", from_json(given))
        if self.items is not None and isinstance(given, list | tuple):
            items = self.items
            found = [items.decode(item, name=f"{name}[{i}]") for i, item in enumerate(given)]
            return cast("T", tuple(found) if origin_of(without(self.annotation, Hole)) is tuple else found)
        try:
            data = given if isinstance(given, bytes) else to_json(given)
            value: T = self._value.validator.validate_json(data)
        except ValidationError as error:
            message = f"{name} is no {self}: {_findings(error)}"
            raise InvalidInput(message) from None  # the cause would show the value
        except PydanticSerializationError as error:
            message = f"{name} is no JSON: {error}"
            raise InvalidInput(message) from None
        return value

    def completed(self, value: JsonValue) -> JsonValue:
        """Write the JSON of a value as its type writes it: with the defaults of fields that it leaves out.

        InvalidInput if it doesn't fit.
        """
        try:
            found: JsonValue = from_json(self.encode(self.decode(value)))
        except InvalidResult as error:  # a type that reads what it doesn't write
            raise InvalidInput(str(error)) from None
        return found

    def encode(self, value: object) -> bytes:
        """Make JSON, by alias. InvalidResult, without the value's content, if it isn't what is declared."""
        try:
            checked = self.adapter.validator.validate_python(value)
        except ValidationError as error:
            message = f"the value is no {self}: {_findings(error)}"
            raise InvalidResult(message) from None
        try:
            if self._exact is not None and (written := self._exact(checked)) is not None:
                return written
            data = self.adapter.serializer.to_json(checked, by_alias=True, warnings="error")
        except PydanticSerializationError as error:
            message = f"the value is no JSON: {error}"
            raise InvalidResult(message) from None
        # pydantic writes what JSON can't say as something else: another value, and nobody was told.
        # (Backwards a search takes half the time.)
        if data.rfind(b"null") >= 0 or (not data.isascii() and _REPLACED in data):
            found = _unsayable(self.adapter.dump_python(checked))
            if found is not None:
                message = f"the value is no JSON: it holds {found}"
                raise InvalidResult(message)
        return data

    def schema(self) -> JsonSchema:
        """Describe the type by itself; in a compiled pipeline, `schema_table` names its models instead."""
        return self.adapter.json_schema()

    def __str__(self) -> str:
        """Name the type as an author writes it."""
        return describe(self.annotation)


def port_of(annotation: Annotation, adapter: TypeAdapter[Any]) -> Port[Any]:
    """Read off a type where it takes holes."""
    bare = without(annotation, Hole)
    takes_hole = Hole in members(annotation)
    items = None
    if is_list(bare) and Hole in members(item_of(bare)):
        inner = item_of(bare)
        items = port_of(inner, TypeAdapter(inner))
    return Port(annotation, adapter, takes_hole=takes_hole, items=items)


def _unsayable(value: object) -> str | None:
    """Look through plain data for what JSON can't say; name the first such thing."""
    rest: list[object] = [value]
    while rest:
        item = rest.pop()
        match item:
            case float() as number if not math.isfinite(number):
                return "NaN or an infinity"
            case str() as text if not text.isascii() and any(map(_is_surrogate, text)):
                return "a lone surrogate"
            case dict():
                rest += chain.from_iterable(cast("dict[object, object]", item).items())
            case list() | tuple() | set() | frozenset():
                rest += cast("Sequence[object]", item)
            case _:
                pass
    return None


def _is_surrogate(char: str) -> bool:
    return "\ud800" <= char <= "\udfff"


def _findings(error: ValidationError) -> str:
    shown = error.errors(include_url=False, include_context=False, include_input=False)[:5]
    rest = error.error_count() - len(shown)
    texts = [": ".join(filter(None, (".".join(map(str, found["loc"])), found["msg"]))) for found in shown]
    return "; ".join([*texts, *([f"and {rest} more"] if rest else [])])
