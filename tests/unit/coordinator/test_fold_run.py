"""The life of a run: accepted, answered, cancelled, expired, ended; numbers are those of the crash stories."""

import pytest
from pydantic import ValidationError

from argosy.coordinator.decision import Arm, Entomb, Ready, Send, Unclaim
from argosy.coordinator.event import Event
from argosy.coordinator.fold import CANCEL_AHEAD_MS, fold, leave_newer
from argosy.coordinator.messages import ended_of, refusal_of, result_of
from argosy.coordinator.state import RunState
from argosy.schemas.chat import Usage
from argosy.schemas.codec import encode_body
from argosy.schemas.errors import NewerVersion
from argosy.schemas.facts import Facts, NoFact
from argosy.schemas.runlog import CancelReceived, LogMessage, RunEnded, SignalReceived, StepRecorded
from support.fold_log import FoldLog
from support.fold_pipelines import accepted, contract, failed, pipeline, succeeded, task, text

CHAIN = pipeline(task("a", "input"), task("b", "a"))


def chain() -> FoldLog:
    log = FoldLog()
    log.add(accepted(CHAIN))
    return log


def ended_chain() -> FoldLog:
    log = chain()
    log.add(succeeded("a"))
    log.add(succeeded("b"))
    log.end()
    return log


def test_a_run_arms_its_deadline_and_orders_what_waits_for_nothing() -> None:
    decisions = FoldLog().add(accepted(CHAIN))
    assert Arm("deadline", 10_000_000, 0) in decisions
    assert [(ready.step, ready.attempt) for ready in decisions if isinstance(ready, Ready)] == [("a", 1)]


def test_a_chain_hands_each_result_on_and_returns_the_last() -> None:
    log = chain()
    log.add(succeeded("a", value="from a"))
    assert log.dispatch("b").inputs[0].source == text("from a")
    log.add(succeeded("b", value="from b"))
    body = ended_of(log.state)
    assert body is not None
    assert (body.outcome, body.result, body.tasks, body.pipeline) == ("succeeded", text("from b"), 2, "p@1")


def test_priority_and_time_travel_with_what_is_ready() -> None:
    decisions = FoldLog(now_ms=500).add(accepted(CHAIN, priority=9))
    ready = next(decision for decision in decisions if isinstance(decision, Ready))
    assert (ready.priority, ready.ready_at_ms) == (9, 510)


# -- S1, S2, S46: the answer to a repeat


def test_s1_a_submit_with_other_data_is_refused_and_the_run_goes_on() -> None:
    log = chain()
    before = log.hash.copy()
    assert log.add(accepted(CHAIN, data_hash="other", position="3/4")) == (Send("refused:3/4"),)
    assert log.hash == before
    assert refusal_of(log.state, "3/4").reason == "conflict"


def test_s1_a_repeat_with_the_same_data_changes_nothing_while_the_run_goes_on() -> None:
    log = chain()
    before = log.hash.copy()
    assert log.add(accepted(CHAIN, position="3/4")) == ()
    log.add(succeeded("a"))
    log.add(succeeded("b"))
    assert log.add(accepted(CHAIN, position="3/5")) == ()
    assert before["run"] == log.hash["run"]


def test_s2_a_repeat_of_an_ended_run_asks_for_its_result_again_and_gets_the_same_bytes() -> None:
    log = ended_chain()
    first = result_of(log.state)
    assert log.add(accepted(CHAIN)) == (Send("result:r"),)
    again = result_of(log.state)
    assert first is not None
    assert again is not None
    assert encode_body(first) == encode_body(again)


def test_s1_other_data_for_an_ended_run_is_refused() -> None:
    log = ended_chain()
    assert log.add(accepted(CHAIN, data_hash="other", position="1/1")) == (Send("refused:1/1"),)


def test_s39_a_run_accepted_after_its_tombstone_may_be_gone_is_refused() -> None:
    log = FoldLog(now_ms=2_001)
    late = accepted(CHAIN, submitted_ms=1_000, longest_and_window_ms=1_000, position="0/7")
    assert log.add(late) == (Send("refused:0/7"),)
    assert log.state is None
    assert refusal_of(None, "0/7").reason == "too_late"


def test_s39_the_last_moment_is_in_time() -> None:
    log = FoldLog(now_ms=1_990)
    log.add(accepted(CHAIN, submitted_ms=1_000, longest_and_window_ms=1_000))
    assert log.state is not None


# -- S12: what comes too early


