"""A schema that would take for ever is refused before a value is put through it; those that people write are not."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, JsonValue

from argosy import Context, Pipeline, agent
from argosy.coordinator.input_check import InputCheck
from argosy.coordinator.schema_cost import SchemaCost, measure
from argosy.schemas.errors import BadMessage


class Leaf(BaseModel):
    value: int


class Both(BaseModel):
    left: "Tree | Leaf"
    right: "Tree | Leaf"


class Either(BaseModel):
    first: "Tree | Leaf"
    second: "Tree | Leaf | None" = None


class Tree(BaseModel):
    node: Both | Either | Leaf
    children: "list[Tree]" = []


@agent
async def climb(ctx: Context, tree: Tree) -> int:  # noqa: ARG001 - an agent has a context
    return tree.children.__len__()


climbing = Pipeline("climbing", takes=Tree, gives=int)
climbing.returns(climbing.step(climb, climbing.input))


def doubling(word: str, lines: int, last: JsonValue) -> dict[str, Any]:
    """Each line sends the value through the next one twice."""

    def twice(number: int) -> JsonValue:
        ref: JsonValue = {"$ref": f"#/$defs/{number}"}
        match word:
            case "if":
                return {"if": ref, "then": ref}
            case "$ref":
                return {"$ref": f"#/$defs/{number}", "not": {"not": ref}}
            case "below":
                return {"allOf": [{"items": ref}, {"items": ref}]}
            case _:
                return {word: [ref, ref]}

    lines_of: dict[str, JsonValue] = {str(number): twice(number + 1) for number in range(lines)}
    return {"$ref": "#/$defs/0", "$defs": {**lines_of, str(lines): last}}


def nested(depth: int) -> JsonValue:
    value: JsonValue = 1
    for _ in range(depth):
        value = [value]
    return value


LISTS: JsonValue = json.loads(f"[{','.join(['[-1]'] * 20_000)}]")
NUMBERS: JsonValue = json.loads(f"[{','.join(['-1'] * 9_000)}]")
DEAR: dict[str, tuple[dict[str, Any], JsonValue]] = {
    **{
        word: (doubling(word, 40, {"type": "integer"}), 5)
        for word in ("allOf", "anyOf", "oneOf", "if", "$ref")
    },
    "twice at each level": (doubling("below", 40, {"type": "integer"}), nested(41)),
    "a long list of choices for each": ({"items": {"enum": [[n] for n in range(20_000)]}}, LISTS),
    "many schemas for each": ({"items": {"anyOf": [{"const": n} for n in range(9_000)]}}, NUMBERS),
    "itself": ({"$ref": "#"}, 1),
    "a name that isn't here": ({"$ref": "https://example.org/schema"}, 1),
    "a dynamic name": ({"$dynamicRef": "#x"}, 1),
    "what is left over": ({"unevaluatedProperties": {"type": "integer"}}, {}),
}


@pytest.mark.parametrize("case", DEAR)
@pytest.mark.timeout(60)
def test_what_would_take_for_ever_is_refused_at_once(case: str) -> None:
    schema, value = DEAR[case]
    pipeline = climbing.compile().model_copy(update={"takes": schema, "schemas": {}})
    with pytest.raises(BadMessage) as refused:
        InputCheck().check(case, pipeline, value)
    assert refused.value.field == "pipeline.takes"


def test_schemas_that_refer_to_themselves_are_no_trouble() -> None:
    tree: JsonValue = {"node": {"value": 1}}
    for _ in range(6):
        tree = {"node": {"left": tree, "right": {"value": 2}}, "children": [tree]}
    InputCheck().check("tree", climbing.compile(), tree)


def test_a_plain_schema_is_not_even_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = SchemaCost(
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"items": {"type": "integer"}}}}
    )
    monkeypatch.setattr("argosy.coordinator.schema_cost.measure", None)
    cost.check({"a": "x", "b": [1]})


def test_values_are_measured() -> None:
    assert measure(1) == (1, 1)
    assert measure({"a": [1, 2, {"b": None}]}) == (6, 4)
