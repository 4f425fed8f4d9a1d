"""Whatever is selected is what jmespath selects, and nothing that is asked has no end."""

import jmespath
import pytest
from pydantic import JsonValue

from argosy.broker.bounded_select import TooMuch, search
from argosy.broker.facts import answer, select
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.schemas.errors import InvalidInput
from argosy.schemas.facts import NoFact, Want

DATA: JsonValue = {
    "people": [
        {"name": "a", "age": 3, "tags": ["x", "y"]},
        {"name": "b", "age": 5, "tags": []},
        {"name": "c"},
    ],
    "nested": [[1, 2], [3, [4]], 5],
    "empty": {},
    "text": "some text",
    "true": True,
}
EXPRESSIONS = (
    "@",
    "people",
    "people[*].name",
    "people[?age > `3`].name | [0]",
    "people[?name == 'a' || age == `5`].{n: name, t: tags}",
    "people[].tags[]",
    "nested[]",
    "nested[][]",
    "nested[0:1]",
    "people[-1]",
    "empty.*",
    "*.name",
    "people[*].[name, age]",
    "[people, people] == [people, people]",
    "people[0] != people[1]",
    "length(people)",
    "length(text)",
    "join(', ', people[*].name)",
    "sort_by(people[?age], &age)[*].name",
    "map(&length(@), people[*].name)",
    "max_by(people[?age], &age).name",
    "to_string(people[0])",
    "keys(people[0])",
    "merge(people[0], people[2])",
    "not_null(absent, text)",
    "!true",
    "true && text",
    "absent.more.still",
    "people[9]",
    '`[1, {"a": 2}]`[1].a',
    "reverse(people)[0].name",
)
TWICE = "[@,@]"
BOMBS = {
    "a value in itself": "|".join([TWICE] * 64),
    "objects": "|".join(["{a: @, b: @}"] * 64),
    "a list that doubles": "@" + f"|{TWICE}[]" * 64,
    "compared": "|".join([TWICE] * 18) + "|" + "|".join(["{a: @, b: @}|[a == b, a == b, @.a == @.b]"] * 12),
    "a text that doubles": "to_string(@)" + "|to_string(to_array(@))" * 64,
    "glue": "|".join([TWICE] * 16) + f"|{'[]|' * 15}[*].to_string(@)|join('{'x' * 10_000}', @)",
    "written again and again": "|".join([TWICE] * 17)
    + "|"
    + "|".join(["[to_string(@), to_string(@), @]|[2]"] * 99),
    "projections of all": "@" + f"|{TWICE}[]" * 16 + "|[*].[@,@]" * 16,
    "mapped": "@" + f"|{TWICE}[]" * 14 + "|map(&map(&[@,@], [@,@]), @)" * 20,
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_it_selects_what_jmespath_selects(expression: str) -> None:
    assert search(expression, DATA) == jmespath.search(expression, DATA)


@pytest.mark.parametrize("case", BOMBS)
@pytest.mark.timeout(60)
def test_what_asks_for_more_than_a_machine_has_is_refused(case: str) -> None:
    with pytest.raises(TooMuch, match=r"more (steps )?than"):
        search(BOMBS[case], [1])
    with pytest.raises(InvalidInput, match="can't be selected"):
        select(BOMBS[case], [1])


def test_a_long_list_may_be_looked_through_several_times() -> None:
    items: JsonValue = [{"id": n, "tags": ["a", "b"], "ok": n % 2 == 0} for n in range(10_000)]
    found = search("[?ok].{id: id, tag: tags[0]}", items)
    assert isinstance(found, list)
    assert len(found) == 5_000
    with pytest.raises(TooMuch):
        search("[@, @, @, @][]|[@, @, @, @][].tags|[@, @]", items)


async def test_a_fact_of_such_a_selection_says_why_there_is_none() -> None:
    want = Want(kind="value", select=BOMBS["a value in itself"])
    facts = await answer([1], [want], len, MemoryPayloads())
    (found,) = facts.values()
    assert isinstance(found, NoFact)
    assert "makes a value of more than 250,000 parts" in found.reason


async def test_many_selections_of_one_value_share_what_may_be_done() -> None:
    items: JsonValue = [{"id": n} for n in range(10_000)]
    wants = [Want(kind="value", select=f"length([?id > `{n}`])") for n in range(200)]
    facts = await answer(items, wants, len, MemoryPayloads())
    kinds = [fact.kind for fact in facts.values()]
    assert kinds[0] == "value"
    assert kinds[-1] == "none", "and not half a minute later"