def test_s12_a_cancel_before_its_run_ends_it_when_it_comes() -> None:
    log = FoldLog()
    assert log.add(CancelReceived(reason="never mind")) == (Entomb(),)
    log.add(accepted(CHAIN))
    body = ended_of(log.state)
    assert body is not None
    assert body.outcome == "cancelled"
    assert body.fault is not None
    assert body.fault.message == "never mind"
    assert not log.out
    assert not log.timers


@pytest.mark.parametrize(
    ("after_ms", "state"), [(CANCEL_AHEAD_MS, b"ending"), (CANCEL_AHEAD_MS + 1, b"active")]
)
def test_s12_a_cancel_of_more_than_an_hour_ago_is_not_about_this_run(after_ms: int, state: bytes) -> None:
    log = FoldLog()
    log.add(CancelReceived(reason="never mind"))
    log.add(accepted(CHAIN, submitted_ms=log.now_ms), after_ms=after_ms)
    assert log.hash["st"] == state
    assert not {"why", "at"} & set(log.hash)


def test_s12_a_cancel_that_is_said_again_counts_from_then_on() -> None:
    log = FoldLog()
    log.add(CancelReceived(reason="once"))
    assert log.add(CancelReceived(reason="again"), after_ms=CANCEL_AHEAD_MS) == (Entomb(),)
    log.add(accepted(CHAIN, submitted_ms=log.now_ms), after_ms=2)
    body = ended_of(log.state)
    assert body is not None
    assert body.fault is not None
    assert body.fault.message == "again"


def test_s12_a_late_submit_does_not_use_up_the_cancel() -> None:
    log = FoldLog()
    log.add(CancelReceived())
    log.add(accepted(CHAIN, submitted_ms=0, longest_and_window_ms=1))
    assert log.hash["st"] == b"cancel"
    log.add(accepted(CHAIN))
    assert log.hash["st"] == b"ending"


def test_s12_signals_are_kept_once_each_and_64_at_most() -> None:
    log = chain()
    for number in [*range(70), *range(10)]:
        log.add(SignalReceived(signal_id=f"id{number}", name="go", value=number))
    kept = {name for name in log.hash if name.startswith("g:")}
    assert kept == {f"g:id{number}" for number in range(64)}


# -- ending


def test_a_cancel_stops_what_runs_and_what_backs_off() -> None:
    log = FoldLog()
    wide = pipeline(task("a", "input"), task("b", "input"), task("c", "a", "b"))
    log.add(accepted(wide))
    log.add(failed("a", retriable=True))
    decisions = log.add(CancelReceived(reason="enough"))
    assert {decision.local for decision in decisions if isinstance(decision, Unclaim)} == {"a", "b"}
    assert (log.letter("a"), log.letter("b")) == ("x", "x")
    assert log.sends == ["end:r"]


def test_a_run_expires_at_its_deadline() -> None:
    log = chain()
    log.fire("deadline")
    body = ended_of(log.state)
    assert body is not None
    assert body.outcome == "expired"
    assert log.letter("a") == "e"


@pytest.mark.parametrize("outcome", ["cancelled", "expired"])
def test_the_first_decision_about_the_end_stands(outcome: str) -> None:
    log = chain()
    if outcome == "cancelled":
        log.add(CancelReceived())
    else:
        log.fire("deadline")
    before = ended_of(log.state)
    log.add(succeeded("a"))
    log.add(CancelReceived(reason="again"))
    assert ended_of(log.state) == before


def test_a_settle_after_the_end_only_deletes_the_claim() -> None:
    log = chain()
    log.add(CancelReceived())
    assert log.add(succeeded("a")) == (Unclaim("a"),)
    log.end()
    assert log.add(succeeded("a")) == (Unclaim("a"),)
    assert FoldLog().add(succeeded("a")) == (Unclaim("a"),)


def test_the_first_run_ended_is_final_whatever_fold_would_have_found() -> None:
    log = chain()
    other = RunEnded(outcome="failed", data_hash="hash", tasks=7)
    decisions = log.add(other)
    assert Unclaim("a") in decisions
    assert Entomb() in decisions
    assert log.sends == ["result:r"]
    log.add(RunEnded(outcome="succeeded", data_hash="hash"))
    assert result_of(log.state) == other
    assert log.sends == ["result:r"]


def test_a_run_ended_of_an_unknown_run_leaves_its_tombstone() -> None:
    log = FoldLog()
    log.add(RunEnded(outcome="failed", data_hash="hash"))
    assert log.add(accepted(CHAIN)) == (Send("result:r"),)


def test_a_tombstone_is_small_and_says_what_scripts_read() -> None:
    log = ended_chain()
    assert log.hash["st"] == b"ended"
    assert set(log.hash) == {"st", "hash", "end", "off", "tp"}


