"""What the bench's table and JSON say of what was measured."""

import pytest

from support.bench_modules import bench_module

figures = bench_module("figures")


@pytest.mark.parametrize(
    ("goal", "values", "is_met"),
    [
        (figures.at_most(2.0), [1.9, 2.0, 9.0], True),
        (figures.at_most(2.0), [1.0, 2.1, 2.2], False),
        (figures.at_least(0.97), [0.1, 0.97, 0.98], True),
        (figures.at_least(0.97), [0.96, 0.96, 0.99], False),
        (figures.at_most(2.0), [], False),
        (None, [1.0], None),
    ],
)
def test_a_goal_is_judged_by_the_median(goal: object, values: list[float], is_met: bool | None) -> None:  # noqa: FBT001
    figure = figures.Figure("drain", "what", "x", values, goal)
    assert figure.is_met is is_met
    assert figure.as_json().get("met") is is_met


def test_the_table_says_goal_and_whether_it_is_met() -> None:
    assert figures.Figure("a", "n", "x", [9_000.0], figures.at_least(8_000)).verdict == "≥ 8,000: met"
    assert figures.Figure("a", "n", "x", [2.5], figures.at_most(2.0)).verdict == "≤ 2: MISSED"
    assert not figures.Figure("a", "n", "x", [2.5]).verdict


def test_what_did_not_finish_is_a_result() -> None:
    figure = figures.Figure("a", "n", "x", [], figures.at_most(1.0))
    assert figure.shown[0] == figures.DID_NOT_FINISH
    assert figure.as_json() == {
        "arm": "a",
        "name": "n",
        "unit": "x",
        "goal": "≤ 1",
        "met": False,
        "finished": False,
    }


def test_minimum_median_and_maximum_are_told() -> None:
    told = figures.Figure("a", "n", "us", [3.0, 1.0, 2.0]).as_json()
    assert (told["min"], told["median"], told["max"], told["values"]) == (1.0, 2.0, 3.0, [3.0, 1.0, 2.0])


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_growth_is_the_exponent_of_a_power_law(exponent: float) -> None:
    sizes = [100, 1_000, 10_000]
    assert figures.slope(sizes, [7 * size**exponent for size in sizes]) == pytest.approx(exponent)


def test_a_ratio_is_made_of_two_values_of_one_round() -> None:
    assert figures.ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
