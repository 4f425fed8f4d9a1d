# ruff: noqa: RUF001 - the marks of several scripts
"""Runs of whole fleets whose inputs are too large for their agents: by rules 2 they end in complete results."""

import pytest
from pydantic import BaseModel

from argosy import Context, Pipeline, agent
from argosy.broker import tokens
from argosy.schemas.settings import Settings
from argosy.telemetry import names
from argosy.testing import Fleet
from argosy.testing.stage import plain_settings
from support.traces import Spans, attributes

LIMIT = 300  # 400 x 0.8 - 20


class Document(BaseModel):
    title: str
    text: str


class Found(BaseModel):
    facts: list[str]
    seen: list[int]


@agent(window=400, reserve=20, above="paginate")
async def find(_: Context, document: Document) -> Found:
    """Every line with a fact; and how long each page was."""
    assert document.title == "the log"
    size = tokens.count(document.text)
    assert size <= LIMIT
    facts = [line for line in document.text.splitlines() if "FACT" in line]
    return Found(facts=facts, seen=[len(document.text)])


@agent(window=400, reserve=20)
async def shorten(_: Context, texts: list[str]) -> str:
    assert sum(map(tokens.count, texts)) <= LIMIT
    return "".join(texts)


@agent(window=400, reserve=20, above="paginate", merge=shorten)
async def initials(_: Context, lines: list[str]) -> str:
    return "".join(line[0] for line in lines)


@agent(window=400, reserve=20, above="paginate", overlap=30)
async def number_pages(ctx: Context, document: Document) -> list[str]:
    """Where each page stands, what of it is its own, and how large the original is."""
    page, text = ctx.page, document.text
    if page is None:
        return ["whole"]
    whole = await ctx.payload("document").text()
    assert text in Document.model_validate_json(whole).text
    return [f"{page.input} {page.number}/{page.of}", text[page.overlap :]]


numbers_pages = Pipeline("numbers-pages", takes=Document, gives=list[str])
numbers_pages.returns(numbers_pages.step(number_pages, numbers_pages.input))
finds = Pipeline("finds", takes=Document, gives=Found)
finds.returns(finds.step(find, finds.input))
shortens = Pipeline("shortens", takes=list[str], gives=str)
shortens.returns(shortens.step(initials, shortens.input))
each = Pipeline("each", takes=list[Document], gives=list[Found])
each.returns(each.map(find, over=each.input, max_parallel=2))


@agent(window=8_000, reserve=1_000, above="paginate")
async def survey(_: Context, document: Document) -> Found:
    assert tokens.count(document.text) <= 5_400
    facts = [line for line in document.text.splitlines() if "FACT" in line]
    return Found(facts=facts, seen=[len(document.text)])


@agent
async def tell(_: Context, number: int) -> str:
    return f"{number:08d} " + "something that was found out about it. " * 50


@agent(window=8_000, reserve=1_000, above="paginate")
async def gather(_: Context, told: list[str]) -> Found:
    assert sum(map(tokens.count, told)) <= 5_400
    return Found(facts=[one[:8] for one in told], seen=[len(told)])


surveys = Pipeline("surveys", takes=Document, gives=Found)
surveys.returns(surveys.step(survey, surveys.input))
gathers = Pipeline("gathers", takes=list[int], gives=Found)
gathers.returns(gathers.step(gather, gathers.map(tell, over=gathers.input, max_parallel=100)))


def by_rules_2() -> Settings:
    usual = plain_settings()
    return usual.model_copy(update={"fleet": usual.fleet.model_copy(update={"rules": 2})})


def log_of(lines: int) -> Document:
    text = "".join(
        f"line {n}: {'FACT ' if n % 37 == 0 else ''}nothing much happened here\n" for n in range(lines)
    )
    return Document(title="the log", text=text)


async def test_a_document_of_many_pages_ends_in_all_of_its_facts() -> None:
    document = log_of(2_000)
    async with Fleet(finds, settings=by_rules_2()) as fleet:
        run = await fleet.submit(finds, document)
        await fleet.settle()
        found = await run.result()
    assert found.facts == [line for line in document.text.splitlines() if "FACT" in line]
    assert sum(found.seen) == len(document.text)
    assert len(found.seen) > 50


async def test_a_page_knows_which_it_is_and_what_of_it_is_its_own() -> None:
    document = log_of(200)
    async with Fleet(numbers_pages, settings=by_rules_2()) as fleet:
        run = await fleet.submit(numbers_pages, document)
        small = await fleet.submit(numbers_pages, log_of(2))
        await fleet.settle()
        found = await run.result()
        assert await small.result() == ["whole"]
    of = len(found) // 2
    assert found[::2] == [f"document {number}/{of}" for number in range(1, of + 1)]
    assert "".join(found[1::2]) == document.text


async def test_the_span_of_a_page_tells_what_it_is_a_page_of() -> None:
    spans = Spans()
    async with Fleet(finds, settings=by_rules_2()) as fleet:
        run = await fleet.submit(finds, log_of(200))
        await fleet.settle()
        pages = len((await run.result()).seen)
    told = [attributes(span) for span in spans.all() if names.CONTEXT_PAGE in attributes(span)]
    assert sorted(str(each[names.CONTEXT_PAGE]) for each in told) == sorted(map(str, range(1, pages + 1)))
    assert {each[names.CONTEXT_METHOD] for each in told} == {("document: paginate",)}
    assert {each[names.CONTEXT_PAGES] for each in told} == {(str(pages),)}


