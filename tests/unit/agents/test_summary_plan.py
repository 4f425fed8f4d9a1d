"""Which texts are summarised, to how much; and that nothing but their summaries is put in their place."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.agents.page_plan import at
from argosy.agents.summary_plan import Limits, page_text, plan_summaries, with_summaries
from argosy.pipelines.terms import make_contract
from argosy.schemas.errors import ContextRefused, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from argosy.schemas.contract import Contract
    from argosy.schemas.pages import SummaryPlan


def contract(**terms: object) -> "Contract":
    return make_contract("reader", {"model": "fake:m", "above": "summarise", **terms}, merge=None)


def plan_of(
    given_: "Mapping[str, JsonValue]", room: int, limit: int = 1_000, **terms: object
) -> "SummaryPlan":
    return plan_summaries(given_, contract(**terms), Limits(room, limit, 10_000), len)


def after(given_: "Mapping[str, JsonValue]", plan: "SummaryPlan") -> "dict[str, JsonValue]":
    """The inputs with summaries that each take all of their budget."""
    found, first = dict(given_), 0
    for record in plan.records:
        pages = plan.pages[first : first + record.pages]
        summaries: list[JsonValue] = ["s" * page.budget for page in pages]
        found[record.input] = with_summaries(found[record.input], plan, record.input, first, summaries)
        first += record.pages
    assert first == len(plan.pages)
    return found


def texts_in(value: "JsonValue") -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for item in value for text in texts_in(item)]
        case dict():
            return [text for item in value.values() for text in texts_in(item)]
        case _:
            return []


def test_what_fits_needs_no_summary() -> None:
    plan = plan_of({"text": "x" * 100, "number": 7}, 200)
    assert (plan.pages, plan.records, plan.kept, plan.tokens) == ((), (), 101, 101)


def test_a_text_is_summarised_page_by_page_to_its_share() -> None:
    text = "One sentence. " * 1_000
    plan = plan_of({"text": text, "topic": "birds"}, 5_000, limit=2_000)
    assert [page.tokens for page in plan.pages] == [1_988] * 7 + [84]
    assert "".join(page_text(text, plan, number) for number in range(8)) == text
    assert sum(page.budget for page in plan.pages) <= 5_000 - 5 - 2 * 8
    (record,) = plan.records
    assert (record.method, record.input, record.before, record.after, record.pages) == (
        "summarise",
        "text",
        14_000,
        4_995,
        8,
    )
    found = after({"text": text, "topic": "birds"}, plan)
    assert 4_900 < sum(map(len, texts_in([*found.values()]))) <= 5_000
    assert found["topic"] == "birds"


def test_the_largest_input_is_cut_first_and_weights_say_who_keeps_more() -> None:
    inputs: dict[str, JsonValue] = {"small": "s" * 300, "notes": "n " * 2_000, "log": "l " * 2_000}
    plan = plan_of(inputs, 2_100)
    assert {record.input: record.after for record in plan.records} == {"notes": 900, "log": 900}
    plan = plan_of(inputs, 2_100, weights={"notes": 2})
    assert {record.input: record.after for record in plan.records} == {"notes": 1_200, "log": 600}
    assert with_summaries("s", plan, "small", 99, []) == "s"


def test_a_list_of_texts_becomes_a_shorter_one_of_summaries_of_neighbours() -> None:
    notes: list[JsonValue] = [f"note {number}: " + "x " * 40 for number in range(30)]
    plan = plan_of({"notes": notes}, 900, limit=1_000)
    assert len(plan.pages) == 3
    assert page_text(notes, plan, 0).startswith("note 0: x")
    found = after({"notes": notes}, plan)["notes"]
    assert isinstance(found, list)
    assert len(found) == 3


def test_of_models_the_texts_are_summarised_each_in_its_place() -> None:
    documents: list[JsonValue] = [{"title": f"T{n}", "text": "word " * 100 * n, "at": n} for n in (1, 8, 15)]
    plan = plan_of({"documents": documents}, 2_500, limit=9_000)
    assert [part.path for part in plan.parts] == [(1, "text"), (2, "text")]
    found = after({"documents": documents}, plan)["documents"]
    assert at(found, (0,)) == documents[0]
    assert (at(found, (2, "title")), at(found, (2, "at"))) == ("T15", 15)
    assert len(str(at(found, (2, "text")))) < 2_500


def test_the_contract_says_what_is_summarised() -> None:
    inputs: dict[str, JsonValue] = {"document": {"text": "t " * 900, "appendix": "a " * 200}}
    plan = plan_of(inputs, 1_000, page="document.text")
    assert [part.path for part in plan.parts] == [("text",)]
    with pytest.raises(ContextRefused):
        plan_of(inputs, 1_000, page="document.absent")


def test_what_is_no_text_and_takes_nearly_all_is_refused_with_figures() -> None:
    numbers: list[JsonValue] = list(range(1_000, 1_200))
    with pytest.raises(ContextRefused, match="there is room for 1000") as refused:
        plan_of({"numbers": numbers, "text": "t " * 900}, 1_000)
    assert refused.value.room == 1_000


def test_texts_of_which_next_to_nothing_would_be_left_are_refused() -> None:
    many: list[JsonValue] = [{"text": "several words of a text"} for _ in range(100)]
    with pytest.raises(ContextRefused, match="would be summarised in"):
        plan_of({"many": many}, 1_700)


def test_summaries_of_very_many_pages_are_long_enough_to_be_summarised_again() -> None:
    plan = plan_of({"text": "words. " * 20_000}, 1_000, limit=900)
    assert len(plan.pages) > 150
    assert {page.budget for page in plan.pages[:-1]} == {200}


def test_a_plan_for_another_value_is_no_plan() -> None:
    plan = plan_of({"text": "word " * 500}, 1_000)
    others: list[JsonValue] = ["short", None, {"text": "x"}]
    for value in others:
        with pytest.raises(InvalidInput):
            page_text(value, plan, len(plan.pages) - 1)
    with pytest.raises(InvalidInput):
        page_text("word " * 500, plan, 99)
    with pytest.raises(InvalidInput):
        with_summaries("word " * 500, plan, "other", 0, ["s"])


VALUES = st.recursive(
    st.none() | st.integers(0, 99) | st.text("ab. \n", max_size=400),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=15,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1), st.integers(60, 900), st.integers(40, 300)
)
def test_whatever_the_inputs_they_fit_with_their_summaries_or_shrink(
    inputs: "dict[str, JsonValue]", room: int, page: int
) -> None:
    try:
        plan = plan_of(inputs, room, limit=page)
    except ContextRefused:
        return
    assert plan.kept + sum(record.before for record in plan.records) == plan.tokens
    assert all(summary.budget <= summary.tokens for summary in plan.pages)
    for part_number, part in enumerate(plan.parts):
        pages = [one for one in plan.pages if one.part == part_number]
        whole = at(inputs[part.input], part.path)
        assert isinstance(whole, str | list)
        assert [page.start for page in pages[1:]] == [page.end for page in pages[:-1]]
        assert (pages[0].start, pages[-1].end) == (0, len(whole))
    found = after(inputs, plan)
    if all(sum(one.part == number for one in plan.pages) == 1 for number in range(len(plan.parts))):
        assert sum(map(len, texts_in([*found.values()]))) <= room
