import pytest
from pydantic import JsonValue

from argosy.broker.facts import answer, select
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.values import load
from argosy.schemas.errors import FactsTooLarge, InvalidInput
from argosy.schemas.facts import Fact, ListFact, NoFact, SizeFact, ValueFact, Want

VALUE: JsonValue = {"items": ["a", "bbb", "cc"], "ok": True, "text": "hello"}


def count(text: str) -> int:
    return len(text)


async def one(want: Want) -> Fact:
    return (await answer(VALUE, [want], count, MemoryPayloads()))[want.key]


async def test_a_condition_gets_the_selected_value() -> None:
    assert await one(Want(kind="value", select="ok")) == ValueFact(kind="value", value=True)


async def test_a_path_that_leads_nowhere_is_null() -> None:
    assert await one(Want(kind="value", select="no.where")) == ValueFact(kind="value", value=None)


async def test_a_size_is_counted_on_what_is_selected() -> None:
    assert await one(Want(kind="size", select="text")) == SizeFact(kind="size", bytes=7, tokens=5)


async def test_the_whole_value_is_asked_for_without_a_select() -> None:
    fact = await one(Want(kind="size"))
    assert isinstance(fact, SizeFact)
    assert fact.bytes > 40


async def test_a_list_tells_its_length_its_largest_item_and_its_manifest() -> None:
    payloads = MemoryPayloads()
    want = Want(kind="list", select="items")
    fact = (await answer(VALUE, [want], count, payloads))[want.key]
    assert isinstance(fact, ListFact)
    assert (fact.length, fact.most_tokens) == (3, 3)
    assert await load(fact.manifest, payloads) is not None


async def test_an_empty_list_is_a_list() -> None:
    facts = await answer([], [Want(kind="list")], count, MemoryPayloads())
    fact = facts["list:"]
    assert isinstance(fact, ListFact)
    assert (fact.length, fact.most_tokens) == (0, 0)


async def test_what_is_no_list_says_so() -> None:
    fact = await one(Want(kind="list", select="text"))
    assert isinstance(fact, NoFact)
    assert "string" in fact.reason


async def test_a_select_that_fails_on_this_value_is_no_fact() -> None:
    fact = await one(Want(kind="value", select="length(ok)"))
    assert isinstance(fact, NoFact)


async def test_answers_over_64_kib_are_refused() -> None:
    with pytest.raises(FactsTooLarge):
        await answer("x" * 70_000, [Want(kind="value")], count, MemoryPayloads())


def test_a_broken_select_shows_itself_and_not_the_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        select("a[", {"secret": 1})
    assert "secret" not in str(caught.value)