async def test_a_list_is_cut_between_its_items_and_merged_as_a_tree() -> None:
    lines = [f"{chr(97 + n % 26)} line of a few words, number {n}" for n in range(400)]
    async with Fleet(shortens, settings=by_rules_2()) as fleet:
        run = await fleet.submit(shortens, lines)
        await fleet.settle()
        assert await run.result() == "".join(line[0] for line in lines)


async def test_shards_that_are_too_large_are_cut_and_the_others_are_not() -> None:
    documents = [log_of(3), log_of(200), log_of(2)]
    async with Fleet(each, settings=by_rules_2()) as fleet:
        run = await fleet.submit(each, documents)
        await fleet.settle()
        found = await run.result()
    assert [len(one.seen) > 1 for one in found] == [False, True, False]
    assert [sum(one.seen) for one in found] == [len(document.text) for document in documents]


async def test_workers_that_die_change_nothing_of_it() -> None:
    document = log_of(300)
    async with Fleet(finds, settings=by_rules_2(), workers=2) as fleet:
        for where in ("before_claim", "in_handler", "after_store", "after_publish"):
            fleet.crash(find, at=where)
        run = await fleet.submit(finds, document)
        await fleet.advance(600)
        found = await run.result()
    assert found.facts == [line for line in document.text.splitlines() if "FACT" in line]
    assert sum(found.seen) == len(document.text)


async def test_five_megabytes_through_a_window_of_8k_end_in_a_complete_map_of_pages() -> None:
    document = log_of(127_000)
    assert len(document.text) > 4_900_000
    async with Fleet(surveys, settings=by_rules_2()) as fleet:
        run = await fleet.submit(surveys, document)
        await fleet.settle()
        found = await run.result()
    assert found.facts == [line for line in document.text.splitlines() if "FACT" in line]
    assert sum(found.seen) == len(document.text)


async def test_a_fan_in_of_200k_tokens_into_an_agent_of_8k_loses_nothing() -> None:
    async with Fleet(gathers, settings=by_rules_2()) as fleet:
        run = await fleet.submit(gathers, list(range(500)))
        await fleet.settle()
        found = await run.result()
    assert found.facts == [f"{number:08d}" for number in range(500)]
    assert len(found.seen) > 30


GIVEN: list[list[str]] = []
"""What merges were given."""


@agent(window=40_000, reserve=1_000)
async def answer(_: Context, notes: list[str]) -> str:
    GIVEN.append(notes)
    return "\n".join(note for note in notes if note)


@agent(window=400, reserve=20, above="paginate", merge=answer)
async def seek(_: Context, document: Document) -> str:
    """What an agent notes of its page: lines with a secret."""
    return "\n".join(line for line in document.text.splitlines() if "secret" in line)


seeks = Pipeline("seeks", takes=Document, gives=str)
seeks.returns(seeks.step(seek, seeks.input))


async def test_a_fact_planted_on_page_37_of_60_reaches_the_input_of_the_merge() -> None:
    lines = [f"line {n}: nothing much happened in all of this hour, or was not seen" for n in range(900)]
    lines[int(len(lines) * 36.5 / 60)] = "line: the secret is kept under the third stone"
    async with Fleet(seeks, settings=by_rules_2()) as fleet:
        run = await fleet.submit(seeks, Document(title="the log", text="\n".join(lines)))
        await fleet.settle()
        assert await run.result() == "line: the secret is kept under the third stone"
    (notes,) = GIVEN
    assert len(notes) == 60
    assert [number for number, note in enumerate(notes, 1) if note] == [37]


@agent(window=400, reserve=20, above="paginate")
async def keep(_: Context, text: str) -> list[str]:
    assert tokens.count(text) <= LIMIT
    return [text]


keeps = Pipeline("keeps", takes=str, gives=list[str])
keeps.returns(keeps.step(keep, keeps.input))
HARD = {
    "chinese": "山高月小，水落石出。曾日月之幾何，而江山不可復識矣。" * 120,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 e\u0301 नमस्ते " * 120,
    "code": "def f(x: int) -> int:\n    if x > 0:\n        return f(x - 1)\n    return 0\n\n\n" * 80,
    "minified": '{"a":[{"k":"v","n":12345,"deep":{"er":[1,2,3,null,true]}}],"b":"\\u00e9"},' * 90,
    "one endless word": "pneumonoultramicroscopicsilicovolcanoconiosis" * 120,
    "nothing but marks": "?!…—" * 900,
}


@pytest.mark.parametrize("name", HARD)
async def test_texts_that_are_hard_to_cut_are_all_there_in_pages_that_fit(name: str) -> None:
    async with Fleet(keeps, settings=by_rules_2()) as fleet:
        run = await fleet.submit(keeps, HARD[name])
        await fleet.settle()
        pages = await run.result()
    assert "".join(pages) == HARD[name]
    assert len(pages) > 3
