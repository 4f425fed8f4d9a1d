"""Pipelines inside pipelines: names, what is read where, holes and first causes, deadlines, what is refused."""

from typing import Any

import pytest

from argosy.coordinator.messages import dispatch_of, ended_of
from argosy.coordinator.plan import index
from argosy.coordinator.unsupported import unsupported
from argosy.coordinator.wants import wants_of
from argosy.schemas.errors import BuildError
from argosy.schemas.facts import ValueFact
from argosy.schemas.ids import local_part, step_of
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.task import HoleInput
from support.fold_log import FoldLog
from support.fold_pipelines import accepted, contract, failed, mapped, pipeline, succeeded, task, text


def child(
    name: str, inner: CompiledPipeline, source: str | dict[str, Any] = "input", **fields: object
) -> dict[str, Any]:
    """A step that runs a pipeline."""
    edge = source if isinstance(source, dict) else {"from": source.rstrip("?"), "hole": source.endswith("?")}
    return {
        "name": name, "kind": "task", "pipeline": inner.dump(), "inputs": [{"name": "input", **edge}]
    } | fields  # fmt: skip


def run_of(*steps: dict[str, Any], facts: object = None) -> FoldLog:
    log = FoldLog()
    log.add(accepted(pipeline(*steps), facts=facts or {}))
    return log


def hole_of(log: FoldLog, local: str) -> tuple[str, str]:
    source = log.dispatch(local).inputs[0].source
    assert isinstance(source, HoleInput)
    return source.hole.task_id, source.hole.outcome


PAIR = pipeline(task("x", "input"), task("y", "x?"), task("z", "input", "y"))


def test_the_tasks_of_a_pipeline_inside_are_named_after_its_step() -> None:
    log = run_of(task("a", "input"), child("c", PAIR, "a"), task("b", "c"))
    assert set(log.out) == {"a"}
    log.add(succeeded("a"))
    assert set(log.out) == {"c/x"}
    dispatched = log.dispatch("c/x")
    assert (dispatched.task_id, dispatched.step) == ("r/c/x", "c/x")
    assert dispatched.inputs[0].source == text("a#1")
    assert dispatched.parents == dispatched.parents[:1] != ()
    log.add(succeeded("c/x"))
    log.add(succeeded("c/y"))
    assert [given.source for given in log.dispatch("c/z").inputs] == [text("a#1"), text("c/y#1")]
    log.add(succeeded("c/z"))
    assert log.dispatch("b").inputs[0].source == text("c/z#1")
    log.add(succeeded("b"))
    body = ended_of(log.state)
    assert body is not None
    assert (body.outcome, body.tasks) == ("succeeded", 5)


def test_a_shard_of_a_map_inside_is_found_by_its_name() -> None:
    inner = pipeline(mapped("m", {"value": ["p", "q"]}, "input"))
    plan = index(pipeline(child("c", pipeline(child("d", inner)))))
    assert step_of(local_part("r/c/d/m.1")) == ("c/d/m", 1)
    place = plan.find("c/d/m.1")
    assert place is not None
    assert (place.step.name, place.shard) == ("c/d/m", 1)
    assert list(plan.steps) == ["c/d/m", "c/d", "c"]


def test_a_part_of_a_part_is_asked_of_who_has_the_value() -> None:
    inner = pipeline(
        task("x", {"from": "input", "select": "x"}, when=[{"from": "input", "select": "ok"}]),
        returns={"from": "x", "select": "y"},
    )
    compiled = pipeline(
        task("a", "input"),
        child("c", inner, {"from": "a", "select": "p || q"}),
        task("b", {"from": "c", "select": "z"}),
    )
    assert [want.key for want in wants_of(compiled, "a")] == ["size:p || q | x", "value:p || q | ok"]
    assert [want.key for want in wants_of(compiled, "c/x")] == ["size:y | z"]
    log = FoldLog()
    log.add(accepted(compiled))
    log.add(succeeded("a", facts={"value:p || q | ok": ValueFact(kind="value", value=True)}))
    assert log.dispatch("c/x").inputs[0].select == "p || q | x"
    log.add(succeeded("c/x"))
    assert log.dispatch("b").inputs[0].select == "y | z"


def test_a_failure_inside_is_a_hole_of_the_step_with_its_first_cause() -> None:
    log = run_of(child("c", PAIR), task("b", "c?"))
    log.add(succeeded("c/x"))
    log.add(failed("c/y"))
    assert hole_of(log, "b") == ("r/c/y", "failed")


