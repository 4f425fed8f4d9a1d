"""Structured output of a scripted model: whether a text fits a schema, and a sample of what would."""

from typing import Final

import jsonschema_rs
import orjson
from pydantic import JsonValue

from argosy.schemas.contract import JsonSchema

_DEEP: Final = 6
"""A recursive schema ends here, where it allows it."""
_TOO_DEEP: Final = 60
"""One that never allows it ends here, and nothing fits it."""
_HUGE: Final = 1e18


def misfit(text: str, schema: JsonSchema) -> str:
    """Say why a text is not what a schema asks for; empty if it is. A schema that is none fits nothing."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return f"it is no JSON: {error}"
    try:
        found = next(
            iter(
                jsonschema_rs.Draft202012Validator(schema, retriever=_nothing_from_outside).iter_errors(value)
            ),
            None,
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return f"the request's schema is none: {error}"
    if found is None:
        return ""
    return f"{'.'.join(map(str, found.instance_path)) or 'the whole'}: {found.message}"


def _nothing_from_outside(uri: str) -> JsonValue:
    message = f"{uri} is not read: a schema refers to itself only"
    raise ValueError(message)


def sample(schema: JsonSchema) -> JsonValue:
    """Make the same plain value of a schema each time; what it can't meet (a pattern) is left unmet."""
    return _sample(schema, schema, "text", 0)


def _sample(node: JsonSchema, root: JsonSchema, name: str, depth: int) -> JsonValue:
    if depth > _TOO_DEEP:
        return None
    match node:
        case {"$ref": str(reference)}:
            return _sample(_resolved(reference, root), root, name, depth + 1)
        case {"const": value} | {"enum": [value, *_]}:
            return value
        case {"anyOf": [_, *_] as choices} | {"oneOf": [_, *_] as choices} | {"allOf": [_, *_] as choices}:
            ends = depth > _DEEP and {"type": "null"} in choices
            return None if ends else _sample(_schema(choices[0]), root, name, depth + 1)
        case _:
            return _plain(node, root, name, depth)


def _plain(node: JsonSchema, root: JsonSchema, name: str, depth: int) -> JsonValue:
    kind = node.get("type", "object" if "properties" in node else "string")
    match kind[0] if isinstance(kind, list) and kind else kind:
        case "object":
            known, wanted = _schema(node.get("properties")), node.get("required")
            names = [str(one) for one in wanted] if isinstance(wanted, list) else []
            return {one: _sample(_schema(known.get(one)), root, one, depth + 1) for one in names}
        case "array":
            wished = 0 if depth > _DEEP else min(1, _number(node, "maxItems", 1))
            count = int(max(_number(node, "minItems", 0), wished))
            return [_sample(_schema(node.get("items")), root, name, depth + 1) for _ in range(count)]
        case "integer" | "number":
            return _between(node)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            text = name.ljust(int(_number(node, "minLength", 0)), ".")
            return text[: int(_number(node, "maxLength", len(text)))]


def _between(node: JsonSchema) -> int | float:
    least = max(_number(node, "minimum", -_HUGE), _number(node, "exclusiveMinimum", -_HUGE) + 1)
    most = min(_number(node, "maximum", _HUGE), _number(node, "exclusiveMaximum", _HUGE) - 1)
    number = min(max(0.0, least), most)
    return int(number) if number == int(number) else number


def _schema(node: JsonValue) -> JsonSchema:
    return node if isinstance(node, dict) else {}


def _resolved(reference: str, root: JsonSchema) -> JsonSchema:
    found = root
    for part in reference.removeprefix("#").split("/"):
        if part:
            found = _schema(found.get(part))
    return found


def _number(node: JsonSchema, key: str, otherwise: float) -> float:
    value = node.get(key)
    return float(value) if isinstance(value, int | float) else otherwise
