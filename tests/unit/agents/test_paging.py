# ruff: noqa: RUF001 - the texts are in several scripts
"""Pages cover their text exactly, fit, are the same each time, and are cut where it hurts least."""

import json
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from argosy.agents.breaks import Level
from argosy.agents.paging import Page, paginate
from argosy.broker import tokens
from argosy.schemas.errors import ContextRefused

CLUSTER = regex.compile(r"\X")

Count = Callable[[str], int]


def letters(text: str) -> int:
    return len(text)


def words(text: str) -> int:
    """Not additive, like the tokens of a model: a word that is cut counts twice."""
    return len(text.split()) + len(text) // 7


def heavy(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


COUNTERS: list[Count] = [letters, words, heavy, tokens.count]

PARTS = (
    ["# Part\n", "\n\n", "\n", " ", "  ", "word", "another", "end. ", "“so?” ", "- item\n", "1. one\n", ", "],
    ["\t", "\r\n", "\f", "これは。", "「何？」", "é", "e\u0301", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "🏳️‍🌈", "क्षि", "\u0600"],
    [
        "각",
        "{",
        "};",
        '["a",',
        "]",
        "def f():\n    return 1\n\n\n",
        '{"a": [1, 2], "b": "x, y"}',
        "a" + "\u0301" * 7,
    ],
)
PROSE = st.lists(st.sampled_from([part for some in PARTS for part in some]), max_size=80).map("".join)
TEXTS = st.one_of(
    PROSE,
    st.text(max_size=200),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(max_size=8)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=4), inner, max_size=4)
        ),
        max_leaves=30,
    ).map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))),
)


def pages_of(text: str, limit: int, count: Count, overlap: int = 0) -> tuple[Page, ...]:
    pages = paginate(text, limit, count, overlap=overlap)
    assert pages == paginate(text, limit, count, overlap=overlap)
    check(text, pages, limit, count, overlap)
    return pages


def check(text: str, pages: tuple[Page, ...], limit: int, count: Count, overlap: int = 0) -> None:
    assert "".join(text[page.own : page.end] for page in pages) == text
    at = before = 0
    for page in pages:
        assert before <= page.start <= page.own == at < page.end
        assert page.tokens == count(text[page.start : page.end]) <= limit
        assert page.start == page.own or count(text[page.start : page.own]) <= overlap
        before, at = page.own, page.end


