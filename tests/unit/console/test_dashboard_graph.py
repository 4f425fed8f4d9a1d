"""Drawings of a DAG: no boxes over one another, lines from left to right, maps folded, states told in words."""

from hypothesis import given
from hypothesis import strategies as st

from argosy.console.dashboard_graph import Box, draw, fit
from argosy.console.dashboard_layers import arrange
from argosy.console.dashboard_states import STATES, corners
from argosy.console.task_table import WORDS
from support.fold_pipelines import (
    accepted,
    approval,
    listing,
    looped,
    mapped,
    mapped_pipeline,
    pipeline,
    sleep,
    task,
)
from support.told_pages import Told, done, lost


def overlap(one: Box, two: Box) -> bool:
    return (
        one.x < two.x + two.width
        and two.x < one.x + one.width
        and one.y < two.y + two.height
        and two.y < one.y + one.height
    )


def holds(outer: Box, inner: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


@st.composite
def dags(data: st.DrawFn) -> dict[str, list[str]]:
    names = [f"s{number}" for number in range(data(st.integers(1, 12)))]
    return {
        name: data(st.lists(st.sampled_from(names[:place]), unique=True, max_size=4)) if place else []
        for place, name in enumerate(names)
    }


@given(dags())
def test_boxes_never_overlap_and_lines_lead_to_the_right(parents: dict[str, list[str]]) -> None:
    sizes = {name: (100 + 10 * len(name), 40) for name in parents}
    found = arrange(sizes, parents)
    places = {name: (*found.boxes[name], *sizes[name]) for name in parents}
    for one, (x, y, width, height) in places.items():
        assert x >= 0
        assert y >= 0
        assert x + width <= found.width
        assert y + height <= found.height
        for two, (left, top, wide, high) in places.items():
            apart = x + width <= left or left + wide <= x or y + height <= top or top + high <= y
            assert one == two or apart
    for (source, target), line in found.lines.items():
        assert [x for x, _ in line] == sorted(x for x, _ in line)
        assert line[0][0] == places[source][0] + sizes[source][0]
        assert line[-1][0] == places[target][0]


def test_a_line_over_a_layer_goes_around_the_box_in_it() -> None:
    sizes = dict.fromkeys("abc", (100, 40))
    found = arrange(sizes, {"b": ["a"], "c": ["a", "b"]})
    (_, enters, leaves, _) = found.lines["a", "c"]
    left, top = found.boxes["b"]
    assert (enters[0], leaves[0]) == (left, left + 100)
    assert enters[1] == leaves[1]
    assert not top <= enters[1] <= top + 40


INNER = pipeline(task("x", "input"), task("y", "x"))
WHOLE = pipeline(
    task("a", "input"),
    mapped("m", {"from": "input", "select": "items"}),
    mapped_pipeline("c", INNER, {"from": "input", "select": "items"}),
    looped("l", "a"),
    approval("ok", "a"),
    sleep("nap", "a"),
    task("z", "a?", "m?", "l?", "c?", after=[{"from": "ok"}, {"from": "nap"}]),
)


def test_the_steps_of_a_pipeline_inside_stand_in_the_box_of_the_step_that_runs_it() -> None:
    boxes = {box.name: box for box in draw(WHOLE).boxes}
    assert set(boxes) == {"a", "m", "c", "c.*/x", "c.*/y", "l", "ok", "nap", "z"}
    assert holds(boxes["c"], boxes["c.*/x"])
    assert holds(boxes["c"], boxes["c.*/y"])
    flat = [box for box in boxes.values() if not box.outer]
    assert not [(one.name, two.name) for one in flat for two in flat if one is not two and overlap(one, two)]
    assert boxes["m"].stacked
    assert boxes["l"].stacked
    assert not boxes["a"].stacked


def test_what_is_drawn_is_told_in_words_too() -> None:
    says = draw(WHOLE).says
    assert "p@1: 9 steps" in says
    assert "c.*/y after x: ag" in says
    assert "ok after a: approval, of a: good?" in says


def test_a_line_tells_that_its_end_goes_on_over_a_hole() -> None:
    lines = {(line.source, line.target): line.hole for line in draw(WHOLE).lines}
    assert lines["a", "z"]
    assert not lines["a", "l"]


def test_a_map_is_one_box_with_counts_however_many_tasks_it_has() -> None:
    items = [str(number) for number in range(400)]
    whole = pipeline(mapped("m", "input", max_parallel=400))
    run = Told().add(accepted(whole, facts={"list:": listing(*items)}))
    size = len(draw(whole, run.progress).boxes)
    run.add(*(done(f"m.{number}") for number in range(100)), lost("m.200"), seconds=0.01)
    (box,) = draw(whole, run.progress).boxes
    assert (size, box.progress.done, box.progress.failed, box.progress.total) == (1, 100, 1, 400)
    assert box.progress.said.startswith("100 of 400, 299 cut off, 1 failed")


def test_a_step_is_drawn_in_its_state() -> None:
    run = Told().add(accepted(WHOLE, rules=2, input=done("x").result, facts=FACTS), done("a"))
    boxes = {box.name: box for box in draw(WHOLE, run.progress).boxes}
    words = {name: box.progress.state.word for name, box in boxes.items() if box.progress.state is not None}
    assert words["a"] == "succeeded"
    assert words["ok"] == "waits for approval"
    assert words["nap"] == "asleep"
    assert words["z"] == "waiting"
    assert boxes["a"].lines[1] == "0.4 s, 120+30 tok"


FACTS = {"list:items": listing("1", "2")}


def test_every_state_of_a_task_has_a_letter_and_a_shape_of_its_own() -> None:
    assert set(WORDS.values()) <= set(STATES)
    letters = [shown.letter for word, shown in STATES.items() if word != "active"]
    assert len(letters) == len(set(letters))
    for shown in STATES.values():
        assert shown.shape in {"circle", "ring"} or corners(shown.shape)


def test_what_does_not_fit_is_cut_and_marked() -> None:
    assert fit("abcdef", 6) == "abcdef"
    assert fit("abcdefg", 6) == "abcde…"
