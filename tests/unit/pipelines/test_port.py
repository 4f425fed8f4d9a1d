import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter
from pydantic_core import from_json

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.port import Port, port_of
from argosy.schemas.errors import InvalidInput, InvalidResult
from argosy.schemas.hole import Hole
from support.briefing import Document, summarise, synthesise

HOLE = Hole(task_id="r/extract.1", outcome="failed", reason="no luck")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    when: datetime
    count: int = Field(alias="howMany")


def port(annotation: Any) -> Port[Any]:  # noqa: ANN401 - an annotation is anything
    return port_of(annotation, TypeAdapter(annotation))


def test_json_values_and_json_text_are_decoded_alike() -> None:
    expected = Strict(when=datetime(2026, 1, 2, tzinfo=UTC), howMany=3)
    p = port(Strict)
    assert p.decode({"when": "2026-01-02T00:00:00Z", "howMany": 3}) == expected
    assert p.decode(b'{"when": "2026-01-02T00:00:00Z", "howMany": 3}') == expected


def test_values_travel_by_alias() -> None:
    value = Strict(when=datetime(2026, 1, 2, tzinfo=UTC), howMany=3)
    assert port(Strict).encode(value) == b'{"when":"2026-01-02T00:00:00Z","howMany":3}'


def test_an_error_names_the_field_and_never_shows_the_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        port(Document).decode({"title": "my-secret"}, name="document")
    assert str(caught.value) == "document is no Document: text: Field required"
    with pytest.raises(InvalidInput) as caught:
        port(int).decode("my-secret")
    assert "my-secret" not in str(caught.value)
    with pytest.raises(InvalidResult) as wrong:
        port(Document).encode({"title": "my-secret"})
    assert str(wrong.value) == "the value is no Document: text: Field required"


def test_many_errors_are_cut_short() -> None:
    with pytest.raises(InvalidInput, match="and 15 more"):
        port(list[int]).decode(["x"] * 20)


@pytest.mark.parametrize("given", [b"{", b"", b'{"a": ', b"\xff\xfe", "lone \ud800", b"NaN"])
def test_what_is_no_json_is_invalid_input(given: bytes | str) -> None:
    with pytest.raises(InvalidInput):
        port(dict[str, int]).decode(given)


def test_a_hole_goes_only_where_the_type_says_so() -> None:
    assert port(Document | Hole).decode(HOLE) == HOLE
    with pytest.raises(InvalidInput, match=r"a hole \(failed: no luck\), which Document doesn't take"):
        port(Document).decode(HOLE)


def test_a_value_that_looks_like_a_hole_is_a_value() -> None:
    look_alike = HOLE.model_dump()
    assert port(dict[str, str] | Hole).decode(look_alike) == look_alike
    assert port(list[dict[str, str] | Hole]).decode([look_alike, HOLE]) == [look_alike, HOLE]
    with pytest.raises(InvalidInput):
        port(Document | Hole).decode(look_alike)


def test_the_shards_of_a_map_are_decoded_one_by_one() -> None:
    p = port(Sequence[list[int] | Hole])
    assert p.decode([[1, 2], HOLE, b"[3]"]) == [[1, 2], HOLE, [3]]
    assert p.decode(b"[[1, 2]]") == [[1, 2]]
    assert port(tuple[int | Hole, ...]).decode([1, HOLE]) == (1, HOLE)
    with pytest.raises(InvalidInput, match=r"texts\[1\] is no list\[int\]"):
        p.decode([[1], "x"], name="texts")


def test_a_list_of_no_holes_takes_none() -> None:
    with pytest.raises(InvalidInput):
        port(list[int]).decode([1, HOLE])


def test_an_agent_decodes_all_its_inputs_by_name() -> None:
    decoded = summarise.decode({"document": {"title": "t", "text": "x"}})
    assert decoded == {"document": Document(title="t", text="x")}


def test_missing_and_unknown_inputs_are_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        synthesise.decode({"notes": {"facts": []}, "note": 1})
    assert str(caught.value) == (
        "agent 'synthesise' takes notes, summary, critique; "
        "'summary' is missing; 'critique' is missing; 'note' is unknown"
    )


async def test_an_input_with_a_default_is_left_to_the_function() -> None:
    @agent
    async def shout(_ctx: Context, text: str, mark: str = "!") -> str:
        return text + mark

    context: Any = None  # a plain function that doesn't use it
    assert shout.decode({"text": "a"}) == {"text": "a"}
    assert await shout.function(context, **shout.decode({"text": "a"})) == "a!"
    assert await shout.function(context, **shout.decode({"text": "a", "mark": "?"})) == "a?"
    assert await shout(context, "a", "?") == "a?"


def test_a_result_of_another_type_is_refused() -> None:
    with pytest.raises(InvalidResult):
        summarise.encode(None)
    assert InvalidResult.retriable


class Measure(BaseModel):
    value: float
    note: str | None = None


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (float, math.nan),
        (Any, math.inf),
        (tuple[float, None], (math.nan, None)),
        (dict[str, Any], {"a": [1, {"b": math.inf}]}),
        (Measure, Measure(value=-math.inf)),
        (list[Measure], [Measure(value=1), Measure(value=math.nan)]),
        (str, "\ud800"),
        (dict[str, Any], {"\ud800": 1}),
    ],
)
def test_what_json_can_not_say_is_refused_and_becomes_no_other_value(annotation: Any, value: object) -> None:  # noqa: ANN401 - any type
    with pytest.raises(InvalidResult, match="no JSON"):
        port(annotation).encode(value)


def test_a_null_is_a_value_of_its_own() -> None:
    assert port(Measure).encode(Measure(value=1.5)) == b'{"value":1.5,"note":null}'
    assert port(dict[str, str]).encode({"\ufffd": "\ufffd"}) == '{"\ufffd":"\ufffd"}'.encode()
    assert port(int).encode(10**40) == b"1" + b"0" * 40


def test_in_a_list_given_as_text_nothing_is_read_as_a_hole() -> None:
    look_alike = HOLE.model_dump()
    p = port(list[dict[str, str] | Hole])
    assert p.decode(json.dumps([look_alike]).encode()) == [look_alike]
    with pytest.raises(InvalidInput):
        port(list[Document | Hole]).decode(json.dumps([look_alike]).encode())
    with pytest.raises(InvalidInput):
        p.decode(b"[")


TEXTS: st.SearchStrategy[str] = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(["1", "1.5", "true", "null"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.sampled_from(["value", "note"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(
    VALUES,
    st.sampled_from([str, int, float, bool, Measure, Any, list[int], dict[str, Any], Decimal, datetime]),
)
def test_text_is_decoded_as_what_it_says(value: JsonValue, annotation: Any) -> None:  # noqa: ANN401 - any type
    text = json.dumps(value, ensure_ascii=False, indent=1).encode()

    def decoded(given: Any) -> str:  # noqa: ANN401 - what a message brings
        try:
            return repr(port(annotation).decode(given))
        except InvalidInput as error:
            return str(error)

    assert decoded(text) == decoded(from_json(text))