def split_clusters(text: str, pages: tuple[Page, ...]) -> list[str]:
    """List the clusters that a cut of a page lies inside of."""
    cuts = {page.end for page in pages} | {page.start for page in pages}
    found = [cluster.span() for cluster in CLUSTER.finditer(text)]
    return [text[start:end] for start, end in found if any(start < cut < end for cut in cuts)]


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.integers(40, 300), st.sampled_from(COUNTERS), st.integers(0, 500))
@example("a" + "\u0301" * 100, 40, heavy, 0)
@example("🇩🇪" * 100, 47, heavy, 300)
@example("\u0600" * 100, 47, heavy, 300)
def test_pages_are_the_text_exactly_and_fit(text: str, limit: int, count: Count, share: int) -> None:
    overlap = limit * share // 1000
    pages = pages_of(text, limit, count, overlap)
    assert (pages == ()) == (text == "")
    for cluster in split_clusters(text, pages):
        assert count(cluster) > limit


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(1, 12), st.sampled_from(COUNTERS), st.integers(0, 500))
def test_pages_may_be_tiny(text: str, limit: int, count: Count, share: int) -> None:
    if any(count(letter) > limit for letter in set(text)):
        with pytest.raises(ContextRefused):
            pages_of("".join(sorted(text, key=count, reverse=True)), limit, count)
        return
    pages_of(text, limit, count, limit * share // 1000)


@given(st.text(max_size=50), st.integers(-2, 4), st.integers(-2, 4))
def test_a_limit_and_an_overlap_that_make_no_sense_are_refused(text: str, limit: int, overlap: int) -> None:
    if limit < 1 or overlap < 0 or 2 * overlap > limit:
        with pytest.raises(ValueError, match="at most half"):
            paginate(text, limit, letters, overlap=overlap)
    else:
        check(text, paginate(text, limit, letters, overlap=overlap), limit, letters, overlap)


def test_a_character_with_more_tokens_than_a_page_is_refused_with_its_figures() -> None:
    with pytest.raises(ContextRefused) as refused:
        paginate("abc👩def", 3, heavy)
    assert (refused.value.tokens, refused.value.room) == (4, 3)


SENTENCES = "One two three four. Five six seven, eight nine ten. Eleven twelve? "


@pytest.mark.parametrize(
    ("text", "limit", "end", "level"),
    [
        (f"{'x' * 50}\n\n{'y' * 20}\n# Next\n{'z' * 50}", 100, "yy\n", "SECTION"),
        (
            f"def f():\n    {'x' * 40}\n\n    {'y' * 20}\n\n\ndef g():\n    {'z' * 50}",
            105,
            "yy\n\n\n",
            "BLOCK",
        ),
        (f"{'x' * 80}\n\n{'y' * 60}", 100, "xx\n\n", "BLOCK"),
        (f"  {'x' * 80}\n\n  {'y' * 60}", 100, "xx\n\n", "PARAGRAPH"),
        (f"- {'x' * 80}\n  {'y' * 9}\n- {'z' * 60}", 100, "yy\n", "ITEM"),
        (f"{'x' * 90}\n{'y' * 60}", 100, "xx\n", "LINE"),
        (SENTENCES, 60, "nine ten. ", "SENTENCE"),
        ("これは長い文です。" * 10, 40, "です。", "SENTENCE"),
        (f"{'w' * 95}, more of it", 100, "ww, ", "CLAUSE"),
        ("wordwordwo " * 20, 100, "wo ", "WORD"),
        ("call(a);" * 20, 100, "call(a);", "MARK"),
        ("x" * 250, 100, "x" * 100, "CHARACTER"),
        (json.dumps([{"n": 1, "of": [1, 2]}] * 12, separators=(",", ":")), 80, "[1,2]},", "MEMBER"),
        ('{"n": 1, "of": [1, 2]}\n' * 8, 100, "[1, 2]}\n", "MEMBER"),
    ],
)
def test_a_page_ends_where_it_tears_least(text: str, limit: int, end: str, level: str) -> None:
    first = pages_of(text, limit, letters)[0]
    assert (text[: first.end][-len(end) :], first.level.name) == (end, level)


@pytest.mark.parametrize("overlap", [0, 50])
def test_the_overlap_is_the_end_of_the_page_before(overlap: int) -> None:
    text = SENTENCES * 40
    pages = pages_of(text, 200, letters, overlap)
    for before, page in pairwise(pages):
        assert (page.start < page.own) == (overlap > 0)
        assert before.own <= page.start
        assert text[page.start - 1] == " "


def megabytes(piece: str, size: int = 1_000_000) -> str:
    return (piece * (size // len(piece) + 1))[:size]


LARGE = {
    "prose": megabytes(SENTENCES * 5 + "\n\n"),
    "code": megabytes("def f(x: int) -> int:\n    if x > 3:\n        return x + 1\n    return 7\n\n\n"),
    "CJK": megabytes("这是一个非常长的中文文档，用来测试分页。「真的」吗？"),
    "emoji": megabytes("👩‍👩‍👧‍👦🏳️‍🌈🇩🇪🇫🇷é"),
    "minified JSON": json.dumps(
        [{"id": i, "v": [i, "text, text"]} for i in range(30_000)], separators=(",", ":")
    ),
    "one endless word": "a" * 1_000_000,
    "one endless cluster": "a" + "\u0301" * 300_000,
    "flags": "🇩🇪" * 200_000,
    "spaces": " " * 1_000_000,
    "open brackets": "[" * 1_000_000 + "]",
}


@pytest.mark.parametrize("name", LARGE)
def test_a_long_text_is_cut_at_the_cost_of_a_few_counts_of_it(name: str) -> None:
    text, limit = LARGE[name], 5_000
    counted = 0

    def count(part: str) -> int:
        nonlocal counted
        counted += len(part)
        return tokens.count(part)

    pages = paginate(text, limit, count)
    assert counted < 6 * len(text)
    check(text, pages, limit, tokens.count)
    full = sum(page.tokens for page in pages[:-1])
    assert full >= limit * (len(pages) - 1) // 2


def test_five_megabytes_for_a_window_of_8k_take_seconds() -> None:
    text = megabytes(SENTENCES * 5 + "\n\n", 5_000_000)
    began = time.process_time()
    tokens.count(text)
    counted = time.process_time() - began
    began = time.process_time()
    pages = paginate(text, 5_400, tokens.count, overlap=200)
    assert time.process_time() - began < 12 * counted + 2
    check(text, pages, 5_400, tokens.count, 200)
    assert {page.level for page in pages[:-1]} == {Level.BLOCK}


def test_a_fact_on_page_37_of_60_is_on_one_page_and_whole() -> None:
    fact = "The harbour master's seal is number 4711."
    parts = [SENTENCES * 20] * 60
    parts[36] += fact + " "
    text = "".join(f"# Part {number}\n{part}\n\n" for number, part in enumerate(parts))
    limit = 30 + max(tokens.count(f"# Part 59\n{part}\n\n") for part in parts)
    pages = pages_of(text, limit, tokens.count)
    assert len(pages) == 60
    assert [number for number, page in enumerate(pages) if fact in text[page.own : page.end]] == [36]
