"""Pipelines that come as JSON, from any language: what is wrong with them is said as to an author."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from argosy.schemas.edges import InputEdge
from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import CompiledPipeline, MapStep
from argosy.schemas.pipeline_checks import MAX_DEPTH, check, selections
from argosy.schemas.step_checks import CONSTANT_BYTES

TERMS = {
    "model": None,
    "window": None,
    "reserve": 4096,
    "threshold": 0.8,
    "above": "refuse",
    "concurrency": 8,
    "timeout_seconds": 300,
    "retries": 3,
    "backoff_seconds": 1,
    "max_deliveries": 5,
    "version": "1",
}
JOIN = {**TERMS, "inputs": {"a": {}, "b": {}, "c": {"default": 1}}, "output": {}}
ONE = {**TERMS, "inputs": {"x": {"$ref": "#/schemas/X"}}, "output": {"type": "string"}}


def step(name: str, agent: str, **inputs: str) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "task",
        "agent": agent,
        "inputs": [{"name": key, "from": source} for key, source in inputs.items()],
    }


def document() -> dict[str, Any]:
    """Two steps side by side, and one that reads both."""
    return {
        "argosy": "pipeline/1",
        "name": "p",
        "version": "1",
        "takes": {"$ref": "#/schemas/X"},
        "gives": {"type": "string"},
        "agents": {"one": deepcopy(ONE), "join": deepcopy(JOIN)},
        "steps": [
            step("left", "one", x="input"),
            step("right", "one", x="input"),
            step("both", "join", a="left", b="right"),
        ],
        "returns": {"from": "both"},
        "schemas": {"X": {"type": "object"}},
    }


def checked(change: Callable[[dict[str, Any]], object]) -> CompiledPipeline:
    data = document()
    change(data)
    pipeline = CompiledPipeline.model_validate(data)
    check(pipeline)
    return pipeline


def child(depth: int) -> dict[str, Any]:
    data = document()
    if depth:
        data["steps"][0] = {
            "name": "left",
            "kind": "task",
            "pipeline": child(depth - 1),
            "inputs": [{"name": "input", "from": "input"}],
        }
    return data


def test_a_right_pipeline_passes() -> None:
    pipeline = checked(lambda _: None)
    assert pipeline.dump() == document()
    assert pipeline.step("both").parents() == ("left", "right")
    assert pipeline.step("left").parents() == ()
    with pytest.raises(KeyError):
        pipeline.step("nope")


def test_what_a_step_waits_for_is_listed_once_each_in_order() -> None:
    def change(d: dict[str, Any]) -> None:
        d["steps"][2] |= {
            "after": [{"from": "right", "hole": True}],
            "when": [{"from": "input", "select": "ok"}],
            "unless": [{"from": "left", "select": "bad"}],
        }

    pipeline = checked(change)
    both = pipeline.step("both")
    assert both.sources() == ("left", "right", "input")
    assert list(selections(pipeline)) == [("step 'both' of 'p'", "ok"), ("step 'both' of 'p'", "bad")]


def test_constants_and_absent_values_are_told_apart() -> None:
    def change(d: dict[str, Any]) -> None:
        d["steps"][2]["inputs"].append({"name": "c", "value": None})

    pipeline = checked(change)
    assert pipeline.dump()["steps"][2]["inputs"][2] == {"name": "c", "value": None}  # type: ignore[index,call-overload]
    assert [type(given) for given in pipeline.step("both").edges] == [InputEdge, InputEdge]


def test_map_steps_have_their_own_fields() -> None:
    def change(d: dict[str, Any]) -> None:
        d["steps"][0] |= {"kind": "map", "over": "x", "max_parallel": 4, "join": {"policy": "any"}}

    first = checked(change).steps[0]
    assert isinstance(first, MapStep)
    assert first.max_parallel == 4


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:  # noqa: ANN401 - walks JSON
        *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
        for part in way:
            data = data[part]
        data[last] = value

    return change


def drop(path: str) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:  # noqa: ANN401 - walks JSON
        *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
        for part in way:
            data = data[part]
        del data[last]

    return change


def constant(size: int) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        data["steps"][2]["inputs"].append({"name": "c", "value": "x" * (size - 2)})

    return change


def test_a_constant_may_have_as_many_bytes_as_every_task_can_carry() -> None:
    assert checked(constant(CONSTANT_BYTES)).step("both").inputs[2].name == "c"


WRONG: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "waits for the input": (
        put("steps/0/after", [{"from": "input"}]),
        "step 'left' waits for 'input' of 'p'",
    ),
    "a large constant": (
        constant(CONSTANT_BYTES + 1),
        "step 'both' of 'p' feeds a constant of 16385 bytes to 'c'",
    ),
    "unknown ref": (put("steps/2/inputs/0/from", "nope"), "step 'both' of 'p' reads 'nope'"),
    "duplicate name": (put("steps/1/name", "left"), "two steps named 'left' in 'p'"),
    "reserved name": (put("steps/0/name", "input"), "a step named 'input' in 'p'"),
    "reads itself": (
        put("steps/0/inputs/0/from", "left"),
        "the steps left -> left of 'p' wait for each other",
    ),
    "cycle": (
        put("steps/0/inputs/0/from", "both"),
        "the steps left -> both -> left of 'p' wait for each other",
    ),
    "order": (
        put("steps/0/after", [{"from": "right"}]),
        "step 'left' of 'p' comes before 'right', which it waits for",
    ),
    "unknown agent": (put("steps/0/agent", "nope"), "step 'left' of 'p' runs the agent 'nope'"),
    "unknown input": (put("steps/0/inputs/0/name", "y"), "step 'left' of 'p' feeds 'y'"),
    "input twice": (
        put("steps/2/inputs/1/name", "a"),
        "step 'both' of 'p' feeds 'a' twice",
    ),
    "input missing": (drop("steps/2/inputs/1"), "step 'both' of 'p' feeds nothing to 'b'"),
    "join without holes": (
        put("steps/2/join", {"policy": "any"}),
        "step 'both' has join=any but no input that may be a hole",
    ),
    "returns unknown": (put("returns/from", "nope"), "'p' returns nothing"),
    "returns its input": (put("returns/from", "input"), "'p' returns nothing"),
    "no steps": (put("steps", []), "'p' returns nothing"),
    "leads nowhere": (put("returns/from", "left"), "step 'both' of 'p' leads nowhere"),
    "unknown schema": (drop("schemas/X"), "takes in 'p' refers to '#/schemas/X'"),
    "merge": (put("agents/one/merge", "nope"), "agent 'one' of 'p' has merge='nope'"),
    "too deep": (put("steps/0", child(MAX_DEPTH)["steps"][0]), "pipeline 'p' lies 9 pipelines deep"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_the_dag_is_said(case: str) -> None:
    change, expected = WRONG[case]
    with pytest.raises(BuildError) as caught:
        checked(change)
    assert caught.value.what == expected
    assert caught.value.why
    assert caught.value.do


def test_a_quorum_larger_than_what_may_be_missing_is_refused() -> None:
    def change(d: dict[str, Any]) -> None:
        d["steps"][2]["inputs"][0]["hole"] = True
        d["steps"][2]["join"] = {"policy": "quorum", "count": 2}

    with pytest.raises(BuildError, match="has a join of 2, but 1 input that may be a hole"):
        checked(change)


def test_a_map_over_an_input_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(BuildError, match="map 'left' of 'p' spreads 'y'"):
        checked(lambda d: d["steps"][0].update({"kind": "map", "over": "y", "max_parallel": 4}))


def test_two_contracts_of_one_agent_are_refused() -> None:
    def change(d: dict[str, Any]) -> None:
        d["steps"][0] = child(1)["steps"][0]
        d["steps"][0]["pipeline"]["agents"]["one"]["retries"] = 9

    with pytest.raises(BuildError, match="two agents named 'one' in 'p'"):
        checked(change)


def test_a_map_with_too_many_shards_at_once_is_refused() -> None:
    with pytest.raises(BuildError, match="map 'left' has max_parallel=1001"):
        checked(lambda d: d["steps"][0].update({"kind": "map", "over": "x", "max_parallel": 1_001}))


def test_an_agent_that_is_tried_too_often_is_refused() -> None:
    with pytest.raises(BuildError, match="agent 'one' has retries=101"):
        checked(put("agents/one/retries", 101))


def test_an_agent_without_room_for_input_is_refused() -> None:
    def change(d: dict[str, Any]) -> None:
        d["agents"]["one"] |= {"window": 4096, "reserve": 4000}

    with pytest.raises(BuildError, match="agent 'one' has no room for input"):
        checked(change)


def test_a_running_pipeline_from_before_a_bound_can_still_be_read() -> None:
    data = document()
    put("agents/one/retries", 10**6)(data)
    assert CompiledPipeline.model_validate(data).agents["one"].retries == 10**6


SHAPES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another document": (put("argosy", "pipeline/2"), "argosy"),
    "name": (put("name", "Bad"), "name"),
    "name with a line end": (put("name", "bad\n"), "name"),
    "unknown field": (put("color", "red"), "color"),
    "unknown kind": (put("steps/0/kind", "dance"), "steps.0"),
    "unknown field of a step": (put("steps/0/color", "red"), "steps.0.task.color"),
    "neither agent nor pipeline": (drop("steps/0/agent"), "steps.0.task"),
    "agent and pipeline": (put("steps/0/pipeline", document()), "steps.0.task"),
    "over of a task": (put("steps/0/over", "x"), "steps.0.task.over"),
    "no shards": (
        lambda d: d["steps"][0].update({"kind": "map", "over": "x", "max_parallel": 0}),
        "steps.0.map.max_parallel",
    ),
    "join numbers": (
        put("steps/0/join", {"policy": "quorum", "count": 1, "share": 0.5}),
        "steps.0.task.join",
    ),
    "quorum of none": (put("steps/0/join", {"policy": "quorum", "count": 0}), "steps.0.task.join"),
    "share": (put("steps/0/join", {"policy": "quorum", "share": 1.5}), "steps.0.task.join.share"),
    "seconds": (put("deadline_seconds", 0), "deadline_seconds"),
    "nan": (put("deadline_seconds", float("nan")), "deadline_seconds"),
    "select": (put("steps/0/inputs/0/select", "x" * 5000), "steps.0.task.inputs.0.edge.select"),
    "threshold": (put("agents/one/threshold", 2), "agents.one.threshold"),
    "agent's name": (put("agents/Bad", ONE), "agents.Bad.[key]"),
}


@pytest.mark.parametrize("case", SHAPES)
def test_the_field_that_has_a_wrong_shape_is_named(case: str) -> None:
    change, field = SHAPES[case]
    data = document()
    change(data)
    with pytest.raises(ValidationError) as caught:
        CompiledPipeline.model_validate(data)
    assert field in [".".join(map(str, error["loc"])) for error in caught.value.errors()]


def test_numbers_for_the_core_are_integers() -> None:
    def change(d: dict[str, Any]) -> None:
        d["steps"][2]["inputs"][0]["hole"] = True
        d["steps"][2]["join"] = {"policy": "quorum", "share": 0.9, "within_seconds": 1.5}
        d["steps"][2]["deadline_seconds"] = 0.25

    pipeline = checked(change)
    join = pipeline.step("both").join
    assert join is not None
    assert (join.share_per_mille, join.within_millis) == (900, 1500)
    assert pipeline.step("both").deadline_millis == 250
    one = pipeline.agents["one"]
    assert (one.threshold_per_mille, one.timeout_millis, one.backoff_millis) == (800, 300_000, 1000)


def test_whole_seconds_are_one_number_however_they_were_written() -> None:
    as_float = checked(put("agents/one/timeout_seconds", 300.0))
    assert as_float.identity == checked(lambda _: None).identity
