"""A loop runs an agent, or a pipeline, again and again on what it gave the time before, by rules 2."""

import pytest

from argosy.coordinator.loop import EXHAUSTED
from argosy.coordinator.messages import ended_of
from argosy.schemas.facts import Facts, SizeFact, ValueFact
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import CancelReceived, RunEnded, TaskSettled
from support.fold_log import FoldLog
from support.fold_pipelines import (
    Data,
    accepted,
    contract,
    failed,
    listing,
    looped,
    mapped,
    mapped_pipeline,
    pipeline,
    succeeded,
    task,
)


def log_of(*steps: Data, returns: str | Data | None = None, **fields: object) -> FoldLog:
    return begun(pipeline(*steps, returns=returns), **fields)


def begun(compiled: CompiledPipeline, **fields: object) -> FoldLog:
    log = FoldLog()
    log.add(accepted(compiled, rules=2, **fields))
    return log


def verdict(*, value: bool, **more: object) -> Facts:
    found: Facts = {"value:@": ValueFact(kind="value", value=value)}
    for key, fact in more.items():
        found[key] = ValueFact.model_validate({"kind": "value", "value": fact})
    return found


def again(log: FoldLog, local: str) -> None:
    log.add(succeeded(local, log.out[local], facts=verdict(value=False)))


def enough(log: FoldLog, local: str) -> None:
    log.add(succeeded(local, log.out[local], facts=verdict(value=True)))


def outcome(log: FoldLog) -> RunEnded:
    found = ended_of(log.state)
    assert found is not None
    return found


def source(log: FoldLog, local: str) -> object:
    given = log.dispatch(local).inputs[0].source
    assert isinstance(given, Inline)
    return given.value


CHILD = pipeline(task("x", "input"), task("y", "x"))


def test_each_iteration_is_given_what_the_one_before_gave_until_the_condition_is_true() -> None:
    log = log_of(looped("l", "input"))
    assert source(log, "l~1") == "the input"
    assert [want.key for want in log.dispatch("l~1").wants] == ["value:@"]
    again(log, "l~1")
    assert source(log, "l~2") == "l~1#1"
    enough(log, "l~2")
    assert not log.out
    assert outcome(log).outcome == "succeeded"
    assert outcome(log).result == Inline(value="l~2#1", bytes=7, tokens=2)
    assert outcome(log).tasks == 2


def test_what_an_iteration_gave_goes_on_by_reference() -> None:
    log = log_of(looped("l", "input"))
    large = Reference(sha256="1" * 64, bytes=900_000, tokens=500)
    found = TaskSettled(
        task_id="r/l~1", attempt=1, outcome="succeeded", result=large, facts=verdict(value=False)
    )
    log.add(found)
    assert log.dispatch("l~2").inputs[0].source == large


def test_other_inputs_are_the_same_in_every_iteration() -> None:
    log = log_of(task("a", "input"), looped("l", "input", "a"))
    log.add(succeeded("a"))
    for number in (1, 2, 3):
        assert [given.name for given in log.dispatch(f"l~{number}").inputs] == ["p0", "p1"]
        assert log.dispatch(f"l~{number}").inputs[1].source == Inline(value="a#1", bytes=5, tokens=2)
        again(log, f"l~{number}")


def test_a_loop_that_is_exhausted_fails_with_figures() -> None:
    log = log_of(looped("l", "input", max_iterations=2))
    again(log, "l~1")
    again(log, "l~2")
    fault = outcome(log).fault
    assert fault is not None
    assert (fault.code, fault.task_id, fault.figures) == (EXHAUSTED, "r/l", {"iterations": 2, "limit": 2})


def test_a_loop_that_may_be_exhausted_gives_its_last_value() -> None:
    log = log_of(looped("l", "input", max_iterations=2, exhausted="last"))
    again(log, "l~1")
    again(log, "l~2")
    assert outcome(log).result == Inline(value="l~2#1", bytes=7, tokens=2)
    assert log.state is not None
    assert log.state.step("l").late


