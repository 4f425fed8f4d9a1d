"""A planner returns tasks: checked, then folded as steps of the run under its own, by rules 2."""

from typing import TYPE_CHECKING

import pytest

from argosy.coordinator.messages import dispatch_of, ended_of
from argosy.coordinator.plan_schema import Schemas, misfit, takes_list
from argosy.coordinator.planned import BAD_PLAN
from argosy.schemas.facts import NoFact, ValueFact
from argosy.schemas.fault import MESSAGE_CHARACTERS
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import CancelReceived
from argosy.schemas.task import HoleInput
from support.fold_log import FoldLog
from support.fold_pipelines import Data, contract, failed, looped, mapped_pipeline, pipeline, succeeded, task
from support.fold_plans import AGENTS, a_task, begun, log_of, look_at, of, plan_facts, planning, plans

if TYPE_CHECKING:
    from pydantic import JsonValue

    from argosy.schemas.contract import JsonSchema


def ok(log: FoldLog, local: str) -> None:
    log.add(succeeded(local, log.out[local]))


def fails(log: FoldLog, local: str) -> None:
    log.add(failed(local, log.out[local], retriable=False))


def source(log: FoldLog, local: str) -> object:
    given = log.dispatch(local).inputs[0].source
    assert isinstance(given, Inline)
    return given.value


def test_the_tasks_of_a_plan_are_tasks_of_the_run_and_what_they_gave_is_one_value() -> None:
    log = log_of(planning(), task("z", "q"))
    plans(log, a_task("x", "one"), a_task("y", "two", agent="bg"), a_task("w", of("x"), after=["y"]))
    assert log.out == {"q/x": 1, "q/y": 1}
    assert log.dispatch("q/y").agent == "bg"
    assert source(log, "q/x") == "one"
    ok(log, "q/x")
    assert sorted(log.out) == ["q/y"]
    ok(log, "q/y")
    assert source(log, "q/w") == "q/x#1"
    ok(log, "q/w")
    assert log.look("q/=").keys == ("x", "y", "w")
    look_at(log)
    assert source(log, "z") == "made of x,y,w"
    ok(log, "z")
    ended = ended_of(log.state)
    assert ended is not None
    assert (ended.outcome, ended.tasks) == ("succeeded", 5)


def test_a_plan_of_no_tasks_is_a_result_too() -> None:
    log = log_of(planning())
    plans(log)
    look_at(log)
    ended = ended_of(log.state)
    assert ended is not None
    assert ended.outcome == "succeeded"


def test_no_more_run_at_once_than_may() -> None:
    log = log_of(planning(max_parallel=2))
    plans(log, *(a_task(f"t{number}") for number in range(5)))
    assert sorted(log.out) == ["q/t0", "q/t1"]
    ok(log, "q/t1")
    assert sorted(log.out) == ["q/t0", "q/t2"]
    fails(log, "q/t0")
    assert sorted(log.out) == ["q/t2", "q/t3"]


@pytest.mark.parametrize("length", [12, 120])
def test_an_end_writes_as_little_of_a_long_queue_as_of_a_short_one(length: int) -> None:
    log = log_of(planning(max_parallel=1, max_tasks=1000))
    plans(log, *(a_task(f"t{number:03}") for number in range(length)))
    most = 0
    for number in range(length):
        assert log.state is not None
        assert list(log.out) == [f"q/t{number:03}"]
        before = dict(log.hash)
        ok(log, f"q/t{number:03}")
        changed = dict(log.hash.items() - before.items())
        most = max(most, sum(len(name) + len(value) for name, value in changed.items()))
    assert most < 600
    assert not [name for name in log.hash if name.startswith("h:")]


