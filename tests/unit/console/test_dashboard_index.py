"""The index of runs, made of the run log's records."""

import time
from typing import Final

import pytest

from argosy.broker.log import Record
from argosy.console.dashboard_chart import Plot, bars, lines, spark
from argosy.console.dashboard_index import ENDED_LATELY, Filter, Index
from argosy.console.dashboard_pen import drawn
from argosy.console.dashboard_series import MINUTE_MS, MINUTES, Outcome, Series, span_of
from argosy.console.dashboard_taking import Taking
from argosy.console.dashboard_trends import trends
from argosy.schemas.runlog import LogMessage, RunOutcome
from support.dashboard import HOSTILE, accepted, ended, record, settled
from support.fold_pipelines import accepted as run_of
from support.fold_pipelines import contract
from support.fold_pipelines import pipeline as steps
from support.fold_plans import AGENTS, a_task, plan_facts, planning

NOW = 1_800_000_000_000
ENDS: Final[tuple[RunOutcome, ...]] = ("failed", "succeeded")


def test_a_run_is_told_from_its_records() -> None:
    index = Index()
    Taking(index).take(record("r1", accepted(tenant="acme"), time_ms=NOW))
    Taking(index).take(record("r1", settled("r1", "first", fault="no"), offset=1, time_ms=NOW + 1000))
    Taking(index).take(record("r1", settled("r1", "first", attempt=2), offset=2, time_ms=NOW + 2000))
    line = index.run("r1")
    assert line is not None
    assert (line.state, line.settled, line.failed, line.input_tokens) == ("active", 1, 1, 200)
    assert line.micros > 0  # the first agent's model has a price
    Taking(index).take(record("r1", ended(), offset=3, time_ms=NOW + 3000))
    assert (line.state, line.milliseconds(0), line.tasks) == ("succeeded", 3000, 2)
    assert index.states()["succeeded"] == 1
    (failure,) = index.failures("first")
    assert (failure.task_id, failure.message) == ("r1/first", "no")


def test_repeats_count_once() -> None:
    index = Index()
    for offset in range(3):
        Taking(index).take(record("r1", accepted(), offset=offset, time_ms=NOW))
    for offset in range(3, 6):
        Taking(index).take(record("r1", settled("r1", "first"), offset=offset, time_ms=NOW))
    for offset, how in enumerate(ENDS, 6):
        Taking(index).take(record("r1", ended(how), offset=offset, time_ms=NOW))
    line = index.run("r1")
    assert line is not None
    assert (len(index), line.settled, line.state) == (1, 1, "failed")
    assert index.series["first"].total(NOW, 1).done == 1


def test_what_settles_after_the_end_changes_no_figure_of_the_run_and_a_repeat_none_at_all() -> None:
    index = Index()
    Taking(index).take(record("r1", accepted(), time_ms=NOW))
    Taking(index).take(record("r1", settled("r1", "first"), offset=1, time_ms=NOW))
    Taking(index).take(record("r1", ended(), offset=2, time_ms=NOW))
    line = index.run("r1")
    assert line is not None
    before = (line.settled, line.failed, line.micros, line.input_tokens)
    Taking(index).take(record("r1", settled("r1", "first"), offset=3, time_ms=NOW))  # a repeat
    Taking(index).take(
        record("r1", settled("r1", "second"), offset=4, time_ms=NOW)
    )  # late, but work that was done
    assert (line.settled, line.failed, line.micros, line.input_tokens) == before
    assert (index.series["first"].total(NOW, 1).done, index.series["second"].total(NOW, 1).done) == (1, 1)
    for number in range(ENDED_LATELY):
        Taking(index).take(record(f"x{number}", accepted(), time_ms=NOW))
        Taking(index).take(record(f"x{number}", ended(), time_ms=NOW))
    Taking(index).take(record("r1", settled("r1", "first"), offset=5, time_ms=NOW))
    assert (line.heard, index.series["first"].total(NOW, 1).done) == (None, 1)


