"""A text that is looked for is found however it is written, and a number only where it is a whole one."""

import pytest
from pydantic import JsonValue

from argosy.console.about import about_what
from argosy.console.figures import claims, contradictions, unsupported
from argosy.console.sought import Sought, normal
from argosy.schemas.errors import NotFound


@pytest.mark.parametrize(
    ("sought", "value"),
    [
        ("1,200", "it cost 1200 euros"),
        ("1200", {"cost": 1200.0}),
        ("1200", "1,200.00."),
        ("12.5", [{"share": 12.50}]),
        ("The  Tower", "the\ntower of Cordouan"),
        ("a “quoted” line", ["it is a “quoted” line"]),
        ("fullwidth 42", "fullwidth \uff14\uff12"),
        ('say "no"', '{"text": "say \\"no\\" twice"}'),
        ("title", {"title": ""}),
        ("-5", {"low": -5}),
        ({"a": "x", "b": 2}, ["x and more", "2 of them", "a b"]),
        (True, {"passed": True}),
    ],
)
def test_it_is_found(sought: JsonValue, value: JsonValue) -> None:
    assert Sought(sought).within(value)


@pytest.mark.parametrize(
    ("sought", "value"),
    [
        ("30", "301 steps"),
        ("301", "1,301 steps"),
        ("1.2", "version 1.25"),
        ("5", {"low": -5}),
        ("200", 1200),
        ("one two", ["one", "two"]),
        (True, "that is true of all"),
        ({"a": "x", "b": 2}, ["x and more", "3 of them", "a b"]),
        ("(.*)", "anything"),
    ],
)
def test_it_is_not_found(sought: JsonValue, value: JsonValue) -> None:
    assert not Sought(sought).within(value)


def test_numbers_are_written_in_one_way_and_other_text_is_left_alone() -> None:
    assert normal("  A 1,234,567.50 and 12,34 and 007 ") == "a 1234567.5 and 12,34 and 007"


def test_nothing_to_look_for_is_said() -> None:
    assert Sought(" \n").is_nothing
    assert Sought({}).is_nothing
    assert not Sought("x").is_nothing


def test_a_figure_that_took_anothers_place_contradicts_it() -> None:
    source: JsonValue = {"text": "The lamp is seen for 21 miles. The tower has 301 steps.", "year": 1611}
    output: JsonValue = {"says": "It has 310 steps, the tower; the lamp is seen for 21 miles.", "year": 1616}
    new = unsupported(output, [source])
    assert [claim.figure for claim in new] == ["310", "1616"]
    found = contradictions(new, output, {"doc": source})
    assert [(each.input, each.was, each.became) for each in found] == [
        ("doc", "301", "310"),
        ("doc", "1611", "1616"),
    ]
    assert contradictions(new, output, {"other": "nothing of the kind in 99 words"}) == ()
    assert [claim.figure for claim in claims({"a": True, "b": None, "c": "no figure"})] == []


@pytest.mark.parametrize(
    ("about", "path", "value"),
    [
        (".facts[1].year", ".facts[1].year", 1611),
        ("facts[0]", "facts[0]", "a"),
        ("title", "title", "Cordouan"),
        (".", ".", {"title": "Cordouan", "facts": ["a", {"year": 1611}]}),
        ("Eddystone", "", "Eddystone"),
        ("facts[9]", "", "facts[9]"),
        ("It has 301 steps.", "", "It has 301 steps."),
        ("  ", "", None),
    ],
)
def test_a_field_is_one_that_the_outcome_has_and_all_else_is_a_text(
    about: str, path: str, value: JsonValue
) -> None:
    assert about_what(about, {"title": "Cordouan", "facts": ["a", {"year": 1611}]}) == (path, value)


@pytest.mark.parametrize("about", [".facts[9]", "[0]", ".title.more"])
def test_what_begins_as_a_field_must_be_one(about: str) -> None:
    with pytest.raises(NotFound, match="the outcome has no field"):
        about_what(about, {"title": "Cordouan", "facts": []})