def test_who_waits_for_what_failed_is_skipped_and_who_can_do_without_finds_a_hole() -> None:
    log = log_of(planning(), task("z", "q"))
    reads = [of("x"), of("y", or_hole=True)]
    plans(
        log,
        a_task("x"),
        a_task("y"),
        a_task("w", of("y"), after=["x"]),
        a_task("v", reads),
        a_task("u", of("w")),
    )
    ok(log, "q/x")
    fails(log, "q/y")
    assert sorted(log.out) == ["q/v"]
    gathered = log.dispatch("q/v").inputs[0].gathered
    assert gathered is not None
    assert isinstance(gathered[0], Inline)
    assert isinstance(gathered[1], HoleInput)
    assert gathered[1].hole.task_id == "r/q/y"
    ok(log, "q/v")
    look = log.look("q/=")
    assert look.at.gathered is not None
    holes = [entry.hole for entry in look.at.gathered if isinstance(entry, HoleInput)]
    assert [(hole.task_id, hole.outcome) for hole in holes] == [("r/q/y", "failed")] * 3
    look_at(log)
    assert "z" in log.out


@pytest.mark.parametrize(
    ("tasks", "reason"),
    [
        ("no plan", "Input should be"),
        ([a_task("x"), a_task("x")], "two of its tasks have the key 'x'"),
        ([a_task("X")], "tasks.0.key: String should match"),
        ([a_task("input")], "'input' can't be a key"),
        ([a_task("p1")], "'p1' can't be a key"),
        ([a_task("x", agent="planner")], "x is for 'planner'; it may be for ag, bg"),
        ([a_task("x", after=["y"])], "x waits for 'y', which is no key of the plan"),
        ([a_task("x", of("x"))], "these wait for each other: x"),
        ([a_task("x", of("y")), a_task("y", after=["x"])], "these wait for each other: x, y"),
        ([a_task("x") | {"inputs": {"more": 1}}], "x has an input 'more'; ag takes p0"),
        ([a_task(f"t{number}") for number in range(21)], "it has 21 tasks; at most 20 may be planned"),
    ],
)
def test_a_plan_that_may_not_be_run_fails_its_planners_attempt_with_the_reason(
    tasks: object, reason: str
) -> None:
    log = log_of(planning())
    for attempt in (1, 2, 3):
        assert log.out == {"q": attempt}
        log.add(succeeded("q", attempt, facts=plan_facts({"tasks": tasks})))  # type: ignore[dict-item]
        assert not [local for local in log.out if local != "q"]
        if attempt < 3:
            log.fire("retry:q")
    ended = ended_of(log.state)
    assert ended is not None
    assert ended.fault is not None
    assert ended.fault.code == BAD_PLAN
    assert reason in ended.fault.message


def test_inputs_have_to_fit_what_their_agent_takes() -> None:
    typed: Data = {
        "p0": {"$ref": "#/schemas/Part"},
        "p1": {"type": "array", "items": {"type": "string"}, "default": []},
    }
    part: Data = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    plain = pipeline(planning(), agents=AGENTS)
    typed_agents = plain.dump()["agents"] | {"ag": contract(inputs=typed)}  # type: ignore[operator]
    compiled = CompiledPipeline.model_validate(
        plain.dump() | {"agents": typed_agents, "schemas": {"Part": part}}
    )

    def said(*reads: object) -> str:
        log = begun(compiled)
        plans(log, a_task("y", {"n": 1}), a_task("x", *reads))
        return log.changes[-1].reason

    assert "input 'p0' of x: it.n is no integer" in said({"n": "one"})
    assert "input 'p0' of x: it has no 'n'" in said({})
    assert "input 'p1' of x: it[1] is no string" in said({"n": 1}, ["a", 2])
    assert "input 'p0' of x is no list" in said([of("y")])
    assert "x has no input 'p0'; ag takes p0, p1" in said()
    assert said({"n": 1}, [of("y"), "b"]) == ""


def test_a_good_plan_of_an_earlier_attempt_is_taken_and_a_bad_one_changes_nothing() -> None:
    log = log_of(planning())
    log.add(failed("q", 1, retriable=True))
    log.fire("retry:q")
    log.add(succeeded("q", 1, facts=plan_facts({"tasks": [a_task("x", agent="none")]})))
    assert log.out == {"q": 2}
    log.add(succeeded("q", 1, facts=plan_facts({"tasks": [a_task("x")]})))
    assert log.out == {"q/x": 1}
    log.add(succeeded("q", 2, facts=plan_facts({"tasks": [a_task("y")]})))
    assert log.out == {"q/x": 1}


