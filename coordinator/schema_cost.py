"""What it may cost to check a value by a JSON Schema that came from a stranger: bounded before it is done.

A schema may send one value through another schema twice, that one through a third twice, and so on: forty such lines
take longer than anybody waits. The library has no limit, so the ways that lead through a schema are counted here, for
a value that is nested so deep; what would take too many is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from pydantic import JsonValue

from argosy.schemas.errors import BadMessage

MOST: Final = 20_000_000
"""Schemas that a value is put through, all its parts together: a second or two."""
_CHEAP: Final = 200
_DEEPEST: Final = 128
"""No value is nested deeper (`broker.values.MOST_DEPTH`)."""
_HERE_ONE: Final = ("not", "if", "then", "else", "$ref")
_HERE_LIST: Final = ("allOf", "anyOf", "oneOf")
_HERE_MAP: Final = ("dependentSchemas",)
_BELOW_ONE: Final = ("items", "additionalProperties", "contains", "propertyNames")
_BELOW_MAP: Final = ("patternProperties",)
_EACH: Final = ("properties",)
"""Each of these is for another part of the value: of them only the dearest counts."""
_EACH_LIST: Final = ("prefixItems",)
_UNKNOWN: Final = (
    *("$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$anchor", "$id"),
    *("unevaluatedProperties", "unevaluatedItems"),
)
"""Our compiler makes none of these; what they cost can't be seen from here."""

Schema = Mapping[str, JsonValue]


class _TooDeepError(BadMessage):
    """The ways can't be counted so deep down."""


@dataclass(slots=True)
class SchemaCost:
    """The ways through one document, by how deep the value is."""

    document: Schema
    _known: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    _under_way: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    _cheap: bool | None = None

    def check(self, value: JsonValue) -> None:
        """Raise BadMessage if it would cost too much to check this value, or if that can't be seen."""
        if self._never_dear():
            return
        parts, depth = measure(value)
        ways = self._counted(min(depth, _DEEPEST))
        if ways * parts > MOST:
            text = f"to check {parts} values by it takes {ways} or more steps for each: more than {MOST} together"
            raise BadMessage(text, field="pipeline.takes")

    def _never_dear(self) -> bool:
        """Say whether no value is worth measuring: so it is with what doesn't refer to itself."""
        if self._cheap is None:
            try:
                self._cheap = self._counted(_DEEPEST) <= _CHEAP
            except _TooDeepError:
                self._cheap = False
        return self._cheap

    def _counted(self, depth: int) -> int:
        try:
            return self._ways(self.document, depth)
        except RecursionError:
            self._under_way.clear()
            text = f"it can't be seen what it takes to check a value that is nested {depth} deep"
            raise _TooDeepError(text, field="pipeline.takes") from None

    def _ways(self, schema: JsonValue | Schema, depth: int) -> int:
        if not isinstance(schema, Mapping) or depth < 0:
            return 1
        key = id(schema), depth
        found = self._known.get(key)
        if found is None:
            if key in self._under_way:
                raise BadMessage("a schema refers to itself without looking deeper", field="pipeline.takes")
            self._under_way.add(key)
            found = self._known[key] = min(MOST + 1, self._sum(schema, depth))
            self._under_way.discard(key)
        return found

    def _sum(self, schema: Schema, depth: int) -> int:
        wrong = next((word for word in _UNKNOWN if word in schema), None)
        if wrong is not None and isinstance(schema[wrong], str | bool | dict):
            raise BadMessage(f"{wrong} is not known here", field="pipeline.takes")
        choices = schema.get("enum")
        total = 1 + (len(choices) if isinstance(choices, list) else 0)
        total += sum(self._ways(each, depth) for each in self._here(schema))
        total += sum(self._ways(each, depth - 1) for each in _members(schema, _BELOW_ONE, (), _BELOW_MAP))
        each_of = _members(schema, (), _EACH_LIST, _EACH)
        return total + max((self._ways(each, depth - 1) for each in each_of), default=0)

    def _here(self, schema: Schema) -> Iterator[JsonValue]:
        for each in _members(schema, _HERE_ONE, _HERE_LIST, _HERE_MAP):
            yield self._target(each) if isinstance(each, str) else each

    def _target(self, reference: str) -> JsonValue:
        found: JsonValue = cast("JsonValue", self.document)
        if not reference.startswith("#"):
            raise BadMessage(f"{reference[:200]!r} lies outside of the pipeline", field="pipeline.takes")
        for part in filter(None, reference[1:].split("/")):
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        return found


def _members(
    schema: Schema, one: tuple[str, ...], lists: tuple[str, ...], maps: tuple[str, ...]
) -> Iterator[JsonValue]:
    for word in one:
        if word in schema:
            yield schema[word]
    for word in lists:
        found = schema.get(word)
        yield from found if isinstance(found, list) else ()
    for word in maps:
        found = schema.get(word)
        yield from found.values() if isinstance(found, dict) else ()


def measure(value: JsonValue) -> tuple[int, int]:
    """Count the values in one another, and how deep they are nested."""
    parts, depth, level = 0, 0, [value]
    while level:
        parts += len(level)
        depth += 1
        level = [inner for each in level for inner in _inner(each)]
    return parts, depth


def _inner(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()