def test_an_iteration_is_tried_again_and_its_failure_is_the_loops() -> None:
    log = log_of(looped("l", "input"))
    again(log, "l~1")
    log.add(failed("l~2", retriable=True))
    log.fire("retry:l~2")
    assert log.out == {"l~2": 2}
    assert source(log, "l~2") == "l~1#1"
    log.add(failed("l~2", 2))
    fault = outcome(log).fault
    assert fault is not None
    assert (fault.code, fault.task_id) == ("boom", "r/l~2")


def test_only_true_ends_a_loop() -> None:
    log = log_of(looped("l", "input", until="severity"))
    log.add(succeeded("l~1", facts={"value:severity": ValueFact(kind="value", value=1)}))
    assert log.out == {"l~2": 1}


def test_an_iteration_without_its_fact_fails_the_loop() -> None:
    log = log_of(looped("l", "input"))
    log.add(succeeded("l~1"))
    assert outcome(log).fault is not None
    assert outcome(log).fault.code == "fact_missing"  # type: ignore[union-attr]


def test_a_pipeline_is_run_whole_in_each_iteration() -> None:
    log = log_of(looped("l", "input", runs=CHILD))
    assert source(log, "l~1/x") == "the input"
    log.add(succeeded("l~1/x"))
    again(log, "l~1/y")
    assert source(log, "l~2/x") == "l~1/y#1"
    log.add(succeeded("l~2/x"))
    enough(log, "l~2/y")
    assert outcome(log).result == Inline(value="l~2/y#1", bytes=9, tokens=2)


def test_a_part_of_what_a_pipeline_gives_is_fed_back() -> None:
    child = pipeline(task("x", "input"), returns={"from": "x", "select": "patches"})
    log = log_of(looped("l", "input", runs=child, until="length(@) == `0`"))
    assert [want.key for want in log.dispatch("l~1/x").wants] == [
        "value:patches",
        "size:patches",
        "value:patches | length(@) == `0`",
    ]
    facts: Facts = {
        "value:patches": ValueFact(kind="value", value=["p"]),
        "size:patches": SizeFact(kind="size", bytes=5, tokens=1),
        "value:patches | length(@) == `0`": ValueFact(kind="value", value=False),
    }
    log.add(succeeded("l~1/x", facts=facts))
    assert source(log, "l~2/x") == ["p"]
    facts["value:patches | length(@) == `0`"] = ValueFact(kind="value", value=True)
    log.add(succeeded("l~2/x", facts=facts))
    assert outcome(log).result == Inline(value=["p"], bytes=5, tokens=1)


def test_what_is_asked_of_a_loop_is_asked_of_each_iteration() -> None:
    log = log_of(
        looped("l", "input"),
        task("b", "l", when=[{"from": "l", "select": "good"}]),
        mapped("m", {"from": "l", "select": "items"}, after=[{"from": "b", "hole": True}]),
    )
    assert [want.key for want in log.dispatch("l~1").wants] == ["value:good", "list:items", "value:@"]
    facts: Facts = {**verdict(value=True, **{"value:good": False}), "list:items": listing("a", "b")}
    log.add(succeeded("l~1", facts=facts))
    assert log.out == {"m.0": 1, "m.1": 1}


def test_loops_nest_in_maps_and_loops() -> None:
    inner = pipeline(looped("fix", "input"))
    middle = pipeline(looped("round", "input", runs=inner))
    log = begun(
        pipeline(mapped_pipeline("m", middle, "input")),
        facts={"list:": listing("a", "b")},
    )
    assert log.out == {"m.0/round~1/fix~1": 1, "m.1/round~1/fix~1": 1}
    again(log, "m.0/round~1/fix~1")
    again(log, "m.0/round~1/fix~2")
    assert source(log, "m.0/round~1/fix~3") == "m.0/round~1/fix~2#1"
    enough(log, "m.1/round~1/fix~1")
    assert set(log.out) == {"m.0/round~1/fix~3"}
    assert outcome_of_map(log)


