import inspect
import re
from pathlib import Path

import pytest

from support.crash_points import Cell, Point, Side, cells, covering, wrapped
from support.crash_table import POINTS

PAGE = (Path(__file__).parents[3] / "docs" / "guarantees.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("point", POINTS.values(), ids=lambda point: point.name)
def test_a_crash_point_names_a_function_that_is_there(point: Point) -> None:
    holder, name = point.owner()
    assert inspect.isfunction(inspect.getattr_static(holder, name))


def test_there_are_at_least_33_points_and_132_cells_of_different_names() -> None:
    names = [cell.id for cell in cells(POINTS)]
    assert len(POINTS) >= 33
    assert (
        len(set(names)) == len(names) == 4 * len(POINTS) + 4 * sum(point.loses for point in POINTS.values())
    )


def test_the_cells_of_every_test_run_cover_each_point_and_each_way_on_each_side() -> None:
    few = list(covering(POINTS))
    assert {cell.point.name for cell in few} == POINTS.keys()
    assert {(cell.side, cell.way) for cell in few} == {(cell.side, cell.way) for cell in cells(POINTS)}


def test_every_activity_of_the_design_has_points() -> None:
    activities = {name.rpartition(".")[0] for name in POINTS}
    worker = {"take", "claim", "run", "settle", "commit", "lease", "drain"}
    lane = {"take", "batch", "script", "publish", "checkpoint", "reload", "drain"}
    assert {f"worker.{name}" for name in worker} | {f"lane.{name}" for name in lane} <= activities
    assert {"client.submit", "gateway.submit", "receiver.accept", "receiver.commit"} <= activities
    paths = {"dead", "cancel"}
    assert {f"{role}.{name}" for role in ("receiver", "lane", "worker") for name in paths} <= activities
    assert {"receiver.signal", "lane.map", "lane.child", "lane.context"} <= activities


def test_the_page_lists_exactly_the_crash_points() -> None:
    listed = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", PAGE, flags=re.MULTILINE))
    assert listed == {point.name: point.what for point in POINTS.values()}


@pytest.mark.parametrize(
    ("side", "seen"), [("before", ["one", "struck"]), ("after", ["one", "two", "struck"])]
)
async def test_it_strikes_once_at_the_hit_that_is_meant_before_or_after_the_call(
    side: Side, seen: list[str]
) -> None:
    told: list[str] = []

    async def step(word: str) -> str:
        told.append(word)
        return word

    def counts(word: str) -> bool:
        return word != "none"

    point = Point("worker.take.step", "", "", when=counts, hit=2)
    armed = wrapped(step, Cell(point, side, "kill"), lambda: told.append("struck"))
    assert await armed("none") == "none"
    assert await armed("one") == "one"
    assert await armed("two") == "two"
    assert told[1 : len(seen) + 1] == seen
    assert await armed("three") == "three"
    assert told.count("struck") == 1


def test_a_call_that_raises_has_no_after() -> None:
    told: list[str] = []

    def step(number: int) -> float:
        return 1 / number

    armed = wrapped(
        step, Cell(Point("worker.take.step", "", ""), "after", "kill"), lambda: told.append("struck")
    )
    with pytest.raises(ZeroDivisionError):
        armed(0)
    assert told == []
    assert armed(1) == 1.0
    assert told == ["struck"]