def test_a_failure_before_it_skips_the_whole_pipeline_holes_inside_or_not() -> None:
    log = run_of(task("a", "input"), child("c", PAIR, "a"), task("b", "c?"))
    log.add(failed("a"))
    assert set(log.out) == {"b"}
    assert hole_of(log, "b") == ("r/a", "failed")


@pytest.mark.parametrize(("word", "outcome"), [("when", "skipped"), ("unless", None)])
def test_a_condition_holds_for_the_whole_pipeline(word: str, outcome: str | None) -> None:
    facts = {"value:ok": ValueFact(kind="value", value=False)}
    condition: dict[str, Any] = {word: [{"from": "input", "select": "ok"}]}
    log = run_of(child("c", PAIR, **condition), task("b", "c?"), facts=facts)
    if outcome is None:
        assert set(log.out) == {"c/x"}
    else:
        assert hole_of(log, "b") == ("r/c", outcome)


def test_a_step_that_runs_a_pipeline_waits_for_what_it_is_to_come_after() -> None:
    log = run_of(task("a", "input"), child("c", PAIR, after=[{"from": "a"}]))
    assert set(log.out) == {"a"}
    log.add(succeeded("a"))
    assert set(log.out) == {"c/x"}


def test_the_deadline_of_the_step_ends_all_that_is_inside() -> None:
    retries = pipeline(task("x", "input"), task("y", "input"), task("z", "x?", "y?", deadline_seconds=9))
    log = run_of(child("c", retries, deadline_seconds=60), task("b", "c?"))
    due_ms = log.timers["step:c"].due_ms
    assert [log.dispatch(local).deadline_ms for local in ("c/x", "c/y")] == [due_ms, due_ms]
    log.add(failed("c/x", retriable=True))
    log.fire("step:c")
    assert {local: log.letter(local) for local in ("c/x", "c/y")} == {"c/x": "e", "c/y": "e"}
    assert set(log.timers) == {"deadline"}
    assert hole_of(log, "b") == ("r/c", "expired")
    log.add(succeeded("c/y"))
    assert set(log.out) == {"b"}


def test_a_pipeline_that_nobody_needs_any_more_is_cancelled() -> None:
    log = run_of(
        task("a", "input"), child("c", PAIR), task("b", "a?", "c?", join={"policy": "any"}), task("d", "b")
    )
    log.add(succeeded("a"))
    assert log.letter("c/x") == "x"
    assert set(log.out) == {"b"}
    source = log.dispatch("b").inputs[1].source
    assert isinstance(source, HoleInput)
    assert source.hole.task_id == "r/c"


def test_a_pipeline_may_be_given_a_hole_or_a_constant() -> None:
    inner = pipeline(task("x", "input"))
    log = run_of(
        task("a", "input"), child("c", inner, "a?"), child("d", inner, {"value": 7}), task("b", "c", "d")
    )
    constant = log.dispatch("d/x").inputs[0].source
    assert constant.model_dump()["value"] == 7
    log.add(failed("a"))
    assert hole_of(log, "c/x") == ("r/a", "failed")


def test_a_settle_of_the_step_itself_changes_nothing() -> None:
    log = run_of(child("c", PAIR))
    log.add(succeeded("c"))
    assert set(log.out) == {"c/x"}
    assert dispatch_of(log.state, "c", 1, 0) is None


def test_agents_of_pipelines_inside_count_with_their_own_contracts() -> None:
    inner = pipeline(task("x", "input", agent="own"), agents={"own": contract(concurrency=7)})
    compiled = pipeline(child("c", inner), task("b", "c"))
    assert list(compiled.contracts()) == ["ag", "own"]
    assert index(compiled).steps["c/x"].terms.concurrency == 7
    clash = pipeline(task("x", "input"), agents={"ag": contract(concurrency=7)})
    with pytest.raises(BuildError, match="two agents named 'ag'"):
        pipeline(child("c", clash), task("b", "c"))


LONG = "y" * 4000


def test_a_part_of_a_part_that_grows_too_long_is_refused_by_name() -> None:
    inner = pipeline(
        task("x", {"from": "input", "select": LONG}, when=[{"from": "input", "select": LONG}]),
        returns={"from": "x", "select": LONG},
    )
    compiled = pipeline(
        child("c", inner, {"from": "input", "select": LONG}), returns={"from": "c", "select": LONG}
    )
    assert unsupported(compiled) == [
        f"{what} is a part of a part, picked in more than 4096 characters"
        for what in ("input 'p0' of step 'c/x'", "a condition of step 'c/x'", "its result")
    ]
