"""Steps that wait: sleeps, signals, approvals; which signals count, which are told of, how they time out."""

import pytest
from pydantic import JsonValue

from argosy.coordinator.messages import ended_of
from argosy.coordinator.signal import MOST_SIGNALS
from argosy.coordinator.waiting import waiting_of
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.facts import Facts, ValueFact
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import CancelReceived, SignalReceived, TaskSettled
from argosy.schemas.task import HoleInput
from support.fold_log import FoldLog
from support.fold_pipelines import (
    accepted,
    approval,
    failed,
    mapped_pipeline,
    pipeline,
    signal,
    sleep,
    succeeded,
    task,
    text,
)

ABOUT: JsonValue = {"b": 1, "a": "ü"}
SHA256 = canonical_hash(ABOUT)
OTHER = canonical_hash("other")


def run_of(compiled: CompiledPipeline) -> FoldLog:
    log = FoldLog()
    log.add(accepted(compiled, rules=2))
    return log


def sent(name: str, value: JsonValue = "go", *, ident: str = "", about: str | None = None) -> SignalReceived:
    return SignalReceived(signal_id=ident or f"{name}-{value}", name=name, value=value, about_sha256=about)


def judged(log: FoldLog, local: str, *, good: bool = True, value: object = "v", **facts: bool) -> None:
    """Answer a look as the lane would."""
    found: Facts = {f"value:{name}": ValueFact(kind="value", value=fact) for name, fact in facts.items()}
    answer = succeeded(local, log.look(local).attempt, facts=found, value=value)
    log.add(answer if good else failed(local, log.look(local).attempt))


def about(log: FoldLog, local: str = "ok") -> None:
    """Tell an approval what it is about."""
    look = log.look(local)
    result = Inline(value=ABOUT, bytes=9, tokens=3)
    log.add(TaskSettled(task_id=f"r/{local}", attempt=look.attempt, outcome="succeeded", result=result))


def refusals(log: FoldLog) -> list[tuple[str | None, str]]:
    return [(change.local, change.reason) for change in log.changes if change.state == "signal_refused"]


def outcome(log: FoldLog) -> tuple[str, str, str]:
    body = ended_of(log.state)
    assert body is not None
    fault = body.fault
    return (body.outcome, "", "") if fault is None else (body.outcome, fault.code, fault.message)


WAITS = pipeline(task("a", "input"), signal("ok", after=[{"from": "a"}]), task("z", "ok"))


def test_a_sleep_ends_by_its_timer_and_holds_back_who_waits_for_it() -> None:
    log = run_of(pipeline(task("a", "input"), sleep("nap", "a"), task("z", "a", after=[{"from": "nap"}])))
    log.add(succeeded("a"))
    began = log.now_ms
    assert (log.out, set(log.timers)) == ({}, {"deadline", "sleep:nap"})
    assert log.timers["sleep:nap"].due_ms == began + 10_000
    log.fire("sleep:nap")
    assert set(log.out) == {"z"}
    assert log.state is not None
    assert log.state.step("nap").letter == "k"


def test_a_signal_gives_the_step_its_value() -> None:
    log = run_of(WAITS)
    log.add(succeeded("a"))
    assert not log.looks
    log.add(sent("ok", {"n": 1}))
    look = log.look("ok")
    assert (getattr(look.at.source, "value", None), look.whole) == ({"n": 1}, True)
    assert look.check is not None
    judged(log, "ok", value={"n": 1})
    assert log.dispatch("z").inputs[0].source == text({"n": 1})
    assert set(log.timers) == {"deadline"}


def test_a_signal_that_comes_before_its_step_waits_is_kept() -> None:
    log = run_of(WAITS)
    log.add(sent("ok"))
    assert not log.looks
    log.add(succeeded("a"))
    judged(log, "ok")
    assert set(log.out) == {"z"}


def test_a_wrong_value_is_told_and_the_step_waits_on_for_a_right_one() -> None:
    log = run_of(WAITS)
    log.add(succeeded("a"))
    log.add(sent("ok", 1))
    log.add(sent("ok", 2))
    judged(log, "ok", good=False)
    assert refusals(log) == [("ok", "ok broke")]
    assert getattr(log.look("ok").at.source, "value", None) == 2
    judged(log, "ok")
    assert set(log.out) == {"z"}


def test_an_answer_about_an_earlier_signal_is_not_taken_for_a_later_one() -> None:
    log = run_of(WAITS)
    log.add(succeeded("a"))
    log.add(sent("ok", 1))
    log.add(sent("ok", 2))
    judged(log, "ok", good=False)
    before = dict(log.hash)
    log.add(failed("ok", 1))
    log.add(succeeded("ok", 1))
    assert log.hash == before
    judged(log, "ok")
    assert set(log.out) == {"z"}


def test_a_repeated_signal_changes_nothing() -> None:
    log = run_of(WAITS)
    log.add(sent("ok"))
    before = dict(log.hash)
    log.add(sent("ok"))
    assert log.hash == before
    log.add(succeeded("a"))
    judged(log, "ok")
    after = dict(log.hash)
    log.add(sent("ok"))
    assert log.hash == after
    assert refusals(log) == [("ok", "ok waits no more")]