def test_a_planner_that_is_tried_again_is_told_what_was_wrong_with_its_last_plan() -> None:
    log = log_of(planning())
    assert log.dispatch("q").refused is None
    plans(log, a_task("x", agent="none"), taint=("document",))
    log.fire("retry:q")
    told = log.dispatch("q").refused
    assert told is not None
    assert "x is for 'none'; it may be for ag, bg" in told.reason
    assert told.taint == ("document",)
    log.add(failed("q", 2, retriable=True))
    log.fire("retry:q")
    assert log.dispatch("q").refused == told
    plans(log, a_task("x"))
    assert log.dispatch("q/x").refused is None
    assert "u:q" not in log.hash


def test_a_plan_that_was_given_with_the_run_is_taken_over_and_so_is_what_its_tasks_left() -> None:
    inline: Data = {"value": "given", "bytes": 7, "tokens": 2}
    plan: Data = {"tasks": [a_task("x"), a_task("y", of("x"))]}
    facts: Data = {"value:": {"kind": "value", "value": plan}}
    given = {
        "q": {"payload": inline, "facts": facts},
        "q/x": {"payload": inline},
        "q/none": {"payload": inline},
    }
    log = log_of(planning(), task("z", "q"), reused=given)
    assert log.out == {"q/y": 1}
    assert source(log, "q/y") == "given"
    ok(log, "q/y")
    look_at(log)
    assert source(log, "z") == "made of x,y"
    whole = log_of(planning(), task("z", "q"), reused={"q": {"payload": inline}})
    assert source(whole, "z") == "given"
    bad: Data = {"value:": {"kind": "value", "value": {"tasks": [a_task("x", agent="none")]}}}
    log = log_of(planning(), reused={"q": {"payload": inline, "facts": bad}})
    ended = ended_of(log.state)
    assert ended is not None
    assert ended.fault is not None
    assert ended.fault.code == BAD_PLAN


def test_what_a_planner_gave_is_tainted_as_its_result() -> None:
    log = log_of(planning())
    plans(log, a_task("x", "words", [of("y"), "more"]), a_task("y"), taint=("document",))
    ok(log, "q/y")
    words, more = log.dispatch("q/x").inputs
    assert isinstance(words.source, Inline)
    assert words.source.taint == ("document",)
    assert more.gathered is not None
    assert not isinstance(more.gathered[1], HoleInput)
    assert more.gathered[1].taint == ("document",)
    ok(log, "q/x")
    assert log.look("q/=").at.source.taint == ("document",)


def test_the_tasks_of_a_plan_have_no_longer_than_its_step() -> None:
    log = log_of(planning(deadline_seconds=5))
    due_ms = log.timers["step:q"].due_ms
    plans(log, a_task("x"), a_task("y", of("x")))
    ok(log, "q/x")
    assert log.dispatch("q/y").deadline_ms == due_ms < log.dispatch("q/y").run_deadline_ms


def test_the_end_of_a_run_or_of_the_step_stops_the_tasks_of_its_plan() -> None:
    log = log_of(planning(deadline_seconds=5), task("z", "q?"))
    plans(log, a_task("x"), a_task("y", of("x")))
    log.fire("step:q")
    assert log.out == {"z": 1}
    assert log.letter("q/x") == "e"
    late = log_of(planning())
    plans(late, a_task("x"), a_task("y", of("x")))
    late.add(CancelReceived(reason="enough"))
    assert not late.out
    assert late.letter("q/x") == "x"


def test_a_loop_forgets_who_still_waited_for_a_place_when_its_planner_had_no_more_time() -> None:
    inner = pipeline(planning(max_parallel=1, deadline_seconds=5), task("y", "q?"), agents=AGENTS)
    log = begun(pipeline(looped("l", "input", runs=inner, max_iterations=3), agents=AGENTS))
    for number in (1, 2, 3):
        plans(log, *(a_task(key) for key in "abc"), local=f"l~{number}/q")
        assert f"h:l~{number}/q#1" in log.hash
        log.fire(f"step:l~{number}/q")
        log.add(succeeded(f"l~{number}/y", 1, facts={"value:@": ValueFact(kind="value", value=number == 3)}))
        assert not [name for name in log.hash if name.startswith(("h:", "u:", "q:"))]


