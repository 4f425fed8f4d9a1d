import pytest

from argosy.schemas.canonical import canonical_hash, canonical_json


def test_order_of_keys_and_spaces_change_nothing() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": "é"}) == '{"a":"é","b":[1,2.5,null]}'.encode()
    assert canonical_hash({"a": 1, "b": 2}) == canonical_hash({"b": 2, "a": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_say_is_refused(value: float | str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - UnicodeEncodeError is a ValueError too; the message is Python's
        canonical_json(value)