@pytest.mark.parametrize("name", ["nobody", "a", "c.*/ok", "ok/ok", "", "ok.1", "z"])
def test_a_signal_that_no_step_waits_for_is_told_and_not_kept(name: str) -> None:
    log = run_of(WAITS)
    before = dict(log.hash)
    log.add(sent(name))
    assert log.hash == before
    ((local, why),) = refusals(log)
    assert (local, why) == (None, f"no step {name!r} of this run waits for signals")


def test_64_signals_are_kept_and_a_step_that_waits_is_heard_all_the_same() -> None:
    early = signal("late", after=[{"from": "a"}])
    log = run_of(pipeline(task("a", "input"), early, signal("now"), task("z", "late", "now")))
    for number in range(MOST_SIGNALS + 1):
        log.add(sent("late", number))
    assert refusals(log) == [("late", f"{MOST_SIGNALS} signals of this run wait for their steps already")]
    log.add(sent("now"))
    judged(log, "now")
    assert log.state is not None
    assert log.state.step("now").letter == "k"


def test_a_step_that_waited_too_long_fails_the_run() -> None:
    log = run_of(WAITS)
    log.add(succeeded("a"))
    log.add(sent("ok", 1))
    judged(log, "ok", good=False)
    log.fire("wait:ok")
    told = "ok waited 60 s for a signal; 1 did not count, the last one: ok broke"
    assert outcome(log) == ("failed", "expired", told)


def test_or_it_leaves_a_hole_if_it_is_told_to() -> None:
    log = run_of(pipeline(signal("ok", on_timeout="hole"), task("z", "ok?")))
    log.fire("wait:ok")
    hole = log.dispatch("z").inputs[0].source
    assert isinstance(hole, HoleInput)
    assert (hole.hole.outcome, hole.hole.reason) == ("expired", "ok waited 60 s for a signal")


def test_a_signal_after_the_time_is_up_does_not_count() -> None:
    log = run_of(pipeline(signal("ok", on_timeout="hole"), task("z", "ok?")))
    log.add(sent("ok"))
    late = succeeded("ok", log.look("ok").attempt)
    log.fire("wait:ok")
    assert not log.looks
    log.add(late)
    log.add(sent("ok", "again"))
    assert refusals(log) == [("ok", "ok waits no more")]
    assert isinstance(log.dispatch("z").inputs[0].source, HoleInput)


def test_a_run_that_is_cancelled_waits_no_more() -> None:
    log = run_of(pipeline(sleep("nap"), signal("ok"), task("z", "ok", after=[{"from": "nap"}])))
    log.add(sent("ok"))
    log.add(CancelReceived(reason="enough"))
    assert (log.timers, log.looks) == ({}, {})
    assert outcome(log)[0] == "cancelled"


# -- approvals

ASKS = pipeline(
    task("a", "input"), approval("ok", "a"), task("z", "a", when=[{"from": "ok", "select": "approved"}])
)


def asked(compiled: CompiledPipeline = ASKS) -> FoldLog:
    log = run_of(compiled)
    log.add(succeeded("a"))
    about(log)
    return log


@pytest.mark.parametrize("yes", [True, False])
def test_an_approval_of_the_hash_gives_a_value_that_conditions_read(yes: bool) -> None:  # noqa: FBT001 - a case
    log = asked()
    said: JsonValue = {"approved": yes, "reason": "because", "by": "ann"}
    log.add(sent("ok", said, about=SHA256))
    look = log.look("ok")
    assert [want.key for want in look.wants] == ["value:approved"]
    assert getattr(look.at.source, "value", None) == {
        "approved": yes, "reason": "because", "by": "ann", "about_sha256": SHA256
    }  # fmt: skip
    judged(log, "ok", approved=yes)
    assert set(log.out) == ({"z"} if yes else set())
    if not yes:
        assert outcome(log)[:2] == ("failed", "skipped")


def test_an_approval_is_about_the_canonical_json_of_the_value() -> None:
    log = run_of(ASKS)
    log.add(succeeded("a"))
    assert (log.look("ok").canonical, log.look("ok").whole, log.look("ok").check) == (True, True, None)
    about(log)
    assert log.state is not None
    assert waiting_of(log.state, "ok").sha256 == SHA256


def test_a_large_value_is_named_by_the_hash_that_it_is_stored_by() -> None:
    log = run_of(ASKS)
    log.add(succeeded("a"))
    result = Reference(sha256=OTHER, bytes=100_000, tokens=30_000)
    log.add(TaskSettled(task_id="r/ok", attempt=1, outcome="succeeded", result=result))
    assert log.state is not None
    assert waiting_of(log.state, "ok").sha256 == OTHER


@pytest.mark.parametrize("hashed", [OTHER, None])
def test_an_approval_of_another_hash_does_not_count_and_is_told(hashed: str | None) -> None:
    log = asked()
    log.add(sent("ok", {"approved": True}, about=hashed))
    assert not log.looks
    assert refusals(log) == [("ok", f"it is about {hashed}, and the value has {SHA256}")]
    log.add(sent("ok", {"approved": True}, ident="right", about=SHA256))
    judged(log, "ok", approved=True)
    assert set(log.out) == {"z"}


