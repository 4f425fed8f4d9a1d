"""What is cut of a task's inputs, and what a page of it is: together the pages are the input."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from argosy.agents.page_plan import at, join, page_of, plan_pages
from argosy.schemas.contract import Contract
from argosy.schemas.errors import ContextRefused, InvalidInput
from argosy.schemas.pages import PagePlan, PageRange

CONTRACT = Contract(
    model=None,
    window=100,
    reserve=10,
    threshold=0.8,
    above="paginate",
    concurrency=1,
    timeout_seconds=1,
    retries=0,
    backoff_seconds=1,
    max_deliveries=1,
    version="1",
)
LEAVES: st.SearchStrategy[JsonValue] = (
    st.none() | st.booleans() | st.integers(0, 99) | st.text("ab. \n", max_size=60)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=25,
)


def pages_of(inputs: dict[str, JsonValue], plan: PagePlan) -> list[JsonValue]:
    return [page_of(inputs[plan.input], plan, number).value for number in range(len(plan.pages))]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b"]), VALUES, min_size=1), st.integers(20, 120))
def test_the_pages_of_a_plan_are_the_input_and_fit(inputs: dict[str, JsonValue], room: int) -> None:
    try:
        plan = plan_pages(inputs, CONTRACT, room, len)
    except ContextRefused:
        return
    whole = at(inputs[plan.input], plan.path)
    pages = pages_of(inputs, plan)
    cut = [at(page, plan.path) for page in pages]
    if isinstance(whole, str):
        assert "".join(part for part in cut if isinstance(part, str)) == whole
    else:
        assert join(cut) == whole
    for page, known in zip(cut, plan.pages, strict=True):
        if isinstance(page, str):
            assert len(page) == known.tokens <= plan.limit
        else:
            assert isinstance(page, list)
            assert known.tokens <= plan.limit or len(page) == 1
    for page in pages:  # but for what is cut, each is the input
        empty = plan.model_copy(update={"pages": (PageRange(start=0, own=0, end=0, tokens=0),)})
        assert page_of(page, empty, 0) == page_of(inputs[plan.input], empty, 0)


def test_the_largest_text_is_cut_and_the_rest_goes_with_each_page() -> None:
    inputs: dict[str, JsonValue] = {"document": {"title": "T", "text": "one. " * 40}, "topic": "birds"}
    plan = plan_pages(inputs, CONTRACT, 100, len)
    assert (plan.input, plan.path, plan.tokens) == ("document", ("text",), 228)
    assert plan.limit == 100 - (228 - 200)
    assert {str(at(page, ("title",))) for page in pages_of(inputs, plan)} == {"T"}


def test_a_text_may_take_more_tokens_in_json_than_by_itself() -> None:
    inputs: dict[str, JsonValue] = {"document": {"text": "\n" * 500}}
    assert plan_pages(inputs, CONTRACT, 100, len).limit == 100 - len('{"text":""}')


def test_a_text_is_cut_with_the_overlap_of_the_contract_and_the_record_says_so() -> None:
    contract = CONTRACT.model_copy(update={"overlap": 12})
    text = "".join(f"Line {number} of it.\n" for number in range(40))
    plan = plan_pages({"text": text}, contract, 100, len)
    assert "".join(text[page.own : page.end] for page in plan.pages) == text
    assert all(0 < page.own - page.start <= 12 for page in plan.pages[1:])
    (record,) = plan.records
    assert (record.method, record.input, record.before, record.pages) == (
        "paginate",
        "text",
        len(text),
        len(plan.pages),
    )
    assert (record.overlap, record.limit, record.after) == (12, 100, max(page.tokens for page in plan.pages))
    assert record.sha256 == plan.sha256


def test_the_contract_says_what_is_cut() -> None:
    inputs: dict[str, JsonValue] = {"a": {"x": "long " * 30, "y": "short " * 10}, "b": 1}
    contract = CONTRACT.model_copy(update={"page": "a.y"})
    assert plan_pages(inputs, contract, 250, len).path == ("y",)
    assert plan_pages({"a": {"x": "long " * 30, "y": None}}, contract, 250, len).path == ("x",)


def test_what_has_no_text_and_no_list_is_refused_with_its_figures() -> None:
    with pytest.raises(ContextRefused, match="no text and no list") as refused:
        plan_pages({"n": 12345}, CONTRACT, 3, len)
    assert refused.value.tokens == 5


def test_too_little_room_beside_what_goes_whole_is_refused_with_its_figures() -> None:
    with pytest.raises(ContextRefused, match="there is room for 100") as refused:
        plan_pages({"rules": "r" * 95, "text": "t" * 900}, CONTRACT, 100, len)
    assert (refused.value.tokens, refused.value.room) == (995, 100)


def test_one_item_that_is_more_than_a_page_is_said_to_be_so() -> None:
    inputs: dict[str, JsonValue] = {"notes": ["a" * 10, "b" * 300, "c" * 10]}
    plan = plan_pages(inputs, CONTRACT, 100, len)
    over = [page_of(inputs["notes"], plan, number).over for number in range(3)]
    assert over == [None, 302, None]


def test_a_plan_for_another_value_is_no_plan() -> None:
    plan = plan_pages({"text": "word " * 50}, CONTRACT, 100, len)
    others: list[tuple[JsonValue, int]] = [("word", 2), ({"text": "x"}, 0), ("word " * 50, 99), (None, 0)]
    for value, number in others:
        with pytest.raises(InvalidInput):
            page_of(value, plan, number)


def test_lists_and_models_of_lists_are_joined_and_nothing_else() -> None:
    assert join([[1], [], [2, 3]]) == [1, 2, 3]
    assert join([{"a": [1], "b": []}, {"a": [2], "b": [3]}]) == {"a": [1, 2], "b": [3]}
    wrong: list[list[JsonValue]] = [["x"], [[1], {"a": []}], [{"a": 1}], [{"a": [1]}, {"a": "x"}]]
    for results in wrong:
        with pytest.raises(InvalidInput):
            join(results)
