"""Maps over pipelines: a pipeline for each item, so many at once; holes, retries, deadlines, what is stopped, size."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from argosy.coordinator.event import Event
from argosy.coordinator.fold import fold
from argosy.coordinator.messages import ended_of
from argosy.coordinator.plan import index
from argosy.coordinator.wants import wants_of
from argosy.schemas.facts import Facts, ListFact, NoFact, SizeFact, ValueFact
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import CancelReceived, RunEnded
from argosy.schemas.task import HoleInput
from support.fold_log import FoldLog
from support.fold_pipelines import (
    accepted,
    contract,
    failed,
    listing,
    mapped,
    mapped_pipeline,
    pipeline,
    succeeded,
    task,
    text,
)

LIST = "list:"
CHAIN = pipeline(task("x", "input"), task("y", "x"))
ONE = pipeline(task("x", "input"))


def spread(inner: CompiledPipeline, *items: str, **fields: object) -> FoldLog:
    """A run of a map of this pipeline over its input, then a step that takes the list."""
    log = FoldLog()
    compiled = pipeline(mapped_pipeline("c", inner, "input", **fields), task("z", "c?"))
    log.add(accepted(compiled, facts={LIST: listing(*items)}))
    return log


def gathered(log: FoldLog) -> list[object]:
    """What the step after the map would get: values, and tasks and outcomes of holes."""
    entries = log.dispatch("z").inputs[0].gathered
    assert entries is not None
    return [
        (entry.hole.task_id, entry.hole.outcome)
        if isinstance(entry, HoleInput)
        else getattr(entry, "value", None)
        for entry in entries
    ]


def end_of(log: FoldLog) -> RunEnded:
    body = ended_of(log.state)
    assert body is not None
    return body


def test_each_item_gets_a_pipeline_of_its_own_at_most_so_many_at_once() -> None:
    log = spread(CHAIN, *"abc", max_parallel=2)
    assert sorted(log.out) == ["c.0/x", "c.1/x"]
    dispatched = log.dispatch("c.1/x")
    assert (dispatched.task_id, dispatched.step) == ("r/c.1/x", "c.1/x")
    given = dispatched.inputs[0]
    assert (given.source, given.item, given.select) == (listing(*"abc").manifest, 1, None)
    log.add(succeeded("c.0/x"))
    assert sorted(log.out) == ["c.0/y", "c.1/x"], "a shard keeps its place until its pipeline has ended"
    assert log.dispatch("c.0/y").inputs[0].source == text("c.0/x#1")
    log.add(succeeded("c.0/y"))
    assert sorted(log.out) == ["c.1/x", "c.2/x"]


def test_the_list_is_in_the_order_of_the_items_whatever_order_the_pipelines_ended_in() -> None:
    log = spread(ONE, *"abc")
    for shard in (2, 0, 1):
        log.add(succeeded(f"c.{shard}/x"))
    assert gathered(log) == ["c.0/x#1", "c.1/x#1", "c.2/x#1"]
    log.add(succeeded("z"))
    assert (end_of(log).outcome, end_of(log).tasks) == ("succeeded", 4)


def test_an_empty_list_makes_an_empty_list_at_once() -> None:
    assert gathered(spread(CHAIN)) == []


def test_what_is_no_list_fails_the_map_and_says_so() -> None:
    log = FoldLog()
    compiled = pipeline(mapped_pipeline("c", CHAIN, "input"))
    log.add(accepted(compiled, facts={LIST: NoFact(kind="none", reason="is a text, not a list")}))
    fault = end_of(log).fault
    assert fault is not None
    assert fault.code == "not_a_list"
    assert "is a text, not a list" in fault.message


def test_with_all_of_the_first_failure_in_any_shard_fails_the_map_and_stops_the_others() -> None:
    log = spread(CHAIN, *"abcde", max_parallel=3)
    log.add(succeeded("c.0/x"))
    log.add(failed("c.1/x"))
    assert {local: log.letter(local) for local in ("c.0/y", "c.2/x")} == {"c.0/y": "x", "c.2/x": "x"}
    source = log.dispatch("z").inputs[0].source
    assert isinstance(source, HoleInput)
    assert (source.hole.task_id, source.hole.outcome) == ("r/c.1/x", "failed")


def test_a_shard_that_does_not_return_is_a_hole_with_its_first_cause() -> None:
    log = spread(CHAIN, *"abc", join={"policy": "all_ended"})
    log.add(failed("c.1/x"))
    for local in ("c.0/x", "c.2/x", "c.0/y"):
        log.add(succeeded(local))
    log.add(failed("c.2/y"))
    assert gathered(log) == ["c.0/y#1", ("r/c.1/x", "failed"), ("r/c.2/y", "failed")]


def test_what_a_quorum_can_do_without_is_cancelled_with_all_that_runs_in_it() -> None:
    log = spread(CHAIN, *"abc", join={"policy": "quorum", "count": 1})
    log.add(failed("c.2/x", retriable=True))
    log.add(succeeded("c.0/x"))
    log.add(succeeded("c.0/y"))
    assert {local: log.letter(local) for local in ("c.1/x", "c.2/x")} == {"c.1/x": "x", "c.2/x": "x"}
    assert set(log.timers) == {"deadline"}
    assert gathered(log) == ["c.0/y#1", ("r/c.1", "cancelled"), ("r/c.2", "cancelled")]
    log.add(succeeded("c.1/x"))
    assert sorted(log.out) == ["z"], "a late result changes nothing"


def test_a_quorum_out_of_reach_names_the_first_cause() -> None:
    log = spread(ONE, *"ab", join={"policy": "quorum", "count": 2})
    log.add(failed("c.1/x"))
    log.add(succeeded("z"))
    source = log.state.step("c").cause if log.state else None
    assert source is not None
    assert source.fault.message == "0 of 2 shards of c succeeded, 2 were needed; first c.1/x: c.1/x broke"


def test_an_inner_step_is_tried_again_and_keeps_the_place_of_its_shard() -> None:
    log = spread(ONE, *"ab", max_parallel=1)
    log.add(failed("c.0/x", retriable=True))
    assert log.out == {}
    log.fire("retry:c.0/x")
    assert log.out == {"c.0/x": 2}
    log.add(succeeded("c.0/x", 2))
    assert log.out == {"c.1/x": 1}


def test_the_deadline_of_an_inner_step_expires_that_shard_alone() -> None:
    log = spread(pipeline(task("x", "input", deadline_seconds=9)), *"ab", join={"policy": "all_ended"})
    log.fire("step:c.0/x")
    log.add(succeeded("c.1/x"))
    assert gathered(log) == [("r/c.0/x", "expired"), "c.1/x#1"]


def test_the_deadline_of_the_map_ends_all_that_is_inside() -> None:
    inner = pipeline(task("x", "input"), task("y", "input", deadline_seconds=9), task("w", "x?", "y?"))
    log = spread(inner, *"ab", deadline_seconds=60, join={"policy": "all_ended"})
    log.add(failed("c.0/x", retriable=True))
    log.fire("step:c")
    assert {log.letter(f"c.{shard}/{step}") for shard in (0, 1) for step in "xy"} == {"e"}
    assert set(log.timers) == {"deadline"}
    assert set(log.out) == {"z"}


def test_a_by_deadline_takes_what_is_there() -> None:
    log = spread(CHAIN, *"ab", join={"policy": "deadline", "within_seconds": 5})
    log.add(succeeded("c.1/x"))
    log.add(succeeded("c.1/y"))
    log.fire("join:c")
    assert gathered(log) == [("r/c.0", "cancelled"), "c.1/y#1"]


def test_a_join_inside_a_shard_cancels_what_that_shard_alone_needs_no_more() -> None:
    inner = pipeline(task("x", "input"), task("y", "input"), task("w", "x?", "y?", join={"policy": "any"}))
    log = spread(inner, *"ab")
    log.add(succeeded("c.0/y"))
    assert log.letter("c.0/x") == "x"
    assert log.letter("c.1/x") == log.letter("c.1/y") == "r"
    assert sorted(log.out) == ["c.0/w", "c.1/x", "c.1/y"]


def test_a_cancelled_run_stops_what_runs_in_shards() -> None:
    log = spread(CHAIN, *"ab")
    log.add(CancelReceived(reason="enough"))
    assert log.out == {}
    assert not log.claims
    assert end_of(log).outcome == "cancelled"


def test_a_map_that_nobody_needs_any_more_is_stopped_with_its_pipelines() -> None:
    log = FoldLog()
    compiled = pipeline(
        task("a", "input"),
        mapped_pipeline("c", CHAIN, {"value": [1, 2]}),
        task("b", "a?", "c?", join={"policy": "any"}),
    )
    log.add(accepted(compiled))
    log.add(succeeded("a"))
    assert set(log.out) == {"b"}
    assert log.letter("c.0/x") == log.letter("c.1/x") == "x"


def test_a_part_of_what_a_shard_returns_is_its_value() -> None:
    inner = pipeline(task("x", "input"), returns={"from": "x", "select": "y"})
    log = spread(inner, *"ab")
    compiled = pipeline(mapped_pipeline("c", inner, "input"), task("z", "c?"))
    assert [want.key for want in wants_of(compiled, "c.*/x")] == ["value:y", "size:y"]
    there: Facts = {
        "value:y": ValueFact(kind="value", value="Y"),
        "size:y": SizeFact(kind="size", bytes=3, tokens=1),
    }
    log.add(succeeded("c.0/x", facts=there))
    log.add(succeeded("c.1/x", facts=there | {"value:y": ValueFact(kind="value", value="Z")}))
    assert gathered(log) == ["Y", "Z"]


def test_a_part_that_can_not_be_selected_is_a_hole_with_a_reason() -> None:
    inner = pipeline(task("x", "input"), returns={"from": "x", "select": "y"})
    log = spread(inner, "a", join={"policy": "all_ended"})
    none = NoFact(kind="none", reason="can't be selected")
    log.add(succeeded("c.0/x", facts={"value:y": none, "size:y": none}))
    entries = log.dispatch("z").inputs[0].gathered
    assert entries is not None
    assert isinstance(entries[0], HoleInput)
    assert entries[0].hole.task_id == "r/c.0"
    assert entries[0].hole.reason == "the shard's result, a part of c.0/x: can't be selected"


def test_a_map_inside_a_shard_and_a_shard_inside_a_shard_have_names_that_are_found_again() -> None:
    inner = pipeline(mapped("m", {"value": [1, 2]}), task("x", "m"))
    outer = pipeline(mapped_pipeline("d", inner, "input"), task("e", "d"))
    compiled = pipeline(mapped_pipeline("c", outer, {"value": [["p", "q"], ["s"]]}), task("z", "c"))
    log = FoldLog()
    log.add(accepted(compiled))
    assert set(log.looks) == {"c.0/input", "c.1/input"}, "the list of an inner map is a part of the item"
    log.add(succeeded("c.0/input", facts={LIST: listing("p", "q")}))
    assert sorted(log.out) == ["c.0/d.0/m.0", "c.0/d.0/m.1", "c.0/d.1/m.0", "c.0/d.1/m.1"]
    plan = index(compiled)
    for local in log.out:
        place = plan.find(local)
        assert place is not None
        assert place.local == local
    wrong = ("c.0/d.0/m", "c.00/d.0/m.0", "c.*/d.*/m.0", "c/d/m.0", "c.0/d.0/m.x", "c.0", "c.9999999/e")
    assert [plan.find(local) for local in wrong] == [None] * len(wrong)


def test_a_step_of_a_shard_reads_and_waits_for_steps_of_its_own_shard_only() -> None:
    log = spread(pipeline(task("x", "input"), task("y", "input", "x?")), *"ab")
    log.add(failed("c.0/x"))
    assert sorted(log.out) == ["c.0/y", "c.1/x"]
    hole = log.dispatch("c.0/y").inputs[1].source
    assert isinstance(hole, HoleInput)
    assert hole.hole.task_id == "r/c.0/x"


def test_a_pipeline_over_the_whole_result_of_another_map_gets_the_shard_of_the_same_number() -> None:
    log = FoldLog()
    first = mapped("m", {"value": [1, 2]}, join={"policy": "all_ended"})
    compiled = pipeline(first, mapped_pipeline("c", pipeline(task("x", "input?")), "m"), task("z", "c"))
    log.add(accepted(compiled))
    log.add(failed("m.0"))
    log.add(succeeded("m.1"))
    hole = log.dispatch("c.0/x").inputs[0].source
    assert isinstance(hole, HoleInput)
    assert hole.hole.task_id == "r/m.0"
    assert log.dispatch("c.1/x").inputs[0].source == text("m.1#1")


def test_pipelines_one_after_the_other_for_each_item() -> None:
    log = FoldLog()
    compiled = pipeline(
        mapped_pipeline("c", ONE, {"value": [1, 2]}), mapped_pipeline("d", ONE, "c"), task("z", "d")
    )
    log.add(accepted(compiled))
    for shard in (0, 1):
        log.add(succeeded(f"c.{shard}/x"))
    assert log.dispatch("d.1/x").inputs[0].source == text("c.1/x#1")


def test_an_inner_task_is_measured_against_its_window_with_the_tokens_of_its_item() -> None:
    log = FoldLog()
    inner = pipeline(task("x", "input"), agents={"ag": contract(window=100)})
    compiled = pipeline(
        mapped_pipeline("c", inner, "input", join={"policy": "all_ended"}),
        task("z", "c"),
        agents={"ag": contract(window=100)},
    )
    large = listing("x", "y").model_copy(update={"most_tokens": 90})
    assert isinstance(large.manifest, Inline)
    assert isinstance(large.manifest.value, list)
    parts: list[Any] = [*large.manifest.value]
    parts[1] = {**parts[1], "tokens": 90}
    fact = large.model_copy(update={"manifest": Inline(value=parts, bytes=60, tokens=92)})
    log.add(accepted(compiled, facts={LIST: fact}, windows={"ag": 100}))
    assert sorted(log.out) == ["c.0/x"]
    assert log.letter("c.1/x") == "f"


@pytest.mark.parametrize("local", ["c.7/x", "c.0/nope", "c.0", "c", "c.*/x", "c.0/input"])
def test_a_settle_of_what_is_not_there_changes_nothing(local: str) -> None:
    log = spread(CHAIN, *"ab")
    before = dict(log.hash)
    log.add(succeeded(local))
    assert log.hash == before


# -- size


def of_length(length: int) -> ListFact:
    manifest = Reference(sha256="ab" * 32, bytes=10**6, tokens=10**5, shape="manifest")
    return ListFact(kind="list", length=length, most_tokens=9, manifest=manifest)


def calls_of(work: Callable[[], object]) -> int:
    """Count the Python and C functions that a piece of work calls: the same on every machine."""
    count = 0

    def tick(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(tick)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def cost_of_a_shard(shards: int, version: str) -> tuple[int, int]:
    """Calls and bytes written for the two settles of one shard in the middle of a map of so many."""
    compiled = pipeline(mapped_pipeline("c", CHAIN, "input"), task("z", "c"))
    compiled = compiled.model_copy(update={"version": version})  # a plan that no one has used
    state, _ = fold(None, Event(0, 1_000, "r", accepted(compiled, facts={LIST: of_length(shards)})))
    half, offset = shards // 2, 0

    def settle(shard: int) -> None:
        nonlocal state, offset
        for step in "xy":
            offset += 1
            state, _ = fold(state, Event(offset, 1_000, "r", succeeded(f"c.{shard}/{step}")))

    for shard in range(half):
        settle(shard)
    assert state is not None
    state.changes()
    calls = calls_of(lambda: settle(half))
    return calls, sum(len(name) + len(value or b"") for name, value in state.changes().items())


def test_a_shard_costs_the_same_in_a_map_of_10_and_of_10_000() -> None:
    cost_of_a_shard(10, "1")
    small_calls, small_bytes = cost_of_a_shard(10, "2")
    large_calls, large_bytes = cost_of_a_shard(10_000, "3")
    assert large_calls <= small_calls * 1.1
    assert large_bytes <= small_bytes * 1.5


def test_10_000_shards_have_one_plan_and_only_their_window_out() -> None:
    compiled = pipeline(mapped_pipeline("c", CHAIN, "input", max_parallel=32))
    log = FoldLog(reloads=False)
    log.add(accepted(compiled, facts={LIST: of_length(10_000)}))
    assert len(log.out) == 32
    assert len(log.hash) < 32 * 3 + 20
    assert list(index(compiled).steps) == ["c.*/x", "c.*/y", "c.*", "c"]
