"""Runs that are given what an earlier one left, and submits that came while the fleet was full."""

from argosy.coordinator.decision import Ready
from argosy.coordinator.messages import busy_of
from argosy.schemas.fault import Fault
from argosy.schemas.result import Full
from argosy.schemas.reuse import Reused
from argosy.schemas.runlog import SubmitTurnedAway
from support.fold_log import FoldLog
from support.fold_pipelines import accepted, listing, mapped, pipeline, succeeded, task, text

FULL = Full(bound="runs", under_way=3, most=3, retry_after_seconds=7)


def away(data_hash: str = "hash") -> SubmitTurnedAway:
    return SubmitTurnedAway(data_hash=data_hash, position="1/2", full=FULL)


def test_a_new_submit_that_was_turned_away_is_refused_with_the_figures_and_a_repeat_is_not() -> None:
    log = FoldLog()
    log.add(away())
    (entry,) = log.sends
    answer = busy_of(entry.removeprefix("busy:"))
    assert (answer.reason, answer.position, answer.full) == ("busy", "1/2", FULL)
    log.sends.clear()
    log.add(accepted(pipeline(task("a")), rules=2))
    log.add(away())
    assert log.sends == []
    log.add(away("another"))
    assert log.sends == ["refused:1/2"]


def test_a_task_whose_result_is_given_is_never_ordered_and_counts_no_usage() -> None:
    log = FoldLog()
    given = {"a": Reused(payload=text("done before"))}
    decisions = log.add(accepted(pipeline(task("a"), task("b", "a")), rules=2, reused=given))
    assert [each.step for each in decisions if isinstance(each, Ready)] == ["b"]
    assert log.letter("a") == "k"
    assert log.dispatch("b").inputs[0].source == text("done before")
    log.add(succeeded("b", 1))
    assert log.sends == ["end:r"]


def test_a_fault_that_is_given_fails_its_task_for_good() -> None:
    log = FoldLog()
    given = {"a": Reused(fault=Fault(code="test", message="before", retriable=True))}
    log.add(accepted(pipeline(task("a"), task("b", "a")), rules=2, reused=given))
    assert not log.out
    assert log.sends == ["end:r"]


def test_of_a_map_only_the_shards_that_are_not_given_run() -> None:
    log = FoldLog()
    given = {f"m.{shard}": Reused(payload=text(shard)) for shard in (0, 2, 3)}
    facts = {"list:": listing(*"abcdef")}
    log.add(accepted(pipeline(mapped("m", "input", max_parallel=2)), rules=2, facts=facts, reused=given))
    assert sorted(log.out) == ["m.1", "m.4"]
    log.add(succeeded("m.1", 1))
    assert sorted(log.out) == ["m.4", "m.5"]


def test_what_is_given_to_a_map_that_has_failed_meanwhile_ends_nothing() -> None:
    log = FoldLog()
    given = {
        "m.0": Reused(fault=Fault(code="test", message="before")),
        "m.1": Reused(payload=text("too late")),
    }
    steps = mapped("m", "input"), task("z", "m?")
    log.add(accepted(pipeline(*steps), rules=2, facts={"list:": listing(*"ab")}, reused=given))
    assert (log.letter("m.0"), log.letter("m.1")) == ("f", "x")
    assert sorted(log.out) == ["z"]


def test_by_rules_1_nothing_is_given() -> None:
    log = FoldLog()
    given = {"a": Reused(payload=text("done before"))}
    log.add(accepted(pipeline(task("a")), rules=1, reused=given))
    assert sorted(log.out) == ["a"]
