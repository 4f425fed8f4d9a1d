"""Two runs of which one goes on: what it hasn't come to is no difference."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from argosy.console.dashboard_compare_page import compare_view
from argosy.console.dashboard_pen import draw_page
from argosy.console.diff import diff
from argosy.console.diff_command import told
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import LogMessage, RunEnded
from support.fold_pipelines import accepted, listing, looped, mapped, pipeline, task
from support.told_pages import AROUND, Told, done, lost

if TYPE_CHECKING:
    from argosy.schemas.facts import Facts

CHAIN = pipeline(task("a", "input"), task("b", "a"), task("c", "b"))
MAP = pipeline(mapped("m", "input"), task("z", "m"))
OVER = RunEnded(outcome="succeeded", data_hash="hash")
CUT = RunEnded(outcome="cancelled", data_hash="hash")


def ran(compiled: CompiledPipeline, *messages: LogMessage, items: Sequence[str] = ()) -> Told:
    facts: Facts = {"list:": listing(*items)} if items else {}
    return Told().add(accepted(compiled, rules=2, facts=facts), *messages)


def whole(compiled: CompiledPipeline, *names: str, items: Sequence[str] = ()) -> Told:
    return ran(compiled, *(done(name) for name in names), OVER, items=items)


def hows(left: Told, right: Told) -> dict[str, str]:
    return {each.task: each.how for each in diff(left.history, right.history).tasks}


def test_what_a_run_has_not_come_to_is_not_only_in_the_other() -> None:
    ended, begun = whole(CHAIN, "a", "b", "c"), ran(CHAIN, done("a"))
    assert hows(ended, begun) == {"a": "same", "b": "open_right", "c": "open_right"}
    assert hows(begun, ended) == {"a": "same", "b": "open_left", "c": "open_left"}


def test_a_task_that_is_tried_again_has_not_parted_the_runs() -> None:
    again = ran(CHAIN, done("a"), lost("b", retriable=True))
    found = diff(whole(CHAIN, "a", "b", "c").history, again.history)
    assert found.first is None
    assert {each.task: each.how for each in found.tasks}["b"] == "open_right"
    assert hows(again, again) == {"a": "same", "b": "open_both"}


def test_what_a_run_that_has_ended_never_did_is_only_in_the_other() -> None:
    assert hows(whole(CHAIN, "a", "b", "c"), ran(CHAIN, done("a"), CUT)) == {
        "a": "same",
        "b": "only_left",
        "c": "only_left",
    }


def test_what_a_run_that_goes_on_can_never_do_is_only_in_the_other() -> None:
    long = whole(MAP, "m.0", "m.1", "m.2", "z", items=["x", "y", "z"])
    short = ran(MAP, done("m.0"), items=["x", "y"])
    found = hows(long, short)
    assert (found["m.1"], found["m.2"], found["z"]) == ("open_right", "only_left", "open_right")
    other = pipeline(task("a", "input"), task("c", "a"))
    assert hows(whole(CHAIN, "a", "b", "c"), ran(other, done("a")))["b"] == "only_left"


def test_an_iteration_may_come_while_its_loop_goes_on() -> None:
    loop = pipeline(looped("l", "input"), task("z", "l"))
    twice = whole(loop, "l~0", "l~1", "z")
    assert hows(twice, ran(loop, done("l~0")))["l~1"] == "open_right"


def test_the_page_and_the_command_say_that_it_is_not_done_yet() -> None:
    found = diff(
        whole(CHAIN, "a", "b", "c").history, ran(CHAIN, done("a"), lost("b", retriable=True)).history
    )
    lines = list(told(found))
    assert lines[0] == "no task's output differs so far with the same input: not both runs have ended"
    assert "  b: not done yet in the second run" in lines
    page = draw_page("compare.html", compare_view(found), AROUND)
    assert "not done yet in the second run" in page
    assert "only in the first run" not in page
    assert '<span class="dim">not yet</span>' in page
