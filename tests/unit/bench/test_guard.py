"""The regression guard fails beyond its tolerance, and only there."""

from pathlib import Path

import pytest

from support.bench_modules import bench_module

guard = bench_module("guard")


@pytest.mark.parametrize(
    ("ratio", "is_too_dear"), [(1.0, False), (2.0, False), (2.59, False), (2.61, True), (20.0, True)]
)
def test_only_what_costs_more_than_is_tolerated_is_too_dear(ratio: float, is_too_dear: bool) -> None:  # noqa: FBT001
    (judged,) = guard.judge(guard.Kept(1.3, {"worker": 2.0}), {"worker": ratio})
    assert judged.is_too_dear is is_too_dear
    assert ("TOO DEAR" in str(judged)) is is_too_dear
    assert "kept 2.00" in str(judged)


def test_a_ratio_that_nobody_kept_is_told_and_fails_nothing() -> None:
    (judged,) = guard.judge(guard.Kept(1.3, {}), {"new": 9.0})
    assert not judged.is_too_dear
    assert "--keep" in str(judged)


def test_the_least_of_each_counts_as_other_programs_only_make_work_dearer() -> None:
    assert guard.ratios({"worker": [9.0, 4.0], "coordinator": [6.0]}, [3.0, 2.0]) == {
        "worker": 2.0,
        "coordinator": 3.0,
    }


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    kept = guard.Kept(1.25, {"worker": 2.5})
    kept.write({"machine": "some"}, file)
    assert guard.Kept.read(file) == kept


def test_the_ratios_in_the_repository_can_be_read() -> None:
    kept = guard.Kept.read()
    assert kept.tolerance > 1
    assert len(kept.ratios) == 2
