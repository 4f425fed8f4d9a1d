"""Looks: parts of a map's list, and of the item that a shard's pipeline is given, which no task sees."""

import pytest

from argosy.coordinator.look import look_of
from argosy.coordinator.messages import ended_of
from argosy.coordinator.unsupported import unsupported
from argosy.coordinator.wants import wants_of
from argosy.schemas.facts import NoFact, SizeFact, ValueFact
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import CancelReceived
from argosy.schemas.task import HoleInput
from support.fold_log import FoldLog
from support.fold_pipelines import (
    Data,
    accepted,
    failed,
    listing,
    mapped,
    mapped_pipeline,
    pipeline,
    succeeded,
    task,
    text,
)

M = mapped("m", {"value": [1, 2]}, join={"policy": "all_ended"})
TRUE, FALSE = (ValueFact(kind="value", value=value) for value in (True, False))


def run_of(compiled: CompiledPipeline) -> FoldLog:
    assert unsupported(compiled) == []
    log = FoldLog()
    log.add(accepted(compiled))
    return log


def both(log: FoldLog) -> FoldLog:
    """The map's first shard succeeds, the second fails."""
    log.add(succeeded("m.0"))
    log.add(failed("m.1"))
    return log


def test_a_map_that_is_read_as_a_whole_needs_no_look() -> None:
    log = both(run_of(pipeline(M, task("z", "m", {"from": "m", "select": "[0]"}))))
    assert not log.looks
    assert set(log.out) == {"z"}


@pytest.mark.parametrize(("fact", "runs"), [(TRUE, True), (FALSE, False)])
def test_a_condition_on_a_map_waits_until_the_lane_has_looked(fact: ValueFact, runs: bool) -> None:  # noqa: FBT001 - a case
    compiled = pipeline(
        M, task("b", "input", when=[{"from": "m", "select": "length(@) > `1`"}]), task("z", "b?")
    )
    log = both(run_of(compiled))
    assert not log.out
    look = log.look("m")
    assert [want.key for want in look.wants] == ["value:length(@) > `1`"]
    assert look.at.gathered is not None
    assert look.at.gathered[0] == text("m.0#1")
    assert isinstance(look.at.gathered[1], HoleInput)
    log.add(succeeded("m", facts={look.wants[0].key: fact}))
    assert set(log.out) == ({"b"} if runs else {"z"})
    assert not log.looks


def test_a_part_of_a_map_is_spread() -> None:
    log = both(run_of(pipeline(M, mapped("n", {"from": "m", "select": "[?ok]"}), task("z", "n"))))
    assert [want.key for want in log.look("m").wants] == ["list:[?ok]"]
    log.add(succeeded("m", facts={"list:[?ok]": listing("p", "q")}))
    assert sorted(log.out) == ["n.0", "n.1"]
    given = log.dispatch("n.1").inputs[0]
    assert (given.source, given.item) == (listing("p", "q").manifest, 1)


def test_a_part_of_a_map_that_is_no_list_fails_the_map_that_spreads_it() -> None:
    log = both(run_of(pipeline(M, mapped("n", {"from": "m", "select": "[0]"}))))
    log.add(succeeded("m", facts={"list:[0]": NoFact(kind="none", reason="is a text, not a list")}))
    body = ended_of(log.state)
    assert body is not None
    assert body.fault is not None
    assert body.fault.message == "p0 of n is spread, and m gave no list: is a text, not a list"


def test_a_part_of_a_map_is_returned() -> None:
    log = both(run_of(pipeline(M, returns={"from": "m", "select": "[0]"})))
    value = ValueFact(kind="value", value="first")
    log.add(succeeded("m", facts={"value:[0]": value, "size:[0]": SizeFact(kind="size", bytes=7, tokens=1)}))
    body = ended_of(log.state)
    assert body is not None
    assert body.result == Inline(value="first", bytes=7, tokens=1)


def test_a_list_that_can_not_be_looked_at_fails_the_map_with_the_reason() -> None:
    log = both(run_of(pipeline(M, returns={"from": "m", "select": "[0]"})))
    log.add(failed("m"))
    body = ended_of(log.state)
    assert body is not None
    assert body.fault is not None
    assert (body.fault.task_id, body.fault.message) == ("r/m", "m broke")


def test_a_look_that_is_answered_without_what_was_asked_fails_who_depends_on_it() -> None:
    log = both(run_of(pipeline(M, task("b", "input", when=[{"from": "m", "select": "[0]"}]))))
    log.add(succeeded("m"))
    body = ended_of(log.state)
    assert body is not None
    assert body.fault is not None
    assert (body.fault.code, body.fault.task_id) == ("fact_missing", "r/b")


def test_a_look_is_asked_for_once_and_its_repeats_change_nothing() -> None:
    compiled = pipeline(M, task("b", "input", when=[{"from": "m", "select": "[0]"}]))
    log = both(run_of(compiled))
    found = succeeded("m", facts={"value:[0]": TRUE})
    log.add(found)
    before = dict(log.hash)
    log.add(found)
    log.add(failed("m"))
    assert log.hash == before
    assert look_of(log.state, "m") is None


def test_a_look_is_moot_when_the_run_ends_or_the_map_expires() -> None:
    compiled = pipeline(M | {"deadline_seconds": 5}, task("b", "m?", when=[{"from": "m", "select": "[0]"}]))
    log = both(run_of(compiled))
    assert set(log.looks) == {"m"}
    log.fire("step:m")
    assert not log.looks
    log = both(run_of(compiled))
    log.add(CancelReceived(reason="enough"))
    assert not log.looks
    log.add(succeeded("m", facts={"value:[0]": TRUE}))
    assert not log.out


