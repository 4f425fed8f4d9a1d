"""Joins in a DAG: holes, first causes, conditions, early joins, and what nobody needs any more."""

from typing import Any

import pytest

from argosy.coordinator.messages import ended_of
from argosy.schemas.facts import Facts, SizeFact, ValueFact
from argosy.schemas.fault import Fault
from argosy.schemas.hole import Hole
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.task import HoleInput
from support.fold_log import FoldLog
from support.fold_pipelines import accepted, contract, failed, pipeline, succeeded, task, text


def run_of(compiled: CompiledPipeline, **fields: object) -> FoldLog:
    log = FoldLog()
    log.add(accepted(compiled, **fields))
    return log


def fault_of(log: FoldLog) -> Fault:
    body = ended_of(log.state)
    assert body is not None
    assert body.outcome == "failed"
    assert body.fault is not None
    return body.fault


def hole_of(log: FoldLog, local: str, number: int) -> Hole:
    source = log.dispatch(local).inputs[number].source
    assert isinstance(source, HoleInput)
    return source.hole


def test_a_join_fires_once_with_its_inputs_in_declared_order() -> None:
    log = run_of(
        pipeline(task("a", "input"), task("b", "input"), task("c", "input"), task("d", "c", "a", "b"))
    )
    for local in "bca":
        assert "d" not in log.out
        log.add(succeeded(local))
    body = log.dispatch("d")
    assert [given.source for given in body.inputs] == [text("c#1"), text("a#1"), text("b#1")]
    assert body.parents == tuple(
        event.traceparent for local in "cab" for event in log.events[1:] if f"r/{local}" in str(event.message)
    )


def test_after_waits_without_reading() -> None:
    log = run_of(pipeline(task("a", "input"), task("b", "input", after=[{"from": "a"}])))
    assert set(log.out) == {"a"}
    log.add(succeeded("a"))
    assert len(log.dispatch("b").inputs) == 1


def test_a_failed_step_skips_what_needs_it_and_the_run_fails_with_the_first_cause() -> None:
    log = run_of(pipeline(task("a", "input"), task("b", "a"), task("c", "b"), task("d", "c")))
    log.add(failed("a"))
    fault = fault_of(log)
    assert (fault.code, fault.task_id, fault.message) == ("boom", "r/a", "a broke")


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_of_two_failed_parents_the_declared_first_is_the_cause_whatever_order_they_failed_in(
    order: str,
) -> None:
    log = run_of(pipeline(task("a", "input"), task("b", "input"), task("c", "a", "b")))
    log.add(failed(order[0]))
    assert log.hash["st"] == b"active", "a step waits for all its parents to end"
    log.add(failed(order[1]))
    assert fault_of(log).task_id == "r/a"


def test_a_hole_is_taken_by_who_asks_for_it_and_names_the_first_cause() -> None:
    log = run_of(pipeline(task("a", "input"), task("b", "a"), task("c", "b?", "input")))
    log.add(failed("a"))
    assert hole_of(log, "c", 0) == Hole(task_id="r/a", outcome="failed", reason="a broke")
    log.add(succeeded("c"))
    body = ended_of(log.state)
    assert body is not None
    assert body.outcome == "succeeded"


def test_after_with_a_hole_runs_anyway() -> None:
    log = run_of(pipeline(task("a", "input"), task("b", "input", after=[{"from": "a", "hole": True}])))
    log.add(failed("a"))
    assert set(log.out) == {"b"}


def test_a_diamond_of_thousands_of_skipped_steps_needs_no_deep_stack() -> None:
    steps = [task("s0", "input"), *(task(f"s{number}", f"s{number - 1}") for number in range(1, 3_000))]
    log = FoldLog(reloads=False)
    log.add(accepted(pipeline(*steps)))
    log.add(failed("s0"))
    assert fault_of(log).task_id == "r/s0"


# -- conditions


def gated(**conditions: Any) -> CompiledPipeline:  # noqa: ANN401 - fields of a step
    return pipeline(task("a", "input"), task("b", "a", **conditions), task("c", "input", "b?"))


