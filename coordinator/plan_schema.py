"""Whether a JSON value fits a JSON Schema, as far as fold must know before it takes a plan over.

Own code, as fold gives the same answer in every release, and a library's next version may find another one. It reads
what types and models are written with; what it doesn't know (formats, patterns) it lets pass: the worker reads each
input into its type all the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from argosy.schemas.contract import JsonSchema

if TYPE_CHECKING:
    from typing_extensions import TypeIs

_DEEPEST: Final = 64
"""Schemas that refer to each other; deeper ones are left to the worker."""
MOST_LOOKS: Final = 50_000
_NAME_CHARACTERS: Final = 64
"""Of a planner's own names in what is said of a value."""
_KINDS: Final = {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}
_LEAST: Final = (("minLength", str, "characters"), ("minItems", list, "items"))
_MOST: Final = (("maxLength", str, "characters"), ("maxItems", list, "items"))


@dataclass(slots=True)
class Schemas:
    """What schemas refer to, and how many are still looked at for one plan; the rest is left to the worker.

    Options that refer to themselves are gone through again at each level of a value: a lane would stand for hours.
    """

    named: Mapping[str, JsonSchema]
    left: int = MOST_LOOKS

    def are_enough(self) -> bool:
        """Count one; say whether it is too many."""
        self.left -= 1
        return self.left < 0


def misfit(
    value: JsonValue, schema: JsonValue, schemas: Schemas, where: str = "it", depth: int = 0
) -> str | None:
    """Say why a value doesn't fit, without showing it; None if it does."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return f"{where} may not be there" if schema is False else None
    if schemas.are_enough():
        return None
    found = next(_own(value, schema, where), None)
    if found is not None:
        return found
    for part, inner, name in _parts(value, schema, schemas.named, where):
        found = misfit(part, inner, schemas, name, depth + 1)
        if found is not None:
            return found
    for word in ("anyOf", "oneOf"):
        options = schema.get(word)
        if isinstance(options, list):
            found = _no_option(value, options, schemas, where, depth + 1)
            if found is not None:
                return found
    return None


def _no_option(
    value: JsonValue, options: list[JsonValue], schemas: Schemas, where: str, depth: int
) -> str | None:
    found = None
    for option in options:
        found = misfit(value, option, schemas, where, depth)
        if found is None:
            return None
    return found if len(options) <= 1 else f"{where} fits none of {len(options)} types"


def takes_list(schema: JsonValue, schemas: Schemas, depth: int = 0) -> bool:
    """Say whether a list may stand there."""
    if not isinstance(schema, dict) or depth > _DEEPEST or schemas.are_enough():
        return schema is not False
    options = [
        option for word in ("anyOf", "oneOf") if isinstance(some := schema.get(word), list) for option in some
    ]
    if options:
        return any(takes_list(option, schemas, depth + 1) for option in options)
    named = _named(schema, schemas.named)
    if named is not None:
        return takes_list(named, schemas, depth + 1)
    return "array" in _types(schema) or not _types(schema)


def _types(schema: Mapping[str, JsonValue]) -> list[JsonValue]:
    kinds = schema.get("type")
    return kinds if isinstance(kinds, list) else [] if kinds is None else [kinds]


def _named(schema: Mapping[str, JsonValue], schemas: Mapping[str, JsonSchema]) -> JsonSchema | None:
    reference = schema.get("$ref")
    return schemas.get(reference.rpartition("/")[2]) if isinstance(reference, str) else None


def _own(value: JsonValue, schema: Mapping[str, JsonValue], where: str) -> Iterator[str]:
    """Say what is wrong with the value itself."""
    kinds = _types(schema)
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{where} is no {' or '.join(map(str, kinds))}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} is another value than the one that may stand there"
    enum = schema.get("enum")
    if isinstance(enum, list) and not any(_same(value, each) for each in enum):
        yield f"{where} is none of {', '.join(map(str, enum))}"
    if isinstance(value, str | list):
        yield from _sizes(value, schema, where)
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _bounds(value, schema, where)
    required = schema.get("required")
    if isinstance(value, dict) and isinstance(required, list):
        yield from (f"{where} has no {name!r}" for name in required if name not in value)


def _sizes(value: "str | list[JsonValue]", schema: Mapping[str, JsonValue], where: str) -> Iterator[str]:
    for word, kind, what in _LEAST:
        least = schema.get(word)
        if type(value) is kind and isinstance(least, int) and len(value) < least:
            yield f"{where} has fewer than {least} {what}"
    for word, kind, what in _MOST:
        most = schema.get(word)
        if type(value) is kind and isinstance(most, int) and len(value) > most:
            yield f"{where} has more than {most} {what}"


def _bounds(value: float, schema: Mapping[str, JsonValue], where: str) -> Iterator[str]:
    least, most = schema.get("minimum"), schema.get("maximum")
    over, under = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if (_number(least) and value < least) or (_number(over) and value <= over):
        yield f"{where} is too small"
    if (_number(most) and value > most) or (_number(under) and value >= under):
        yield f"{where} is too large"


def _parts(
    value: JsonValue, schema: Mapping[str, JsonValue], schemas: Mapping[str, JsonSchema], where: str
) -> Iterator[tuple[JsonValue, JsonValue, str]]:
    """List what has to fit as well: the value itself, by other schemas, and what is in it."""
    yield value, _named(schema, schemas), where
    every = schema.get("allOf")
    yield from ((value, each, where) for each in (every if isinstance(every, list) else []))
    if isinstance(value, dict):
        known, other = schema.get("properties"), schema.get("additionalProperties")
        fields = known if isinstance(known, dict) else {}
        yield from (
            (value[name], fields.get(name, other), f"{where}.{name[:_NAME_CHARACTERS]}") for name in value
        )
    if isinstance(value, list):
        first, rest = schema.get("prefixItems"), schema.get("items")
        fixed = first if isinstance(first, list) else []
        for number, item in enumerate(value):
            yield item, fixed[number] if number < len(fixed) else rest, f"{where}[{number}]"


def _is(value: JsonValue, kind: JsonValue) -> bool:
    if kind == "integer":
        return _number(value) and (isinstance(value, int) or value.is_integer())
    if kind == "number":
        return _number(value)
    python = _KINDS.get(str(kind))
    return python is None or isinstance(value, python)


def _number(value: JsonValue) -> "TypeIs[int | float]":
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: JsonValue, other: JsonValue) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
