"""Timers in words: on the page of a run, and on that of the lanes."""

import pytest

from argosy.console.dashboard_histories import Kept
from argosy.console.dashboard_pen import drawn
from argosy.console.dashboard_run_page import run_view
from argosy.console.timer_words import timer_words
from support.fold_pipelines import accepted, pipeline, sleep, task
from support.told_pages import Told, done, lost

NAP = pipeline(task("a", "input"), sleep("nap", "a"), task("b", "a", after=[{"from": "nap"}]))


def facts(run: Told) -> str:
    return drawn(run_view(Kept(run.history, run.times), run.now_ms).regions)["facts"]


def test_a_run_tells_what_its_timers_are_for_and_its_deadline_once() -> None:
    failed = Told().add(accepted(NAP, rules=2), lost("a", retriable=True))
    assert facts(failed).count("<dt>a is tried again</dt>") == 1
    told = facts(Told().add(accepted(NAP, rules=2), done("a")))
    assert "<dt>nap wakes up</dt>" in told
    assert told.lower().count("deadline</dt>") == 1
    assert "sleep:" not in told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("deadline", "the run's deadline"),
        ("budget", "the question for a larger budget ends"),
        ("retry:m.3", "m.3 is tried again"),
        ("wait:c.7/ok", "c.7/ok stops waiting"),
        ("join:z", "the join of z goes on with what it has"),
        ("step:z", "the deadline of z"),
        ("newer:z", "timer newer:z"),
    ],
)
def test_each_kind_of_timer_has_words(name: str, words: str) -> None:
    assert timer_words(name) == words