def test_the_workers_of_a_map_are_asked_nothing_about_the_list() -> None:
    compiled = pipeline(M, returns={"from": "m", "select": "[0]"})
    assert run_of(compiled).dispatch("m.0").wants == ()


# -- items of a shard


def each(inner: CompiledPipeline, **fields: object) -> FoldLog:
    return run_of(
        pipeline(mapped_pipeline("c", inner, {"value": [{"ok": 1}, {"ok": 2}]}, **fields), task("z", "c"))
    )


ASKS = pipeline(task("x", "input"), task("y", "x", when=[{"from": "input", "select": "ok"}]))


def test_a_condition_on_an_item_waits_until_the_lane_has_looked_at_it() -> None:
    log = each(ASKS, join={"policy": "all_ended"})
    assert (set(log.looks), log.out) == ({"c.0/input", "c.1/input"}, {})
    look = log.look("c.1/input")
    assert getattr(look.at.source, "value", None) == {"ok": 2}
    assert [want.key for want in look.wants] == ["value:ok"]
    log.add(succeeded("c.1/input", facts={"value:ok": FALSE}))
    assert set(log.out) == {"c.1/x"}
    log.add(succeeded("c.1/x"))
    log.add(failed("c.0/input"))
    entries = log.dispatch("z").inputs[0].gathered
    assert entries is not None
    assert [getattr(entry, "hole").task_id for entry in entries] == ["r/c.0", "r/c.1/y"]  # noqa: B009 - a union


def test_a_shard_that_only_hands_on_its_item_needs_no_look() -> None:
    log = each(pipeline(task("x", {"from": "input", "select": "ok"})))
    assert not log.looks
    given = log.dispatch("c.1/x").inputs[0]
    assert (getattr(given.source, "value", None), given.select) == ({"ok": 2}, "ok")


def test_a_list_in_an_item_is_spread() -> None:
    log = each(pipeline(mapped("m", {"from": "input", "select": "parts"}), task("x", "m")))
    log.add(succeeded("c.0/input", facts={"list:parts": listing("p", "q")}))
    assert sorted(log.out) == ["c.0/m.0", "c.0/m.1"]


def test_a_shard_that_returns_a_list_has_the_lane_make_one_payload_of_it() -> None:
    log = each(pipeline(mapped("m", {"value": [1, 2]})))
    for shard in (0, 1):
        log.add(succeeded(f"c.0/m.{shard}"))
    look = log.look("c.0/m")
    assert (look.wants, look.whole) == ((), True)
    log.add(succeeded("c.0/m", value="the list"))
    for shard in (0, 1):
        log.add(succeeded(f"c.1/m.{shard}"))
    log.add(succeeded("c.1/m", value="another"))
    entries = log.dispatch("z").inputs[0].gathered
    assert entries == (text("the list"), text("another"))


# -- what the author wrote down, and holes


def child(inner: CompiledPipeline, given: Data) -> FoldLog:
    step = {
        "name": "c", "kind": "task", "pipeline": inner.dump(), "inputs": [{"name": "input", **given}]
    }  # fmt: skip
    return run_of(pipeline(task("a", "input"), step, task("z", "a?", "c?")))


@pytest.mark.parametrize("ok", [True, False])
def test_a_condition_on_a_constant_is_known_from_the_start(ok: bool) -> None:  # noqa: FBT001 - a case
    inner = pipeline(task("x", "input", when=[{"from": "input", "select": "ok"}]))
    assert set(child(inner, {"value": {"ok": ok}}).out) == ({"a", "c/x"} if ok else {"a"})


def test_a_part_of_a_constant_is_picked_when_the_plan_is_made() -> None:
    inner = pipeline(
        task("x", {"from": "input", "select": "y"}), mapped("m", {"from": "input", "select": "l"}, "x")
    )
    log = child(inner, {"value": {"y": 7, "l": ["p", "q"]}})
    assert getattr(log.dispatch("c/x").inputs[0].source, "value", None) == 7
    log.add(succeeded("c/x"))
    assert sorted(log.out) == ["a", "c/m.0", "c/m.1"]


def test_a_part_that_a_constant_can_not_have_is_refused_by_name() -> None:
    inner = pipeline(task("x", {"from": "input", "select": "length(y)"}))
    step = {
        "name": "c", "kind": "task", "pipeline": inner.dump(), "inputs": [{"name": "input", "value": {"y": 7}}]
    }  # fmt: skip
    (found,) = unsupported(pipeline(step))
    assert found.startswith("input 'p0' of step 'c/x' picks in the constant that its pipeline is given: ")


@pytest.mark.parametrize(
    "inner",
    [
        pipeline(task("x", {"value": 1}, when=[{"from": "input", "select": "ok"}])),
        pipeline(mapped("x", "input")),
    ],
)
def test_a_step_that_must_know_what_is_a_hole_is_skipped_with_the_first_cause(
    inner: CompiledPipeline,
) -> None:
    log = child(inner, {"from": "a", "hole": True})
    log.add(failed("a"))
    hole = log.dispatch("z").inputs[1].source
    assert isinstance(hole, HoleInput)
    assert (hole.hole.task_id, hole.hole.outcome) == ("r/a", "failed")


def test_the_receiver_is_not_asked_what_only_the_lane_can_see() -> None:
    compiled = pipeline(mapped_pipeline("c", ASKS, "input"), task("z", "c"))
    assert [want.key for want in wants_of(compiled, "input")] == ["list:"]
