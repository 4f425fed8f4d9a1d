"""Rows of time: what waited, ran, was tried again; folded maps; and that a settle changes few of them."""

from argosy.console.dashboard_scale import SCALE, scale_of
from argosy.console.dashboard_timeline import step_template
from argosy.console.dashboard_waterfall import Row, by_step, by_task
from argosy.schemas.runlog import RunEnded, TimerFired
from support.fold_pipelines import accepted, approval, listing, mapped, pipeline, task
from support.told_pages import Told, done, lost


def rows(run: Told, now_ms: int | None = None) -> dict[str, Row]:
    scale = scale_of(run.times, run.now_ms if now_ms is None else now_ms, run.history.state)
    return {row.name: row for row in by_step(run.history, run.times, run.progress, scale)}


def kinds(row: Row) -> list[str]:
    return [bar.kind for bar in row.bars]


TWO = pipeline(task("a", "input"), task("b", "a"))


def test_an_attempt_waits_then_runs_and_what_is_open_reaches_the_end() -> None:
    found = rows(Told().add(accepted(TWO), done("a", ran_ms=600)))
    assert kinds(found["a"]) == ["queue", "run"]
    queue, run = found["a"].bars
    assert queue.x == 0
    assert (run.x, run.x + run.width) == (400, 1_000)
    assert kinds(found["b"]) == ["open"]
    assert found["b"].bars[0].x + found["b"].bars[0].width == SCALE
    assert found["a"].says == "attempt 1: queued 0.4 s; attempt 1: succeeded after 0.6 s"


def test_a_retry_stands_after_its_wait() -> None:
    run = Told().add(accepted(TWO), lost("a", retriable=True))
    assert kinds(rows(run)["a"]) == ["queue", "bad", "backoff"]
    run.add(TimerFired(name="retry:a", armed=2), done("a", attempt=2))
    assert kinds(rows(run)["a"]) == ["queue", "bad", "backoff", "queue", "run"]
    assert run.times.steps["a"].tries == 2


def test_a_settle_that_is_repeated_is_no_attempt() -> None:
    run = Told().add(accepted(TWO), done("a"), done("a"))
    assert len(run.times.tasks["a"]) == 1
    assert run.times.steps["a"].repeats == 1


def test_a_row_stays_as_it_is_while_nothing_happens_in_it() -> None:
    run = Told().add(accepted(TWO), done("a"))
    assert rows(run, now_ms=5_200) == rows(run, now_ms=5_900)


def test_a_map_of_5000_is_one_row_and_a_settle_changes_that_row_alone() -> None:
    items = [str(number) for number in range(5_000)]
    whole = pipeline(mapped("m", "input", max_parallel=1_000), task("z", "m"))
    run = Told().add(accepted(whole, facts={"list:": listing(*items)}))
    run.add(*(done(f"m.{number}") for number in range(500)), seconds=0.001)
    before = rows(run, now_ms=9_900)
    after = rows(run.add(done("m.777"), seconds=0.001), now_ms=9_900)
    assert len(after) == 2
    assert [name for name in after if after[name] != before[name]] == ["m"]
    assert run.times.steps["m"].tries == 501


def test_tasks_of_a_step_have_rows_when_asked_for() -> None:
    whole = pipeline(mapped("m", "input"))
    run = Told().add(accepted(whole, facts={"list:": listing("1", "2", "3")}), done("m.1"))
    assert run.history.state is not None
    found = list(by_task(run.history.state, run.times, ["m.0", "m.1"], scale_of(run.times, run.now_ms)))
    assert [(row.name, kinds(row)) for row in found] == [("m.0", ["open"]), ("m.1", ["queue", "run"])]


def test_a_step_that_waits_for_somebody_waits_from_its_parents_end() -> None:
    whole = pipeline(task("a", "input"), approval("ok", "a"))
    run = Told().add(accepted(whole, rules=2), done("a"))
    assert kinds(rows(run)["ok"]) == ["wait"]


def test_a_step_that_never_came_to_wait_has_no_bar() -> None:
    whole = pipeline(task("a", "input"), approval("ok", "a"))
    fault = lost("a").fault
    ended = RunEnded(outcome="failed", data_hash="hash", fault=fault)
    run = Told().add(accepted(whole, rules=2), lost("a"), ended)
    assert kinds(rows(run)["ok"]) == []


def test_when_a_run_has_ended_its_length_is_the_scale() -> None:
    ended = RunEnded(outcome="succeeded", data_hash="hash")
    run = Told().add(accepted(TWO), done("a"), done("b"), ended)
    assert scale_of(run.times, 999_999).span_ms == 3_000
    assert all(bar.x + bar.width <= SCALE for row in rows(run).values() for bar in row.bars)


def test_a_task_belongs_to_its_step_whatever_was_made_for_it() -> None:
    names = {"c", "c.*/x", "c.*/p1", "l", "l~*/x"}
    assert step_template("c.7/x", names) == "c.*/x"
    assert step_template("c.7/x/p1.3", names) == "c.*/x"
    assert step_template("c.7/p1", names) == "c.*/p1"
    assert step_template("c.7/p1/p2.0", names) == "c.*/p1"
    assert step_template("l~3", names) == "l"
    assert step_template("l~3/x", names) == "l~*/x"
