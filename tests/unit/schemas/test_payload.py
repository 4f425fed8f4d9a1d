"""A payload's value: any JSON value, whether it comes from JSON or from Python."""

import pytest
from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.schemas.payload import Inline

_PLAIN = TypeAdapter[JsonValue](JsonValue)


@pytest.mark.parametrize(
    "text",
    [
        "1", "-0", "1.0", "1e400", "123456789012345678901234567890", "true", "null", '"2020-01-01"', '"\\u00e9"',
        "{}", '{"a":1,"a":2}', '[1,[2,{"x":null}]]', "[" * 190 + "]" * 190,
    ],
)  # fmt: skip
def test_a_value_is_read_from_json_as_any_json_value_is(text: str) -> None:
    found = Inline.model_validate_json(f'{{"value":{text},"bytes":1,"tokens":1}}').value
    assert (found, type(found)) == ((expected := _PLAIN.validate_json(text)), type(expected))


@pytest.mark.parametrize("text", ["", "{", '"\\ud800"', "1,", "01", "[" * 250 + "]" * 250])
def test_what_is_no_json_is_no_value(text: str) -> None:
    with pytest.raises(ValidationError):
        Inline.model_validate_json(f'{{"value":{text},"bytes":1,"tokens":1}}')


@pytest.mark.parametrize("value", [object(), {1, 2}, {"a": [b"x"]}, {1: 2}])
def test_what_json_cannot_say_is_no_value_from_python(value: object) -> None:
    with pytest.raises(ValidationError):
        Inline.model_validate({"value": value, "bytes": 1, "tokens": 1})
