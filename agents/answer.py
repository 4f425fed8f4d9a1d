"""Schema-bound answers: the JSON Schema that a model is held to, and the value that its text is read into."""

import re
from typing import Any, Final, Generic, TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.agents.model_client import AnswerSchema
from argosy.schemas.contract import JsonSchema
from argosy.schemas.late import LATE

T = TypeVar("T")

WRAP: Final = "answer"
"""The one property of the object around an answer that is no object itself: providers take objects only."""
_FENCE: Final = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_MOST_FINDINGS: Final = 5
_PLAIN: Final = re.compile(r"[^A-Za-z0-9_-]+")


class BadAnswer(ValueError):
    """The model's text is not what was asked for.

    The message says where, in words that the model may be told.
    """


class Answer(Generic[T]):
    """The codec of one `returns=` type: a pydantic model, or a JSON type such as `list[Model]`."""

    def __init__(self, returns: type[T]) -> None:
        """Derive the schema; pydantic's own error for a type that has none."""
        self._adapter: TypeAdapter[T] = TypeAdapter(returns)
        schema: JsonSchema = self._adapter.json_schema()
        root = _resolved(schema, schema)
        self._wrapped = root.get("type") != "object" or "properties" not in root
        if self._wrapped:
            definitions = schema.pop("$defs", None)
            schema = {"type": "object", "properties": {WRAP: schema}, "required": [WRAP]}
            if definitions is not None:
                schema["$defs"] = definitions
        bound = _bound(schema)
        name = _PLAIN.sub("_", getattr(returns, "__name__", "") or WRAP)[:64]
        self.schema = AnswerSchema(name, bound, strict=_is_closed(bound))

    def read(self, text: str) -> T:
        """Read a model's text; BadAnswer if it isn't the JSON that was asked for.

        A Markdown fence is forgiven.
        """
        fenced = _FENCE.match(text)
        body = fenced[1] if fenced else text
        try:
            if not self._wrapped:
                return self._adapter.validate_json(body)
            found = _OBJECT.validate_json(body)
            if WRAP not in found:
                message = f"the property {WRAP!r} is missing"
                raise BadAnswer(message)
            return self.value(found[WRAP])
        except ValidationError as error:
            raise BadAnswer(_findings(error)) from None

    def value(self, value: JsonValue) -> T:
        """Read a JSON value, as `dump` made it."""
        return self._adapter.validate_json(_JSON.dump_json(value))

    def dump(self, value: T) -> JsonValue:
        """Make the JSON value of an answer, to be kept as a memo."""
        return _JSON.validate_json(self._adapter.dump_json(value, by_alias=True))


_JSON: Final[TypeAdapter[JsonValue]] = TypeAdapter(JsonValue, config=LATE)
_OBJECT: Final[TypeAdapter[dict[str, JsonValue]]] = TypeAdapter(dict[str, JsonValue], config=LATE)


def _resolved(schema: JsonSchema, root: JsonSchema) -> JsonSchema:
    """Follow a reference at the top of a schema (a recursive model has one)."""
    reference, definitions = schema.get("$ref"), root.get("$defs")
    if isinstance(reference, str) and isinstance(definitions, dict):
        target = definitions.get(reference.rpartition("/")[2])
        return target if isinstance(target, dict) else schema
    return schema


def _bound(node: JsonSchema) -> JsonSchema:
    """Close every object and require all its properties, as strict servers want it.

    Drop defaults and titles.
    """
    bound: dict[str, Any] = {}
    for key, value in node.items():
        match key, value:
            case ("default" | "title", _) if not isinstance(value, dict):
                continue
            case ("properties" | "$defs", dict()):
                bound[key] = {name: _closed(inner) for name, inner in value.items()}
            case _:
                bound[key] = _closed(value)
    properties = bound.get("properties")
    if bound.get("type") == "object" and isinstance(properties, dict):
        bound["required"] = list(properties)  # pyright: ignore[reportUnknownArgumentType] (its keys are names)
        bound.setdefault("additionalProperties", False)
    return bound


def _closed(node: JsonValue) -> JsonValue:
    if isinstance(node, dict):
        return _bound(node)
    return [_closed(item) for item in node] if isinstance(node, list) else node


def _is_closed(node: JsonValue) -> bool:
    """Say whether every object names all it may hold: what servers need to enforce a schema strictly."""
    if isinstance(node, list):
        return all(_is_closed(item) for item in node)
    if not isinstance(node, dict):
        return True
    if node.get("type") == "object" and node.get("additionalProperties") is not False:
        return False
    return node != {} and all(_is_closed(inner) for inner in node.values())


def _findings(error: ValidationError) -> str:
    """Say what is wrong and where; never what was said, which may be long."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    texts = [
        f"{'.'.join(map(str, item['loc'])) or 'the whole'}: {item['msg']}" for item in found[:_MOST_FINDINGS]
    ]
    rest = len(found) - len(texts)
    return "; ".join([*texts, *([f"and {rest} more"] if rest else [])])
