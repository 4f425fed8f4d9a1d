"""What changes in a page is sent, and nothing else; foreign text is shown as text."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message

from argosy.console.dashboard_http import Stream
from argosy.console.dashboard_live import Change, Seen, change_of, changes, frames
from argosy.console.dashboard_page import Item, Region, View
from argosy.console.dashboard_pen import draw
from argosy.console.dashboard_text import cut, visible
from argosy.schemas.errors import Unreachable
from argosy.schemas.redact import forget, know
from support.dashboard import HOSTILE


def region(**items: str) -> Region:
    return Region("notes", "base_items.html:note", tuple(Item(key, text) for key, text in items.items()))


def test_only_items_whose_facts_differ_are_sent() -> None:
    change = change_of(region(a="1", b="2"), region(a="1", b="3"))
    assert change is not None
    assert [key for key, _ in change.put] == ["b"]
    assert (change.gone, change.order) == ((), None)
    assert change_of(region(a="1"), region(a="1")) is None


def test_new_items_gone_items_and_another_order_are_told() -> None:
    change = change_of(region(a="1", b="2"), region(c="3", a="1"))
    assert change is not None
    assert ([key for key, _ in change.put], change.gone, change.order) == (["c"], ("b",), ("c", "a"))
    appended = change_of(region(a="1"), region(a="1", b="2"))
    assert appended is not None
    assert appended.order is None


def test_who_comes_anew_is_sent_all_with_the_order() -> None:
    (change,) = changes(None, [region(a="1")])
    assert change.order == ("a",)
    assert [key for key, _ in change.put] == ["a"]


def test_a_page_that_watches_goes_on_from_what_it_has() -> None:
    seen = Seen()
    name = seen.keep(View("t", (region(a="1"),)))
    before = seen.take(name)
    assert before is not None
    assert changes(before, [region(a="1")]) == []
    assert seen.take(name) is None


async def test_trouble_is_told_and_looking_goes_on() -> None:
    stop, looks = asyncio.Event(), 0

    async def look() -> View:
        nonlocal looks
        looks += 1
        if looks == 1:
            message = "redis://user:pa55word@h is away"
            raise Unreachable(message)
        return View("t", (region(a=str(looks)),))

    told: list[tuple[str, object]] = []
    async for frame in frames(look, None, 0.001, stop):
        kind, _, data = frame.decode().partition("\n")
        if kind.startswith("event: "):
            told.append((kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        if len(told) == 3:
            stop.set()
    assert [kind for kind, _ in told] == ["trouble", "trouble", "change"]
    assert "pa55word" not in str(told)
    assert told[1][1] == {"text": ""}


def test_hostile_text_is_drawn_as_text() -> None:
    drawn = draw(region(a=HOSTILE), Item(HOSTILE, HOSTILE))
    assert "<script" not in drawn
    assert not set("\x1b\u202e\u200b") & set(drawn)
    assert "U+202E" in drawn


@pytest.mark.parametrize(
    "char", ["\x00", "\x1b", "\x7f", "\x9b", "\u200b", "\u202e", "\u2066", "\ufeff", "\ue000"]
)
def test_what_cannot_be_seen_is_shown_by_its_number(char: str) -> None:
    assert f"U+{ord(char):04X}" in visible(f"a{char}b")
    assert visible("plain ümläut 漢字\n\ttext") == "plain ümläut 漢字\n\ttext"


def test_a_long_text_is_cut_in_its_middle_and_says_so() -> None:
    short = cut("a" * 500 + "b" * 500, 90)
    assert short.startswith("a" * 60)
    assert short.endswith("b" * 30)
    assert "910 characters left out" in short
    assert cut("abc", 3) == "abc"


def test_a_change_names_its_keys_as_the_page_has_them() -> None:
    change = change_of(None, region(**{HOSTILE: "x"}))
    assert isinstance(change, Change)
    assert change.order == (visible(HOSTILE),)


def test_a_key_that_looks_like_a_secret_is_masked_wherever_it_stands() -> None:
    one, two = region(**{"redis://u:pa55word@h": "x"}), region(a="y")
    change = change_of(one, two)
    assert change is not None
    assert "pa55word" not in str(change) + str(change_of(None, one)) + str(draw(one, one.items[0]))
    assert f'data-key="{change.gone[0]}"' in str(draw(one, one.items[0]))


async def test_who_reads_nothing_is_left() -> None:
    closed = False

    async def told() -> AsyncGenerator[bytes]:
        nonlocal closed
        try:
            yield b"first"
            yield b"second"
        finally:
            closed = True

    async def send(message: Message) -> None:
        if message.get("body"):
            await asyncio.Event().wait()

    await asyncio.wait_for(Stream(told(), send_seconds=0.01).stream_response(send), 60)
    assert closed


def test_a_cut_leaves_no_half_of_a_secret() -> None:
    know(["correct horse battery"])
    try:
        for before in range(40):
            text = "." * before + "correct horse battery" + "." * 500 + "correct horse battery" + "." * before
            found = cut(text, 60)
            assert "corre" not in found.replace("[redacted]", "")
            assert "ttery" not in found
        assert "ct hor" not in cut("correct horse battery " * 4_000, 9_000)
    finally:
        forget()
