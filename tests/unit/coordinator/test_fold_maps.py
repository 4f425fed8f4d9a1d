"""Maps: bounded parallelism, order, joins over shards, and what a settle costs in a large one."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from argosy.coordinator.decision import Ready, Withdraw
from argosy.coordinator.event import Event
from argosy.coordinator.fold import fold
from argosy.coordinator.messages import ended_of, result_of
from argosy.coordinator.outcome import manifest_of
from argosy.coordinator.state import RunState
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.facts import Fact, ListFact, NoFact
from argosy.schemas.fault import Fault
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.runlog import CancelReceived, RunEnded
from argosy.schemas.task import HoleInput
from support.fold_log import FoldLog
from support.fold_pipelines import (
    accepted,
    contract,
    failed,
    listing,
    mapped,
    pipeline,
    succeeded,
    task,
    text,
)

LIST = "list:"


def spread(*items: str, join: object = None, **fields: Any) -> FoldLog:  # noqa: ANN401 - fields of a step
    """A run of a map over its input, then a step that takes the list."""
    extra: dict[str, Any] = fields if join is None else fields | {"join": join}
    log = FoldLog()
    compiled = pipeline(mapped("m", "input", **extra), task("z", "m"))
    log.add(accepted(compiled, facts={LIST: listing(*items)}))
    return log


def end_of(log: FoldLog) -> RunEnded:
    body = ended_of(log.state)
    assert body is not None
    return body


def fault_of(log: FoldLog) -> Fault:
    fault = end_of(log).fault
    assert fault is not None
    return fault


def gathered(log: FoldLog) -> list[object]:
    """What the step after the map would get: values, and outcomes of holes."""
    entries = log.dispatch("z").inputs[0].gathered
    assert entries is not None
    return [
        entry.hole.outcome if isinstance(entry, HoleInput) else getattr(entry, "value", None)
        for entry in entries
    ]


def test_a_map_orders_a_task_for_each_item_at_most_so_many_at_once() -> None:
    log = spread(*"abcdefgh", max_parallel=3)
    assert sorted(log.out) == ["m.0", "m.1", "m.2"]
    log.add(succeeded("m.1"))
    assert sorted(log.out) == ["m.0", "m.2", "m.3"]
    log.add(failed("m.0", retriable=True))
    assert sorted(log.out) == ["m.2", "m.3"], "a shard that backs off keeps its place"
    log.fire("retry:m.0")
    assert sorted(log.out) == ["m.0", "m.2", "m.3"]


def test_shards_go_out_in_one_range() -> None:
    decisions = spread(*"abcd", max_parallel=3).events and FoldLog().add(
        accepted(pipeline(mapped("m", "input", max_parallel=3)), facts={LIST: listing(*"abcd")})
    )
    ranges = [(ready.first, ready.count) for ready in decisions if isinstance(ready, Ready)]
    assert ranges == [(0, 3)]


def test_each_shard_gets_its_item_and_what_is_shared() -> None:
    log = FoldLog()
    compiled = pipeline(task("a", "input"), mapped("m", "input", "a", {"value": 7}))
    log.add(accepted(compiled, facts={LIST: listing("x", "y")}))
    log.add(succeeded("a"))
    over, shared, fixed = log.dispatch("m.1").inputs
    assert (over.source, over.item, over.select) == (listing("x", "y").manifest, 1, None)
    assert shared.source == text("a#1")
    assert getattr(fixed.source, "value", None) == 7


def test_the_list_is_in_the_order_of_the_items_whatever_order_they_ended_in() -> None:
    log = spread(*"abcd")
    for shard in (2, 0, 3, 1):
        log.add(succeeded(f"m.{shard}"))
    assert gathered(log) == ["m.0#1", "m.1#1", "m.2#1", "m.3#1"]


def test_an_empty_map_succeeds_with_an_empty_list() -> None:
    log = spread()
    assert gathered(log) == []


@pytest.mark.parametrize(
    ("fact", "code"),
    [(NoFact(kind="none", reason="is a text, not a list"), "not_a_list"), (None, "fact_missing")],
)
def test_a_map_over_something_that_is_no_list_fails_and_says_so(fact: Fact | None, code: str) -> None:
    log = FoldLog()
    log.add(accepted(pipeline(mapped("m", "input")), facts={} if fact is None else {LIST: fact}))
    fault = fault_of(log)
    assert (fault.code, fault.task_id) == (code, "r/m")


def test_a_list_that_is_too_long_fails_its_map() -> None:
    log = FoldLog()
    fact = ListFact(kind="list", length=10**9, most_tokens=1, manifest=text(""))
    log.add(accepted(pipeline(mapped("m", "input")), facts={LIST: fact}))
    assert fault_of(log).figures == {"shards": 10**9, "limit": 100_000}


def test_a_map_over_a_constant_gives_each_shard_its_value() -> None:
    log = FoldLog()
    log.add(accepted(pipeline(mapped("m", {"value": ["x", {"y": 1}]}))))
    assert [getattr(log.dispatch(f"m.{shard}").inputs[0].source, "value", None) for shard in range(2)] == [
        "x",
        {"y": 1},
    ]


def test_a_map_over_a_map_hands_each_result_to_the_shard_of_its_number() -> None:
    log = FoldLog()
    log.add(accepted(pipeline(mapped("m", {"value": [1, 2]}), mapped("n", "m"))))
    log.add(succeeded("m.1"))
    log.add(succeeded("m.0"))
    assert [log.dispatch(f"n.{shard}").inputs[0].source for shard in range(2)] == [
        text("m.0#1"),
        text("m.1#1"),
    ]


# -- joins over shards


def test_a_map_fails_at_its_first_failed_shard_and_stops_the_others() -> None:
    log = spread(*"abcdefgh", max_parallel=3)
    decisions = log.add(failed("m.1"))
    assert Withdraw("m.0", "ag") in decisions
    assert not log.out
    assert [log.letter(f"m.{shard}") for shard in range(3)] == ["x", "f", "x"]
    fault = fault_of(log)
    assert (fault.code, fault.task_id) == ("boom", "r/m.1")


def test_all_ended_takes_every_shard_and_shows_what_is_missing() -> None:
    log = spread(*"abc", join={"policy": "all_ended"})
    log.add(failed("m.2"))
    log.add(succeeded("m.1"))
    log.add(failed("m.0"))
    assert gathered(log) == ["failed", "m.1#1", "failed"]


def test_any_goes_on_with_the_first_success_and_cancels_the_rest() -> None:
    log = spread(*"abc", join={"policy": "any"})
    log.add(failed("m.0"))
    log.add(succeeded("m.2"))
    assert gathered(log) == ["failed", "cancelled", "m.2#1"]
    log.add(succeeded("m.1"))
    assert gathered(log) == ["failed", "cancelled", "m.2#1"]


def test_a_quorum_that_is_out_of_reach_fails_at_once_with_the_numbers() -> None:
    log = spread(*"abcdefghij", join={"policy": "quorum", "share": 0.9}, max_parallel=10)
    log.add(failed("m.3"))
    log.add(succeeded("m.4"))
    assert log.out
    log.add(failed("m.5"))
    fault = fault_of(log)
    assert (fault.code, fault.task_id) == ("join_failed", "r/m")
    assert fault.figures == {"shards": 10, "succeeded": 1, "needed": 9}
    assert "m.3 broke" in fault.message
    assert fault.taint == ()


def test_what_is_said_of_a_failed_shard_is_tainted_as_its_fault() -> None:
    tainted = Fault(code="boom", message="broke", taint=("tool:search",))
    settled = failed("m.0").model_copy(update={"fault": tainted})
    log = spread(*"ab", join={"policy": "quorum", "share": 0.9})
    log.add(settled)
    assert fault_of(log).taint == ("tool:search",)
    log = spread(*"ab", join={"policy": "all_ended"})
    log.add(settled)
    log.add(failed("m.1"))
    entries = log.dispatch("z").inputs[0].gathered
    assert entries is not None
    assert [entry.taint for entry in entries] == [("tool:search",), ()]


def test_a_deadline_join_goes_on_with_what_is_there() -> None:
    log = spread(*"abcd", join={"policy": "deadline", "within_seconds": 5}, max_parallel=2)
    log.add(succeeded("m.1"))
    assert log.timers["join:m"].due_ms == log.now_ms - 10 + 5_000
    log.fire("join:m")
    assert gathered(log) == ["cancelled", "m.1#1", "cancelled", "cancelled"]


def test_a_cancelled_run_stops_its_shards() -> None:
    log = spread(*"abcdefgh", max_parallel=3)
    log.add(CancelReceived())
    assert not log.out
    assert not log.claims


# -- a map as the result


def test_a_small_map_is_returned_as_a_list() -> None:
    log = FoldLog()
    log.add(accepted(pipeline(mapped("m", {"value": [1, 2]}))))
    log.add(succeeded("m.1"))
    log.add(succeeded("m.0"))
    assert end_of(log).result == Inline(value=["m.0#1", "m.1#1"], bytes=17, tokens=4)
    assert manifest_of(log.state or RunState("r")) is None


def test_a_map_with_references_is_returned_as_a_manifest_whose_bytes_are_rebuilt() -> None:
    log = FoldLog()
    log.add(accepted(pipeline(mapped("m", {"value": [1, 2]}))))
    large = Reference(sha256="ab" * 32, bytes=10**6, tokens=10**5)
    log.add(succeeded("m.0").model_copy(update={"result": large}))
    log.add(succeeded("m.1"))
    assert log.state is not None
    data = manifest_of(log.state)
    assert data is not None
    body = end_of(log)
    assert body.result == Reference(
        sha256=sha256_hex(data), bytes=len(data), tokens=10**5 + 2, shape="manifest"
    )
    log.end()
    assert manifest_of(log.state) is None
    assert result_of(log.state) == body


# -- capacity


def test_shards_that_do_not_fit_fail_before_they_are_ordered_and_the_others_run() -> None:
    log = FoldLog()
    agents = {"ag": contract(window=100)}
    compiled = pipeline(mapped("m", "input", join={"policy": "all_ended"}), task("z", "m"), agents=agents)
    large = listing("x", "y", "z").model_copy(update={"most_tokens": 90})
    assert isinstance(large.manifest, Inline)
    assert isinstance(large.manifest.value, list)
    parts: list[Any] = [*large.manifest.value]
    parts[1] = {**parts[1], "tokens": 90}
    fact = large.model_copy(update={"manifest": Inline(value=parts, bytes=60, tokens=94)})
    log.add(accepted(compiled, facts={LIST: fact}, windows={"ag": 100}))
    assert sorted(log.out) == ["m.0", "m.2"]
    log.add(succeeded("m.0"))
    log.add(succeeded("m.2"))
    assert gathered(log) == ["m.0#1", "failed", "m.2#1"]


# -- S14, S19: large maps


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


def cost_of_a_settle(shards: int) -> tuple[int, int]:
    """Calls and bytes written for one settle in the middle of a map of so many shards."""
    manifest = Reference(sha256="ab" * 32, bytes=10**6, tokens=10**5, shape="manifest")
    fact = ListFact(kind="list", length=shards, most_tokens=9, manifest=manifest)
    log = FoldLog(reloads=False)
    state, _ = fold(
        None,
        Event(0, 1_000, "r", accepted(pipeline(mapped("m", "input"), task("z", "m")), facts={LIST: fact})),
    )
    half = shards // 2
    for shard in range(half):
        state, _ = fold(state, Event(shard + 1, 1_000, "r", succeeded(f"m.{shard}")))
    assert state is not None
    state.changes()
    event = Event(half + 1, 1_000, "r", succeeded(f"m.{half}"))
    calls = calls_of(lambda: fold(state, event))
    del log
    return calls, sum(len(name) + len(value or b"") for name, value in state.changes().items())


def test_s14_a_settle_costs_the_same_in_a_map_of_10_and_of_10_000() -> None:
    cost_of_a_settle(10)  # the plan is indexed once
    small_calls, small_bytes = cost_of_a_settle(10)
    large_calls, large_bytes = cost_of_a_settle(10_000)
    assert large_calls <= small_calls * 1.1
    assert large_bytes <= small_bytes * 1.5


def test_s19_a_map_of_10_000_puts_only_its_window_out() -> None:
    manifest = Reference(sha256="ab" * 32, bytes=10**6, tokens=10**5, shape="manifest")
    fact = ListFact(kind="list", length=10_000, most_tokens=9, manifest=manifest)
    log = FoldLog(reloads=False)
    log.add(accepted(pipeline(mapped("m", "input", max_parallel=32)), facts={LIST: fact}))
    assert len(log.out) == 32
    assert len(log.hash) < 50
