import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from argosy.schemas.errors import ConfigurationError
from argosy.testing import Limits, Rule, Say, Script, ToolAsk
from argosy.testing.model_faults import Cut, Hits, Status
from argosy.testing.model_script import load_script

TOML = """
models = ["gpt-5-mini"]
limits = { requests_per_minute = 60 }

[limits_of."gpt-5"]
concurrency = 2

[[rules]]
name = "research"
contains = "facts"
replies = ["plain", { value = { facts = ["f"] } }, { tool_calls = [{ name = "search", arguments = { q = "x" } }] }]
faults = [{ kind = "status", status = 429, retry_after_seconds = 0.5, last = 1 }, { kind = "cut", first = 2, last = 2 }]
"""
JSON = """{"models": ["gpt-5-mini"], "limits": {"requests_per_minute": 60}, "limits_of": {"gpt-5": {"concurrency": 2}},
"rules": [{"name": "research", "contains": "facts", "replies": ["plain", {"value": {"facts": ["f"]}},
{"tool_calls": [{"name": "search", "arguments": {"q": "x"}}]}],
"faults": [{"kind": "status", "status": 429, "retry_after_seconds": 0.5, "last": 1},
{"kind": "cut", "first": 2, "last": 2}]}]}
"""
OBJECTS = Script(
    models=["gpt-5-mini"],
    limits=Limits(requests_per_minute=60),
    limits_of={"gpt-5": Limits(concurrency=2)},
    rules=[
        Rule(
            name="research",
            contains="facts",
            replies=[
                "plain",
                Say(value={"facts": ["f"]}),
                Say(tool_calls=[ToolAsk(name="search", arguments={"q": "x"})]),
            ],
            faults=[Status(status=429, retry_after_seconds=0.5, last=1), Cut(first=2, last=2)],
        )
    ],
)


def test_a_script_is_the_same_as_objects_as_json_and_as_toml(tmp_path: Path) -> None:
    for name, text in (("s.toml", TOML), ("s.json", JSON)):
        (tmp_path / name).write_text(text)
        assert load_script(tmp_path / name) == OBJECTS


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("s.toml", "rules = [", "is no TOML"),
        ("s.json", "{", "is no JSON"),
        ("s.json", b"\xff", "is no JSON"),
        ("s.json", "[]", "the whole: "),
        ("s.json", '{"rulez": []}', "rulez: Extra inputs"),
        ("s.json", '{"rules": [{"matches": "("}]}', "rules.0.matches: .*no regular expression"),
        ("s.json", '{"rules": [{"faults": [{"kind": "flood"}]}]}', "rules.0.faults.0: .*'flood'"),
        ("s.json", '{"rules": [{"faults": [{"kind": "cut", "first": 3, "last": 2}]}]}', "no call is hit"),
        ("s.json", '{"rules": [{"name": "a"}, {"name": "a"}]}', "two rules are called a"),
        ("s.json", '{"rules": [{"replies": [{"text": "a", "value": 1}]}]}', "this has text and value"),
        ("s.json", '{"limits": {"requests_per_minute": 0}}', "limits.requests_per_minute: "),
    ],
)
def test_a_wrong_script_says_where_and_what_to_do(
    tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load_script(path)
    assert str(path) in caught.value.what
    assert re.search(said, str(caught.value))
    assert caught.value.do


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"can't read the script .*gone\.toml"):
        load_script(tmp_path / "gone.toml")


def test_a_reply_is_one_thing() -> None:
    with pytest.raises(ValidationError, match="this has none"):
        Say()
    assert Say(text="I look.", tool_calls=[ToolAsk(name="f")]).content() == "I look."
    assert Say(value=None).content() == "null"


@pytest.mark.parametrize(
    ("hits", "calls"),
    [
        (Hits(), [1, 2, 3, 4, 5, 6]),
        (Hits(last=1), [1]),
        (Hits(first=2, last=3), [2, 3]),
        (Hits(first=3, every=3), [3, 6]),
        (Hits(first=2, last=5, every=2), [2, 4]),
    ],
)
def test_a_fault_hits_the_calls_that_it_names(hits: Hits, calls: list[int]) -> None:
    assert [call for call in range(1, 7) if hits.hits(call)] == calls