def test_what_the_lane_looked_at_itself_is_no_attempt() -> None:
    index = Index()
    Taking(index).take(record("r1", accepted(), time_ms=NOW))
    look = settled("r1", "first").model_copy(update={"worker": "", "deliveries": 0})
    Taking(index).take(record("r1", look, offset=1, time_ms=NOW))
    line = index.run("r1")
    assert line is not None
    assert (line.settled, index.series.whole.total(NOW, 1).done) == (0, 0)


def test_tasks_that_an_agent_planned_count_for_those_who_did_them() -> None:
    index, priced = Index(), contract(model="openai:gpt-5")
    plan = planning()
    first = run_of(steps(plan, agents={**AGENTS, "bg": priced}), rules=2)
    made = settled("r", "q").model_copy(
        update={"facts": plan_facts({"tasks": [a_task("x"), a_task("w", agent="bg")]})}
    )
    told: list[LogMessage] = [first, made, settled("r", "q/x")]
    told += [settled("r", "q/w", fault="no"), settled("r", "q/w/p1.2")]
    for offset, message in enumerate(told):
        Taking(index).take(record("r", message, offset=offset, time_ms=NOW))
    done = {agent: index.series[agent].total(NOW, 1) for agent in ("planner", "ag", "bg")}
    assert {agent: each.done for agent, each in done.items()} == {"planner": 1, "ag": 1, "bg": 2}
    assert [agent for agent, each in done.items() if each.micros] == ["bg"]
    assert [failure.task_id for failure in index.failures("bg")] == ["r/q/w"]


def test_what_is_no_record_of_ours_is_passed_over() -> None:
    index = Index()
    whole = record("r1", accepted(), time_ms=NOW)
    for value in (None, b"", b"{", b"[]", b'{"pipeline": 1}', b'{"pipeline": {"name": "x"}}', b'"x"'):
        Taking(index).take(whole._replace(value=value))
    Taking(index).take(whole._replace(headers=()))
    Taking(index).take(record("unknown", settled("unknown", "first"), time_ms=NOW))
    assert len(index) == 0
    Taking(index).take(whole)
    assert len(index) == 1


def test_filters_find_and_pages_are_newest_first() -> None:
    index = Index()
    for number in range(7):
        name, tenant = ("pair", "acme") if number % 2 else ("other", None)
        Taking(index).take(
            record(f"r{number}", accepted(name, tenant), time_ms=NOW - number)
        )  # older and older
    Taking(index).take(record("r3", ended("failed"), time_ms=NOW))
    assert [line.run_id for line in index.find(Filter(), 1, 3).lines] == ["r0", "r1", "r2"]
    last = index.find(Filter(), 99, 3)
    assert (last.page, last.pages, [line.run_id for line in last.lines]) == (3, 3, ["r6"])
    assert [line.run_id for line in index.find(Filter(pipeline="pair", state="active")).lines] == ["r1", "r5"]
    assert [line.run_id for line in index.find(Filter(text="ACM")).lines] == ["r1", "r3", "r5"]
    assert index.find(Filter(state="failed")).count == 1
    assert index.find(Filter(text="nothing")).lines == ()


def test_above_its_bound_the_oldest_that_ended_go_first() -> None:
    index = Index(most_runs=10)
    for number in range(10):
        Taking(index).take(record(f"r{number}", accepted(), time_ms=NOW + number))
    Taking(index).take(record("r4", ended(), time_ms=NOW + 20))
    Taking(index).take(record("r10", accepted(), time_ms=NOW + 30))
    assert (len(index), index.run("r4")) == (10, None)
    assert index.find(Filter()).count == index.states()["active"] == 10


