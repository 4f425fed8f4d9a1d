"""The path that a sender is told is one of its own document."""

import pytest
from pydantic_core import from_json, to_json

from argosy.schemas.codec import decode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadMessage
from support.shell_world import diamond, many

SUBMIT = Envelope("run.submitted", "1", "test")


def field_of(body: object) -> str:
    with pytest.raises(BadMessage) as refused:
        decode_body(SUBMIT, to_json(body))
    return refused.value.field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "pipeline"),
        ([], "body"),
        ({"pipeline": 7}, "pipeline"),
        ({"pipeline": {}}, "pipeline.argosy"),
        ({"pipeline": "p", "priority": 10}, "priority"),
        ({"pipeline": "p", "deadline_seconds": -1}, "deadline_seconds"),
        ({"pipeline": "p", "inptu": 1}, "inptu"),
    ],
)
def test_it_names_the_field(body: object, field: str) -> None:
    assert field_of(body) == field


def test_it_leads_into_a_pipeline_without_the_names_of_our_types() -> None:
    document = from_json(to_json(diamond.compile().dump()))
    document["steps"][1]["agent"] = 7
    assert field_of({"pipeline": document}) == "pipeline.steps.1.agent"
    document = from_json(to_json(many.compile().dump()))
    document["steps"][0]["inputs"][0]["from"] = 7
    assert field_of({"pipeline": document}) == "pipeline.steps.0.inputs.0.from"