@pytest.mark.parametrize(
    ("kind", "value", "runs"),
    [
        ("when", True, True),
        ("when", False, False),
        ("when", 1, False),
        ("when", "true", False),
        ("when", None, False),
        ("unless", True, False),
        ("unless", False, True),
        ("unless", 1, True),
    ],
)
def test_a_condition_counts_only_if_it_is_true(kind: str, value: bool | int | str | None, runs: bool) -> None:  # noqa: FBT001 - a table of cases
    log = run_of(gated(**{kind: [{"from": "a", "select": "ok"}]}))
    log.add(succeeded("a", facts={"value:ok": ValueFact(kind="value", value=value)}))
    assert ("b" in log.out) == runs
    if not runs:
        assert hole_of(log, "c", 1).outcome == "skipped"
        assert hole_of(log, "c", 1).task_id == "r/b"


def test_a_condition_whose_fact_is_missing_fails_its_step_and_says_so() -> None:
    log = run_of(pipeline(task("a", "input"), task("b", "a", when=[{"from": "a", "select": "ok"}])))
    log.add(succeeded("a"))
    fault = fault_of(log)
    assert fault.code == "fact_missing"
    assert "value:ok" in fault.message


def test_a_task_is_asked_for_the_facts_that_later_steps_need() -> None:
    log = run_of(gated(when=[{"from": "a", "select": "ok"}]))
    assert [want.key for want in log.dispatch("a").wants] == ["value:ok"]


# -- early joins


def race(**fields: Any) -> CompiledPipeline:  # noqa: ANN401 - fields of a step
    return pipeline(
        task("a", "input"), task("b", "input"), task("c", "input"), task("d", "a?", "b?", "c?", **fields)
    )


def test_any_goes_on_with_the_first_and_cancels_what_nobody_needs() -> None:
    log = run_of(race(join={"policy": "any"}))
    log.add(succeeded("b"))
    assert set(log.out) == {"d"}
    assert (log.letter("a"), log.letter("c")) == ("x", "x")
    assert [hole_of(log, "d", number).outcome for number in (0, 2)] == ["cancelled", "cancelled"]


def test_what_only_leads_to_something_nobody_needs_is_cancelled_too() -> None:
    log = run_of(
        pipeline(
            task("x", "input"),
            task("y", "x"),
            task("z", "input"),
            task("d", "y?", "z?", join={"policy": "any"}),
        )
    )
    log.add(succeeded("z"))
    assert set(log.out) == {"d"}
    assert log.letter("x") == "x"
    assert hole_of(log, "d", 0).outcome == "cancelled"


def test_inputs_stay_as_they_were_when_the_join_fired() -> None:
    keep = pipeline(
        task("a", "input"),
        task("b", "input"),
        task("d", "a?", "b?", join={"policy": "any"}),
        task("e", "d", "b"),
    )
    log = run_of(keep)
    log.add(succeeded("a"))
    assert set(log.out) == {"b", "d"}, "b is still needed"
    before = log.dispatch("d").inputs
    log.add(succeeded("b"))
    log.add(failed("d", retriable=True))
    log.fire("retry:d")
    assert log.dispatch("d").inputs == before
    log.add(succeeded("d", 2))
    assert [given.source for given in log.dispatch("e").inputs] == [text("d#2"), text("b#1")]


def test_a_quorum_out_of_reach_fails_its_step() -> None:
    log = run_of(race(join={"policy": "quorum", "count": 2}))
    log.add(failed("a"))
    log.add(failed("b"))
    fault = fault_of(log)
    assert (fault.code, fault.task_id) == ("join_failed", "r/d")
    assert fault.figures == {"inputs": 3, "succeeded": 0, "needed": 2}
    assert log.letter("c") == "x"


@pytest.mark.parametrize(
    ("join", "needed"),
    [
        ({"policy": "any"}, 1),
        ({"policy": "quorum", "count": 1}, 1),
        ({"policy": "quorum", "share": 0.5}, 2),
    ],
)
def test_a_join_with_no_parents_left_fails_at_once_with_the_numbers(
    join: dict[str, Any], needed: int
) -> None:
    log = run_of(race(join=join))
    for parent in ("c", "a", "b"):
        if log.letter(parent) == "r":
            log.add(failed(parent))
    fault = fault_of(log)
    assert (fault.code, fault.task_id) == ("join_failed", "r/d")
    assert fault.figures == {"inputs": 3, "succeeded": 0, "needed": needed}
    assert f"0 of 3 inputs of d succeeded, {needed} were needed" in fault.message
    assert log.out == {}


@pytest.mark.parametrize("fields", [{}, {"join": {"policy": "deadline", "within_seconds": 5}}])
def test_a_step_that_takes_what_is_there_runs_with_nothing_but_holes(fields: dict[str, Any]) -> None:
    log = run_of(race(**fields))
    for parent in ("c", "a", "b"):
        log.add(failed(parent))
    assert set(log.out) == {"d"}
    assert [hole_of(log, "d", number).outcome for number in range(3)] == ["failed"] * 3