def test_events_of_an_unknown_run_change_nothing() -> None:
    for message in (
        StepRecorded(task_id="r/a", attempt=1, name="m"),
        SignalReceived(signal_id="1", name="s"),
    ):
        log = FoldLog()
        assert log.add(message) == ()
        assert log.state is None


def test_a_logged_memo_is_written_while_its_task_is_not_over() -> None:
    log = chain()
    log.add(StepRecorded(task_id="r/a", attempt=1, name="save", value={"b": 1, "a": 2}))
    log.add(StepRecorded(task_id="r/b", attempt=1, name="save"))
    log.add(succeeded("a"))
    log.add(StepRecorded(task_id="r/a", attempt=1, name="late"))
    assert [(memo.local, memo.name, memo.value, memo.offset) for memo in log.memos] == [
        ("a", "save", b'{"a":2,"b":1}', 2)
    ]


def test_usage_is_the_sum_of_what_attempts_took() -> None:
    log = chain()
    log.add(failed("a", retriable=True, tokens=5))
    log.fire("retry:a")
    log.add(succeeded("a", 2, tokens=7))
    log.add(succeeded("b", tokens=1))
    body = ended_of(log.state)
    assert body is not None
    assert body.usage == Usage(input_tokens=13)


def test_newer_rules_are_not_folded_and_change_nothing() -> None:
    log = FoldLog(reloads=False)
    with pytest.raises(NewerVersion, match="rules 99"):
        log.add(accepted(CHAIN, rules=99))
    assert log.state is None
    with pytest.raises(ValueError, match="rules 0"):
        log.add(accepted(CHAIN, rules=0))


def test_s17_a_run_that_a_newer_release_began_is_left_to_it() -> None:
    log = chain()
    assert log.state is not None
    newer = (log.state.get("run") or b"").replace(b'"rules":1', b'"rules":99')
    state = RunState("r", {**log.state.dump(), "run": newer})
    event = Event(99, 5_000, "r", succeeded("a"))
    with pytest.raises(NewerVersion, match="rules 99"):
        fold(state, event)
    assert state.changes() == {}


@pytest.mark.parametrize("message", [succeeded("a"), accepted(CHAIN), accepted(CHAIN, data_hash="other")])
def test_so_it_is_if_the_newer_release_pinned_other_things_and_of_the_same_rules_it_is_damaged(
    message: LogMessage,
) -> None:
    log = chain()
    assert log.state is not None
    event = Event(99, 5_000, "r", message)
    other = (log.state.get("run") or b"").replace(b'"data_hash":', b'"data_hashes":')
    with pytest.raises(ValidationError):
        fold(RunState("r", {**log.state.dump(), "run": other}), event)
    state = RunState("r", {**log.state.dump(), "run": other.replace(b'"rules":1', b'"rules":99')})
    with pytest.raises(NewerVersion, match="rules 99"):
        fold(state, event)
    with pytest.raises(NewerVersion, match="rules 99"):
        leave_newer(state)
    assert state.changes() == {}


UNANSWERED: Facts = {
    key: NoFact(kind="none", reason="a number has no length") for key in ("value:length(@)", "size:length(@)")
}


@pytest.mark.parametrize(("facts", "code"), [({}, "fact_missing"), (UNANSWERED, "not_selected")])
def test_a_result_that_cannot_be_selected_fails_the_run_and_says_why(facts: Facts, code: str) -> None:
    log = FoldLog()
    log.add(accepted(pipeline(task("a", "input"), returns={"from": "a", "select": "length(@)"})))
    log.add(succeeded("a", facts=facts))
    body = ended_of(log.state)
    assert body is not None
    assert body.fault is not None
    assert (body.outcome, body.fault.code, body.fault.task_id) == ("failed", code, "r/a")


@pytest.mark.parametrize("task_id", ["other/a", "r", "", "rr/a"])
def test_a_record_of_another_runs_task_changes_nothing(task_id: str) -> None:
    log = chain()
    assert log.add(succeeded("a").model_copy(update={"task_id": task_id})) == ()
    assert log.add(StepRecorded(task_id=task_id, attempt=1, name="m")) == ()
    log.add(RunEnded(outcome="failed", data_hash="hash"))
    assert log.add(succeeded("a").model_copy(update={"task_id": task_id})) == ()


def test_agents_and_contracts_are_pinned_by_the_run() -> None:
    log = FoldLog()
    agents = {"ag": contract(window=1_000, timeout_seconds=7)}
    log.add(accepted(pipeline(task("a", "input"), agents=agents), windows={"ag": 900}, factors={"ag": 1200}))
    body = log.dispatch("a")
    assert (body.window, body.factor, body.contract.timeout_seconds) == (900, 1200, 7)