def test_a_page_of_a_hundred_thousand_runs_costs_what_one_of_a_thousand_costs() -> None:
    few, many = filled(1_000), filled(100_000)
    assert (len(many), many.find(Filter()).count) == (100_000, 100_000)
    assert many.find(Filter(), 2_000, 50).lines[-1].run_id == "run-0"
    for wanted in (Filter(), Filter(state="active"), Filter(pipeline="pair")):
        assert cost(many, wanted) < 10 * cost(few, wanted), wanted


def filled(count: int) -> Index:
    index, whole = Index(), record("run-0", accepted(), time_ms=NOW)
    names = [header for header in whole.headers if header[0] != "ce_subject"]
    taking = Taking(index)
    for number in range(count):
        headers = (*names, ("ce_subject", f"run-{number}".encode()))
        taking.take(Record("runs", 0, number, NOW + number, b"k", whole.value, headers))
    return index


def cost(index: Index, wanted: Filter) -> float:
    index.find(wanted)
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(50):
            index.find(wanted)
        best = min(best, time.process_time() - began)
    return best


def outcome(at_ms: int, duration_ms: int) -> Outcome:
    return Outcome(at_ms, failed=False, duration_ms=duration_ms, input_tokens=10, output_tokens=5, micros=7)


@pytest.mark.parametrize("into", [0, 1_000, 30_000, 59_999])
def test_a_steady_pace_is_told_as_it_is_wherever_the_minute_under_way_stands(into: int) -> None:
    series, now = Series(), NOW // MINUTE_MS * MINUTE_MS + into
    for second in range(600):
        series.add(outcome(now - second * 1_000, 10))
    assert series.total(now, 5).done / span_of(now, 5) == pytest.approx(60, abs=0.3)


def test_series_are_bounded_and_say_quantiles_to_a_quarter() -> None:
    series = Series()
    for minute in range(MINUTES * 2):
        series.add(Outcome(NOW + minute * MINUTE_MS, minute % 2 == 0, 1000, 10, 1, 5))
    end = NOW + (MINUTES * 2 - 1) * MINUTE_MS
    assert series.total(end, MINUTES * 2).done == MINUTES
    series.add(outcome(NOW, 1))  # long gone
    assert series.total(end, MINUTES * 2).done == MINUTES
    for duration in (10, 20, 400):
        series.add(outcome(end + MINUTE_MS, duration))
    last = series.total(end + MINUTE_MS, 1)
    middle, high = last.quantile(500), last.quantile(950)
    assert middle is not None
    assert high is not None
    assert 20 <= middle <= 25
    assert 400 <= high <= 500


def test_a_chart_says_in_words_and_in_a_table_what_it_draws() -> None:
    starts = [NOW // MINUTE_MS * MINUTE_MS + minute * MINUTE_MS for minute in range(3)]
    drawing = bars("Tokens", starts, [Plot("input", "s1", (0, 50, 100))], str, "now")
    assert len(drawing.rows) == 2
    assert drawing.plots[0].path.count("M") == 2
    assert "input for each minute" in drawing.desc
    gaps = lines("Wall", starts, [Plot("median", "s1", (5, None, 7))], str, "now")
    assert (gaps.plots[0].path.count("M"), len(gaps.plots[0].dots)) == (2, 2)
    assert not spark([0, 0])
    assert spark([0, 1, 2]).startswith("M")


def test_charts_are_drawn_with_title_description_and_table() -> None:
    series = Series()
    series.add(outcome(NOW, 100))
    html = drawn([trends(series, NOW)])["charts"]
    assert html.count("<svg") >= 4
    assert (
        html.count("<title")
        == html.count("<desc")
        == html.count("<table") + html.count("Nothing in this time")
    )
    assert "style=" not in html


def test_a_hostile_fault_stays_data() -> None:
    index = Index()
    Taking(index).take(record("r1", accepted(), time_ms=NOW))
    Taking(index).take(record("r1", settled("r1", "first", fault=HOSTILE), time_ms=NOW))
    assert index.failures()[0].message == HOSTILE
