"""Numbers as people read them."""

import pytest

from argosy.console.numbers import counted, short


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (4_149, "4.1k"), (12_000, "12k"), (1_500_000, "1.5M"), (20_000_000, "20M")],
)
def test_large_numbers_are_short(number: int, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 messages"), (1, "1 message"), (2, "2 messages")])
def test_a_noun_agrees_with_its_number(number: int, text: str) -> None:
    assert counted(number, "message") == text


def test_a_plural_may_be_given() -> None:
    assert (counted(1, "process", "processes"), counted(2, "process", "processes")) == (
        "1 process",
        "2 processes",
    )
