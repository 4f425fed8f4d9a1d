"""A scale of time: a long wait beside little work is drawn short, and says so."""

import pytest

from argosy.console.dashboard_histories import Kept
from argosy.console.dashboard_pen import draw
from argosy.console.dashboard_run_page import run_view, ticks_of
from argosy.console.dashboard_scale import BREAK, SCALE, Scale, scale_of
from argosy.console.dashboard_waterfall import Row, by_step
from argosy.schemas.runlog import RunEnded, SignalReceived, TimerFired
from support.fold_pipelines import accepted, approval, pipeline, sleep, task
from support.told_pages import Told, done, lost

HOUR_MS = 3_600_000
WAITS = pipeline(task("a", "input"), approval("ok", "a"), task("b", "ok"))
TWO = pipeline(task("a", "input"), task("b", "a"))
OVER = RunEnded(outcome="succeeded", data_hash="hash")


def scale(run: Told, later_ms: int = 0) -> Scale:
    return scale_of(run.times, run.now_ms + later_ms, run.history.state)


def rows(run: Told, later_ms: int = 0) -> dict[str, Row]:
    found = by_step(run.history, run.times, run.progress, scale(run, later_ms))
    return {row.name: row for row in found}


def waiting() -> Told:
    return Told().add(accepted(WAITS, rules=2), done("a", ran_ms=600))


def widths(row: Row) -> list[tuple[str, int]]:
    return [(bar.kind, bar.width) for bar in row.bars]


def test_work_before_a_long_wait_keeps_its_width_while_somebody_is_asked() -> None:
    found = rows(waiting(), later_ms=2 * HOUR_MS)
    assert widths(found["a"]) == [("queue", 380), ("run", 570)]
    assert widths(found["ok"]) == [("wait", BREAK)]
    assert found["a"].breaks == (SCALE - BREAK,)
    assert [each.says for each in scale(waiting(), 2 * HOUR_MS).breaks] == ["over 2 h 0 min"]
    assert found["ok"].says == "waits for approval since 1.0 s"


def test_rows_stay_as_they_are_while_somebody_is_asked() -> None:
    run = waiting()
    assert rows(run, later_ms=650_000) == rows(run, later_ms=9 * HOUR_MS)


def test_a_wait_that_is_over_is_a_break_with_its_length() -> None:
    answer = SignalReceived(name="ok", signal_id="s")
    run = waiting().add(answer, seconds=7_200).add(done("b", ran_ms=900), OVER)
    found, chosen = rows(run), scale(run)
    assert chosen.gaps == ((2_000, 2_000 + 2 * HOUR_MS),)
    assert [each.says for each in chosen.breaks] == ["2 h 0 min"]
    assert found["ok"].says == "waited 2 h 0 min"
    (before,) = found["a"].breaks
    assert all(bar.x + bar.width <= before + 1 for bar in found["a"].bars)
    assert found["b"].bars[-1].x >= before + BREAK
    assert [said for _, said in chosen.ticks()] == ["0.0 s", "0.6 s", "+0.1 s", "+0.7 s", "+1.4 s"]


def test_two_waits_in_a_row_are_two_breaks() -> None:
    twice = pipeline(task("a", "input"), sleep("nap", "a"), approval("ok", "a", after=[{"from": "nap"}]))
    run = Told().add(accepted(twice, rules=2), done("a"))
    run.add(TimerFired(name="sleep:nap", armed=2), seconds=600).add(
        SignalReceived(name="ok", signal_id="s"), seconds=900
    )
    run.add(OVER)
    assert [each.says for each in scale(run).breaks] == ["10 min 0 s", "15 min 0 s"]


def test_a_back_off_is_a_break_and_the_next_attempt_stands_behind_it() -> None:
    run = Told().add(accepted(TWO), lost("a", retriable=True))
    run.add(TimerFired(name="retry:a", armed=2), seconds=300).add(done("a", attempt=2))
    (gap,) = rows(run)["a"].breaks
    assert [(bar.kind, bar.x >= gap + BREAK) for bar in rows(run)["a"].bars][-1] == ("run", True)


def test_a_handler_that_runs_for_long_is_no_gap() -> None:
    run = Told().add(accepted(TWO), done("a"))
    assert scale(run, later_ms=2 * HOUR_MS).gaps == ()
    ran = run.add(done("b", ran_ms=2 * HOUR_MS), seconds=7_200)
    assert scale(ran).gaps == ()


def test_the_time_before_a_task_was_ordered_is_a_break_while_it_runs() -> None:
    run = Told().add(accepted(TWO), lost("a", retriable=True))
    run.add(TimerFired(name="retry:a", armed=2), seconds=300)
    assert [end - begin for begin, end in scale(run, later_ms=6_000).gaps] == [300_000]
    assert [bar.kind for bar in rows(run, later_ms=6_000)["a"].bars][-1] == "open"


@pytest.mark.parametrize("seconds", [4, 3])
def test_a_short_wait_is_drawn_at_its_length(seconds: int) -> None:
    assert scale(waiting(), later_ms=seconds * 1_000).gaps == ()


def test_a_run_that_only_waited_is_drawn_at_its_length() -> None:
    asked = pipeline(approval("ok", "input"))
    run = Told().add(accepted(asked, rules=2))
    assert scale(run, later_ms=HOUR_MS).gaps == ()


def test_the_page_says_what_it_draws_short_also_to_who_cannot_see_it() -> None:
    run = waiting()
    view = run_view(Kept(run.history, run.times), run.now_ms + 2 * HOUR_MS)
    ticks = next(each for each in view.regions if each.name == "ticks")
    assert "nothing ran for over 2 h 0 min: drawn short" in draw(ticks, ticks.items[0])
    assert ticks_of(scale(run, 2 * HOUR_MS)).length == ""
