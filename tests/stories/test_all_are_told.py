"""The design has 47 crash stories: each is a test here, under its number."""

import ast
import re
from pathlib import Path

_NUMBERS = re.compile(r"(?<=_)s(\d+)(?=_)")


def _told() -> set[int]:
    names = (
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    )
    return {int(number) for name in names for number in _NUMBERS.findall(name)}


def test_every_crash_story_is_told_under_its_number() -> None:
    assert _told() == set(range(1, 48))