def outcome_of_map(log: FoldLog) -> bool:
    """The inner loop's condition is the outer one's too: both end, in each shard."""
    enough(log, "m.0/round~1/fix~3")
    return outcome(log).outcome == "succeeded"


def test_maps_run_inside_of_each_iteration() -> None:
    child = pipeline(
        task("plan", "input"), mapped("code", {"from": "plan", "select": "parts"}), task("y", "code")
    )
    log = log_of(looped("l", "input", runs=child))
    for number in (1, 2):
        log.add(succeeded(f"l~{number}/plan", facts={"list:parts": listing("a", "b")}))
        assert set(log.out) == {f"l~{number}/code.0", f"l~{number}/code.1"}
        log.add(succeeded(f"l~{number}/code.1"))
        log.add(succeeded(f"l~{number}/code.0"))
        again(log, f"l~{number}/y")
    assert set(log.out) == {"l~3/plan"}
    assert log.state is not None
    assert [name for name in log.state.dump() if "~1" in name] == []
    assert sorted(name for name in log.state.dump() if "~2" in name) == ["s:l~2", "v:l~2"]


def test_a_condition_on_what_an_iteration_is_given_is_looked_at() -> None:
    child = pipeline(
        task("x", "input", when=[{"from": "input", "select": "broken"}]), task("y", "x?", "input")
    )
    log = log_of(looped("l", "input", runs=child))
    assert list(log.looks) == ["l~1/input"]
    assert log.look("l~1/input").at.source == Inline(value="the input", bytes=11, tokens=2)
    log.add(succeeded("l~1/input", facts={"value:broken": ValueFact(kind="value", value=False)}))
    assert log.out == {"l~1/y": 1}
    again(log, "l~1/y")
    assert list(log.looks) == ["l~2/input"]
    assert log.look("l~2/input").at.source == Inline(value="l~1/y#1", bytes=9, tokens=2)


def test_the_hundredth_iteration_costs_what_the_third_did() -> None:
    log = log_of(looped("l", "input", runs=CHILD, max_iterations=100))
    sizes: list[tuple[int, int, int]] = []
    for number in range(1, 100):
        log.add(succeeded(f"l~{number}/x"))
        again(log, f"l~{number}/y")
        assert log.state is not None
        sizes.append((len(log.state.dump()), len(log.folded[-1][1]), log.state.held_bytes))
    assert {size[:2] for size in sizes[1:]} == {sizes[1][:2]}
    assert sizes[-1][2] <= sizes[1][2] + 200


@pytest.mark.parametrize("local", ["l~1", "l~2"])
def test_a_late_settle_of_an_iteration_that_is_over_only_unclaims(local: str) -> None:
    log = log_of(looped("l", "input"), task("a", "l"))
    again(log, "l~1")
    enough(log, "l~2")
    before = log.state.dump() if log.state is not None else {}
    log.add(succeeded(local, facts=verdict(value=False)))
    assert log.state is not None
    assert log.state.dump() == before
    assert log.out == {"a": 1}


def test_a_settle_of_an_iteration_that_was_never_ordered_changes_nothing() -> None:
    log = log_of(looped("l", "input"))
    for local in ("l~2", "l~0", "l~01", "l"):
        log.add(succeeded(local, facts=verdict(value=True)))
    assert log.out == {"l~1": 1}


def test_a_cancel_stops_the_iteration_that_is_under_way() -> None:
    for steps in (looped("l", "input"), looped("l", "input", runs=CHILD)):
        log = log_of(steps)
        log.add(CancelReceived(reason="no more"))
        assert not log.out
        assert outcome(log).outcome == "cancelled"


def test_a_loops_deadline_stops_it_in_whatever_iteration_it_is() -> None:
    log = log_of(looped("l", "input", deadline_seconds=5), task("a", "l?"))
    due = log.dispatch("l~1").deadline_ms
    again(log, "l~1")
    assert log.dispatch("l~2").deadline_ms == due
    log.fire("step:l")
    assert log.out == {"a": 1}
    assert log.letter("l~2") == "e"