def test_a_join_counts_its_time_from_the_first_parents_end() -> None:
    log = run_of(race(join={"policy": "deadline", "within_seconds": 5}))
    assert "join:d" not in log.timers
    log.add(succeeded("a"))
    assert log.timers["join:d"].due_ms == log.now_ms + 5_000
    log.fire("join:d")
    assert log.dispatch("d").inputs[0].source == text("a#1")
    assert log.letter("b") == "x"


def test_a_required_input_is_waited_for_also_when_the_join_is_met() -> None:
    log = run_of(
        pipeline(
            task("a", "input"), task("b", "input"), task("c", "a", "b?", "input", join={"policy": "any"})
        )
    )
    log.add(succeeded("b"))
    assert set(log.out) == {"a"}
    log.add(succeeded("a"))
    assert set(log.out) == {"c"}


def test_an_input_that_is_also_required_elsewhere_counts_for_its_join() -> None:
    compiled = pipeline(task("a", "input"), task("b", "a?", after=[{"from": "a"}], join={"policy": "any"}))
    log = run_of(compiled)
    log.add(succeeded("a"))
    assert set(log.out) == {"b"}


def test_an_any_that_is_late_fails() -> None:
    log = run_of(race(join={"policy": "any", "within_seconds": 5}))
    log.add(failed("a"))
    log.fire("join:d")
    assert "time is up" in fault_of(log).message


# -- picks and capacity


def test_a_run_may_return_a_part_of_its_last_step() -> None:
    log = run_of(pipeline(task("a", "input"), returns={"from": "a", "select": "x"}))
    assert [want.key for want in log.dispatch("a").wants] == ["value:x", "size:x"]
    facts: Facts = {
        "value:x": ValueFact(kind="value", value="part"),
        "size:x": SizeFact(kind="size", bytes=6, tokens=1),
    }
    log.add(succeeded("a", facts=facts))
    body = ended_of(log.state)
    assert body is not None
    assert body.result == Inline(value="part", bytes=6, tokens=1)


def test_a_select_travels_with_its_input() -> None:
    log = run_of(pipeline(task("a", "input"), task("b", {"from": "a", "select": "x.y"})))
    log.add(succeeded("a", facts={"size:x.y": SizeFact(kind="size", bytes=1, tokens=1)}))
    assert log.dispatch("b").inputs[0].select == "x.y"


def narrow(*, above: str = "refuse", **fields: object) -> FoldLog:
    """Room for 70 tokens: window 100, threshold 0.8, reserve 10."""
    agents = {"ag": contract(), "bg": contract(window=100, above=above)}
    steps = (task("a", "input"), task("c", "input"), task("b", "a", {"from": "c", "select": "x"}, agent="bg"))
    return run_of(pipeline(*steps, agents=agents), windows={"bg": 100}, **fields)


def join(log: FoldLog, tokens: int, part: int) -> None:
    log.add(succeeded("a").model_copy(update={"result": text("a", tokens=tokens)}))
    facts: Facts = {"size:x": SizeFact(kind="size", bytes=1, tokens=part)}
    log.add(succeeded("c", facts=facts).model_copy(update={"result": text("c", tokens=10**6)}))


def test_inputs_that_fit_exactly_are_dispatched() -> None:
    log = narrow()
    join(log, 60, 10)
    assert set(log.out) == {"b"}


def test_inputs_that_do_not_fit_are_refused_before_dispatch_with_figures() -> None:
    log = narrow()
    join(log, 60, 11)
    assert (log.letter("b"), log.attempt("b")) == ("f", 0)
    fault = fault_of(log)
    assert (fault.code, fault.task_id) == ("context_refused", "r/b")
    assert fault.figures == {"tokens": 71, "room": 70, "window": 100}


def test_the_learned_factor_counts() -> None:
    log = narrow(factors={"bg": 1_500})
    join(log, 40, 7)
    assert fault_of(log).figures["tokens"] == 71


@pytest.mark.parametrize("above", ["paginate", "summarise"])
def test_what_can_not_be_paged_yet_is_refused_and_says_so(above: str) -> None:
    log = narrow(above=above)
    join(log, 60, 11)
    fault = fault_of(log)
    assert fault.code == "context_refused"
    assert above in fault.message
    assert "can't do yet" in fault.message
