import hashlib
from collections.abc import Iterator

import pytest

from argosy.schemas.redact import forget
from argosy.telemetry import content, redact
from argosy.telemetry.forms import attributes_of


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = content.mode()
    yield
    content.use(before)


def told(name: str, value: content.Content) -> dict[str, str]:
    found = content.told(name, value)
    return {} if found is None else {key: str(text) for key, text in attributes_of((found,)).items()}


def test_off_keeps_nothing_and_does_not_even_look() -> None:
    content.use("off")
    assert told("x", lambda: pytest.fail("looked")) == {}


def test_the_hash_is_that_of_the_bytes() -> None:
    content.use("hash")
    expected = {"x.sha256": hashlib.sha256("é".encode()).hexdigest()}
    assert told("x", "é") == told("x", "é".encode) == expected


def test_full_text_is_masked_and_cut() -> None:
    content.use("full")
    text = f"{'a' * content.TEXT_CHARACTERS}b"
    assert told("x", text)["x"].endswith(f"… ({len(text)} characters)")
    assert told("x", "key sk-abcdefghijklmnop")["x"] == "key [redacted]"


def test_a_secret_on_the_cut_is_masked_too() -> None:
    content.use("full")
    text = "a " * (content.TEXT_CHARACTERS // 2 - 8) + "sk-abcdefghijklmnopqrstuvwxyz"
    assert "sk-abc" not in told("x", text)["x"]


def test_what_this_process_was_given_is_masked_on_the_cut_too() -> None:
    content.use("full")
    redact.know(["correct horse battery"])
    try:
        cut_in_two = "a" * (content.TEXT_CHARACTERS - 14) + "correct horse battery"
        assert "correct" not in told("x", cut_in_two)["x"]
        many = "correct horse battery " * 4_000
        assert "correct hors" not in told("x", many)["x"]
    finally:
        forget()


def test_bytes_and_text_that_are_not_unicode_are_taken() -> None:
    content.use("full")
    assert told("x", b"\xff")["x"] == "\ufffd"
    assert "x" in told("x", "\ud800")
