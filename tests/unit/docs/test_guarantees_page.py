import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")


def test_every_test_that_the_guarantees_name_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    there = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))
    }
    assert named - there == set()


def test_each_promise_names_at_least_one_test() -> None:
    promises = re.split(r"^## \d\. ", PAGE, flags=re.MULTILINE)[1:]
    assert len(promises) == 8
    assert all("`test_" in promise for promise in promises)