def test_planners_plan_in_maps_and_in_loops_and_a_loop_forgets_their_plans() -> None:
    inner = pipeline(planning(), task("y", "q"), agents=AGENTS)
    log = begun(pipeline(looped("l", "input", runs=inner, max_iterations=2), agents=AGENTS))
    for number in (1, 2):
        plans(log, a_task("x", "one"), local=f"l~{number}/q")
        assert log.out == {f"l~{number}/q/x": 1}
        ok(log, f"l~{number}/q/x")
        look_at(log, f"l~{number}/q")
        log.add(succeeded(f"l~{number}/y", 1, facts={"value:@": ValueFact(kind="value", value=number == 2)}))
    assert log.state is not None
    assert not [name for name in log.state.dump() if name.startswith(("q:", "s:l~", "t:l~1"))]
    each = begun(pipeline(mapped_pipeline("m", inner, {"value": ["a", "b"]}), agents=AGENTS))
    for number in (0, 1):
        plans(each, a_task("x", "one"), a_task("v", of("x")), local=f"m.{number}/q")
    assert sorted(each.out) == ["m.0/q/x", "m.1/q/x"]
    each.add(CancelReceived(reason="enough"))
    assert not each.out


def test_a_task_of_a_plan_is_tried_again_and_joins_its_planner() -> None:
    log = log_of(planning())
    plans(log, a_task("x", "one"))
    parents = log.dispatch("q/x").parents
    assert len(parents) == 1
    log.add(failed("q/x", 1, retriable=True))
    log.fire("retry:q/x")
    assert log.out == {"q/x": 2}


def test_who_reads_what_a_plan_gave_joins_its_tasks() -> None:
    log = log_of(planning(), task("z", "q"))
    plans(log, a_task("x"), a_task("y", of("x")))
    ok(log, "q/x")
    ok(log, "q/y")
    look_at(log)
    assert log.state is not None
    order = dispatch_of(log.state, "z", 1, 0)
    assert order is not None
    assert order.parents == len(("q/x", "q/y", "q"))
    assert len(log.dispatch("z").parents) == order.parents


def test_a_value_whose_type_branches_into_itself_is_not_looked_at_for_ever() -> None:
    schemas: dict[str, JsonSchema] = {
        name: {
            "type": "object",
            "properties": {"left": {"$ref": "#/schemas/Node"}, "kind": {"const": name}},
            "required": ["kind"],
        }
        for name in ("Add", "Sub", "Mul")
    }
    names: list[JsonValue] = [{"$ref": f"#/schemas/{name}"} for name in schemas]
    schemas["Node"] = {"anyOf": [*names, {"type": "null"}]}
    assert misfit({"kind": "none"}, schemas["Node"], Schemas(schemas)) == "it fits none of 4 types"
    bad: JsonValue = None
    good: JsonValue = None
    for _ in range(20):
        bad, good = {"left": bad, "kind": "none"}, {"kind": "Mul", "left": good}
    looked = Schemas(schemas)
    assert misfit(good, schemas["Node"], looked) is None
    assert looked.left > 0
    assert misfit(bad, schemas["Node"], looked) is None
    assert looked.left < 0
    endless: JsonSchema = {"anyOf": [{"$ref": "#/schemas/Endless"}, {"$ref": "#/schemas/Endless"}]}
    assert takes_list(endless, Schemas({"Endless": endless}))


def test_a_number_that_is_none_is_no_integer() -> None:
    assert misfit(float("inf"), {"type": "integer"}, Schemas({})) == "it is no integer"


def test_what_is_said_of_a_bad_plan_is_short_and_says_why_nothing_is_known_of_it() -> None:
    log = log_of(planning())
    long = plan_facts({"tasks": [a_task("x") | {"k" * 50_000: 1}]})
    log.add(succeeded("q", 1, facts=long))
    assert len(log.changes[-1].reason) <= MESSAGE_CHARACTERS
    log.fire("retry:q")
    log.add(succeeded("q", 2, facts={"value:": NoFact(kind="none", reason="it is too large")}))
    assert "it is too large" in log.changes[-1].reason
