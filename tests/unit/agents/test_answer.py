from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from argosy.agents.answer import Answer, BadAnswer


class Finding(BaseModel):
    text: str
    weight: float = 1.0


class Notes(BaseModel):
    title: str = Field(alias="heading", default="none")
    findings: list[Finding] = []
    tone: Literal["dry", "warm"] | None = None


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


def test_a_models_schema_is_closed_and_requires_everything() -> None:
    schema = Answer(Notes).schema
    assert schema.name == "Notes"
    assert schema.strict
    assert schema.schema["required"] == ["heading", "findings", "tone"]
    assert schema.schema["additionalProperties"] is False
    finding: Any = schema.schema["$defs"]
    assert finding["Finding"]["required"] == ["text", "weight"]
    assert "default" not in str(schema.schema)


def test_a_model_is_read_with_its_own_rules() -> None:
    found = Answer(Notes).read('{"heading": "h", "findings": [{"text": "t"}], "tone": null}')
    assert found == Notes.model_validate({"heading": "h", "findings": [{"text": "t", "weight": 1.0}]})


@pytest.mark.parametrize(
    ("returns", "text", "value"),
    [
        (list[Finding], '{"answer": [{"text": "a", "weight": 2}]}', [Finding(text="a", weight=2)]),
        (int, '{"answer": 3}', 3),
        (bool, '{"answer": true}', True),
        (list[str], '{"answer": []}', []),
        (dict[str, int], '{"answer": {"a": 1}}', {"a": 1}),
    ],
)
def test_what_is_no_object_is_wrapped_in_one(returns: type[Any], text: str, value: object) -> None:
    answer: Answer[Any] = Answer(returns)
    assert answer.schema.schema["type"] == "object"
    assert answer.schema.schema["required"] == ["answer"]
    assert answer.read(text) == value


def test_a_mapping_with_free_keys_is_not_strict() -> None:
    assert not Answer(dict[str, int]).schema.strict
    assert Answer(list[Finding]).schema.strict


def test_a_recursive_model_has_a_schema() -> None:
    answer = Answer(Tree)
    assert answer.read('{"name": "a", "children": [{"name": "b", "children": []}]}').children[0].name == "b"


def test_a_markdown_fence_is_forgiven() -> None:
    assert Answer(Finding).read('```json\n{"text": "a", "weight": 1}\n```').text == "a"


@pytest.mark.parametrize(
    "text", ["", "no json", '{"text": 1', '{"weight": 1}', "[]", '{"text": {"secret": "s3cr3t"}}']
)
def test_a_bad_answer_says_where_and_never_repeats_the_text(text: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        Answer(Finding).read(text)
    assert "s3cr3t" not in str(caught.value)
    assert str(caught.value)


def test_a_wrapper_without_its_property_is_bad() -> None:
    with pytest.raises(BadAnswer, match="answer"):
        Answer(int).read("{}")


def test_a_value_survives_being_kept_as_json() -> None:
    answer = Answer(Notes)
    value = answer.read('{"heading": "h", "findings": [], "tone": "dry"}')
    assert answer.value(answer.dump(value)) == value