def test_a_step_in_an_iteration_has_its_deadline_from_its_own_start() -> None:
    child = pipeline(task("x", "input", deadline_seconds=5))
    log = log_of(looped("l", "input", runs=child))
    again(log, "l~1/x")
    assert list(log.timers) == ["deadline", "step:l~2/x"]
    log.fire("step:l~2/x")
    assert outcome(log).fault is not None
    assert outcome(log).fault.task_id == "r/l~2/x"  # type: ignore[union-attr]


def test_a_loop_that_nobody_needs_any_more_is_stopped() -> None:
    log = log_of(looped("l", "input"), task("a", "input"), task("b", "l?", "a?", join={"policy": "any"}))
    log.add(succeeded("a"))
    assert set(log.out) == {"b"}
    log.add(succeeded("l~1", facts=verdict(value=False)))
    assert set(log.out) == {"b"}


def test_a_join_goes_on_without_a_side_branch_inside_of_an_iteration() -> None:
    child = pipeline(task("x", "input"), task("z", "input"), task("y", "x?", "z?", join={"policy": "any"}))
    log = log_of(looped("l", "input", runs=child))
    log.add(succeeded("l~1/x"))
    assert set(log.out) == {"l~1/y"}
    again(log, "l~1/y")
    assert set(log.out) == {"l~2/x", "l~2/z"}


def test_pages_of_an_iteration_are_forgotten_with_it() -> None:
    agents: Data = {
        "ag": contract(above="paginate", window=100, merge="mg"),
        "mg": contract(inputs={"r": {}}),
    }
    compiled = pipeline(looped("l", "input"), agents=agents)
    large = Reference(sha256="0" * 64, bytes=900_000, tokens=500)
    log = begun(compiled, input=large, windows={"ag": 100})
    planned: Facts = {
        "value:length(pages)": ValueFact(kind="value", value=2),
        "value:input": ValueFact(kind="value", value="p0"),
    }
    log.add(succeeded("l~1/p0", facts=planned))
    log.add(succeeded("l~1/p1.0"))
    log.add(succeeded("l~1/p1.1"))
    again(log, "l~1/p2.0")
    assert log.out == {"l~2": 1}
    again(log, "l~2")
    assert log.state is not None
    assert [name for name in log.state.dump() if "~1" in name] == []


def test_a_list_that_a_map_made_starts_a_loop() -> None:
    log = begun(pipeline(mapped("m", "input"), looped("l", "m")), facts={"list:": listing("a", "b")})
    log.add(succeeded("m.0"))
    log.add(succeeded("m.1"))
    assert len(log.dispatch("l~1").inputs[0].gathered or ()) == 2
    again(log, "l~1")
    assert source(log, "l~2") == "l~1#1"


def test_a_loop_starts_with_a_part_of_a_value_or_a_constant() -> None:
    log = begun(
        pipeline(looped("l", {"from": "input", "select": "draft"})),
        facts={"size:draft": SizeFact(kind="size", bytes=4, tokens=3)},
    )
    assert log.dispatch("l~1").inputs[0].select == "draft"
    again(log, "l~1")
    assert log.dispatch("l~2").inputs[0].select is None
    child = pipeline(task("x", {"from": "input", "select": "text"}))
    constant: Data = {"name": "input", "value": {"text": "begin"}}
    log = log_of(looped("l", constant, runs=child))
    given = log.dispatch("l~1/x").inputs[0]
    assert given.select == "text"
    assert isinstance(given.source, Inline)
    assert given.source.value == {"text": "begin"}


def test_an_iteration_links_to_the_one_before() -> None:
    log = log_of(looped("l", "input"))
    again(log, "l~1")
    assert log.dispatch("l~2").parents == (log.events[-1].traceparent,)