def test_an_approval_that_was_sent_early_counts_only_if_its_hash_fits() -> None:
    log = run_of(ASKS)
    log.add(sent("ok", {"approved": True}, ident="1", about=OTHER))
    log.add(sent("ok", {"approved": False, "by": "bob"}, ident="2", about=SHA256))
    log.add(succeeded("a"))
    about(log)
    assert [local for local, _ in refusals(log)] == ["ok"]
    look = log.look("ok")
    assert getattr(look.at.source, "value", {})["by"] == "bob"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("yes", 'it says neither {"approved": true} nor {"approved": false}'),
        ({"approved": 1, "by": "ann"}, 'it says neither {"approved": true} nor {"approved": false}'),
        ({"approved": True, "by": 7}, "its reason and by are texts"),
        ({"approved": True, "by": "eve"}, "'eve' may not answer; ann, bob may"),
        ({"approved": True}, "'' may not answer; ann, bob may"),
    ],
)
def test_what_is_no_answer_is_told_and_the_approval_waits_on(said: JsonValue, why: str) -> None:
    log = asked(pipeline(task("a", "input"), approval("ok", "a", by=["ann", "bob"]), task("z", "ok")))
    log.add(sent("ok", said, about=SHA256))
    assert refusals(log) == [("ok", why)]
    log.add(sent("ok", {"approved": True, "by": "bob"}, ident="right", about=SHA256))
    assert set(log.looks) == {"ok"}


def test_an_approval_of_what_can_not_be_looked_at_fails_with_the_reason() -> None:
    log = run_of(ASKS)
    log.add(succeeded("a"))
    log.add(failed("ok"))
    assert outcome(log) == ("failed", "boom", "ok broke")


def test_an_approval_may_be_about_the_runs_input_or_a_part() -> None:
    log = run_of(pipeline(approval("ok", {"from": "input", "select": "x"}), task("z", "ok")))
    look = log.look("ok")
    assert (look.at.source, look.at.select) == (text("the input"), "x")
    about(log)
    log.add(sent("ok", {"approved": True}, about=SHA256))
    judged(log, "ok")
    assert set(log.out) == {"z"}


# -- inside


def test_each_shard_of_a_map_waits_for_a_signal_of_its_own() -> None:
    inner = pipeline(approval("ok", "input"), task("x", "input", when=[{"from": "ok", "select": "approved"}]))
    log = run_of(pipeline(mapped_pipeline("c", inner, {"value": [1, 2]}), task("z", "c")))
    assert set(log.looks) == {"c.0/ok", "c.1/ok"}
    about(log, "c.1/ok")
    log.add(sent("c.1/ok", {"approved": True}, about=SHA256))
    judged(log, "c.1/ok", approved=True)
    assert set(log.out) == {"c.1/x"}
    about(log, "c.0/ok")
    log.fire("wait:c.0/ok")
    assert outcome(log) == ("failed", "expired", "c.0/ok waited 60 s for an approval")
    body = ended_of(log.state)
    assert body is not None
    assert body.fault is not None
    assert body.fault.task_id == "r/c.0/ok"


def test_shards_that_nobody_waits_for_any_more_hold_no_signal_and_no_timer() -> None:
    inner = pipeline(signal("ok"), sleep("nap"), task("x", "ok", after=[{"from": "nap"}]))
    spread = mapped_pipeline("c", inner, {"value": [1, 2]}, join={"policy": "any"})
    log = run_of(pipeline(spread, task("z", "c")))
    for shard in (0, 1):
        log.add(sent(f"c.{shard}/ok"))
    judged(log, "c.0/ok")
    log.fire("sleep:c.0/nap")
    log.add(succeeded("c.0/x"))
    assert (set(log.out), set(log.timers), log.looks) == ({"z"}, {"deadline"}, {})


def test_a_step_that_is_pruned_waits_no_more() -> None:
    either = task("z", "a?", "ok?", join={"policy": "any"})
    log = run_of(pipeline(task("a", "input"), signal("ok"), either))
    log.add(succeeded("a"))
    assert set(log.timers) == {"deadline"}
    assert refusals(log) == []
    log.add(sent("ok"))
    assert refusals(log) == [("ok", "ok waits no more")]


def test_signals_for_what_was_skipped_make_room_for_others() -> None:
    inner = pipeline(signal("ok"))
    child = {
        "name": "c",
        "kind": "task",
        "pipeline": inner.dump(),
        "inputs": [{"name": "input", "from": "a"}],
    }
    late = signal("late", after=[{"from": "b"}])
    log = run_of(pipeline(task("a", "input"), task("b", "input"), child, late, task("z", "c?", "late")))
    for number in range(MOST_SIGNALS):
        log.add(sent("c/ok", number))
    log.add(sent("late"))
    assert len(refusals(log)) == 1
    log.add(failed("a"))
    log.add(sent("late"))
    assert len(refusals(log)) == 1
    log.add(succeeded("b"))
    assert set(log.looks) == {"late"}
