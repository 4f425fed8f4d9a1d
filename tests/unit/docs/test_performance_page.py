"""The page on performance tells what was measured, once, and nothing that was taken with little work."""

import json
from typing import Any

import pytest

from support.bench_modules import bench_module
from support.page_tables import renewed

PAGE = bench_module("page")


def measured(arm: str, median: float, drained: int = 5_000) -> str:
    figure = {"arm": arm, "name": "a figure", "unit": "us", "goal": "≤ 2", "met": median <= 2}
    return json.dumps(
        {
            "at": "2026-11-27T16:00:00+00:00",
            "repeats": 3,
            "machine": {"load_before": 0.5},
            "sizes": {"drained": drained},
            "figures": [{**figure, "min": 1, "median": median, "max": 9, "values": [1, median, 9]}],
        }
    )


def taken(*texts: str) -> Any:  # noqa: ANN401 - bench's modules are no package
    kept = PAGE.Kept()
    for text in texts:
        kept.take(text)
    return kept


def test_its_tables_are_those_of_what_was_kept() -> None:
    kept = PAGE.Kept.model_validate_json(PAGE.KEPT.read_bytes())
    text = PAGE.PAGE.read_text(encoding="utf-8")
    assert renewed(text, PAGE.tables(kept)) == text, "run: make bench-page"


def test_of_each_arm_the_newest_file_counts() -> None:
    table = PAGE.tables(taken(measured("drain", 1.5), measured("maps", 1.0), measured("drain", 2.5)))[
        "figures"
    ]
    assert "| `drain` | a figure | us | 1 | **2.5** | 9 | ≤ 2: **missed** |" in table
    assert "| `maps` | a figure | us | 1 | **1** | 9 | ≤ 2: met |" in table
    assert table.count("`drain`") == 1


def test_what_was_taken_with_little_work_is_refused() -> None:
    with pytest.raises(ValueError, match="--small"):
        taken(measured("drain", 1.5, drained=2_000))
