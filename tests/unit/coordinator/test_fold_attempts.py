"""Attempts: which settles count, when the next attempt comes, what ends a task."""

import pytest

from argosy.coordinator.decision import Ready, Unclaim, Withdraw
from argosy.coordinator.messages import dispatch_of, ended_of
from argosy.coordinator.retry import MOST_BACKOFF_MS, next_attempt_ms
from argosy.schemas.contract import Contract
from argosy.schemas.fault import Fault
from argosy.schemas.runlog import TaskSettled, TimerFired
from argosy.schemas.task import TaskDispatched
from support.fold_log import FoldLog
from support.fold_pipelines import accepted, contract, failed, pipeline, succeeded, task

ONE = pipeline(task("a", "input"))


def one() -> FoldLog:
    log = FoldLog()
    log.add(accepted(ONE))
    return log


def fault_of_run(log: FoldLog) -> Fault:
    body = ended_of(log.state)
    assert body is not None
    assert body.outcome == "failed"
    assert body.fault is not None
    return body.fault


def test_a_retryable_failure_is_tried_again_after_its_backoff() -> None:
    log = one()
    decisions = log.add(failed("a", retriable=True))
    assert Withdraw("a", "ag") in decisions
    assert Unclaim("a") not in decisions
    wait_ms = log.timers["retry:a"].due_ms - log.now_ms
    assert 500 <= wait_ms <= 1_000
    assert [ready.attempt for ready in log.fire("retry:a") if isinstance(ready, Ready)] == [2]


def test_the_last_attempt_fails_the_task_and_the_run_names_it() -> None:
    log = one()
    for attempt in (1, 2):
        log.add(failed("a", attempt, retriable=True))
        log.fire("retry:a")
    log.add(failed("a", 3, retriable=True))
    assert log.letter("a") == "f"
    fault = fault_of_run(log)
    assert (fault.code, fault.task_id) == ("boom", "r/a")


def test_a_failure_that_is_not_retryable_ends_the_task_at_once() -> None:
    log = one()
    decisions = log.add(failed("a"))
    assert Unclaim("a") in decisions
    assert log.letter("a") == "f"


def test_a_handlers_own_word_replaces_the_backoff() -> None:
    log = one()
    log.add(failed("a", retriable=True, after_ms=86_000))
    assert log.timers["retry:a"].due_ms == log.now_ms + 86_000


def test_s9_a_repeated_failure_of_an_old_attempt_eats_no_attempt_and_no_usage() -> None:
    log = one()
    first = failed("a", retriable=True, tokens=5)
    log.add(first)
    log.add(first)
    assert log.letter("a") == "b"
    log.fire("retry:a")
    log.add(first)
    assert (log.letter("a"), log.attempt("a")) == ("r", 2)
    assert log.state is not None
    assert log.state.totals()[0].input_tokens == 5


def test_s9_a_late_success_of_an_old_attempt_is_taken() -> None:
    log = one()
    log.add(failed("a", retriable=True))
    log.fire("retry:a")
    decisions = log.add(succeeded("a", 1))
    assert Withdraw("a", "ag") in decisions
    body = ended_of(log.state)
    assert body is not None
    assert body.outcome == "succeeded"


def test_a_success_while_backing_off_ends_the_wait() -> None:
    log = one()
    log.add(failed("a", retriable=True))
    armed = log.timers["retry:a"].armed
    log.add(succeeded("a", 1))
    assert "retry:a" not in log.timers
    log.add(TimerFired(name="retry:a", armed=armed))
    assert log.letter("a") == "k"


def test_the_first_success_is_the_result() -> None:
    log = FoldLog()
    log.add(accepted(pipeline(task("a", "input"), task("b", "a"))))
    log.add(succeeded("a", value="first"))
    assert log.add(succeeded("a", value="second")) == (Unclaim("a"),)
    assert log.dispatch("b").inputs[0].source == succeeded("a", value="first").result


def test_s8_a_timer_is_due_because_it_fired_not_because_of_a_time() -> None:
    log = one()
    log.add(failed("a", retriable=True))
    log.add(TimerFired(name="retry:a", armed=log.timers["retry:a"].armed))
    assert log.attempt("a") == 2


def test_s8_a_timer_that_was_armed_by_something_else_is_of_the_past() -> None:
    log = one()
    log.add(failed("a", retriable=True))
    old = log.timers["retry:a"].armed
    log.fire("retry:a")
    log.add(failed("a", 2, retriable=True))
    assert log.add(TimerFired(name="retry:a", armed=old)) == ()
    assert log.add(TimerFired(name="deadline", armed=old)) == ()
    assert log.letter("a") == "b"


def test_poison_is_final_even_if_its_fault_says_otherwise() -> None:
    log = one()
    log.add(
        TaskSettled(
            task_id="r/a",
            attempt=1,
            outcome="poison",
            fault=Fault(code="poison", message="took 5 workers down", retriable=True),
        )
    )
    assert fault_of_run(log).code == "poison"


def test_an_overflow_measured_by_the_worker_is_refused_with_figures() -> None:
    log = FoldLog()
    log.add(accepted(pipeline(task("a", "input"), agents={"ag": contract(window=100)}), windows={"ag": 100}))
    log.add(TaskSettled(task_id="r/a", attempt=1, outcome="overflow", measured_tokens=120))
    fault = fault_of_run(log)
    assert fault.code == "context_refused"
    assert fault.figures == {"tokens": 120, "room": 70, "window": 100}
    assert not fault.retriable


def test_an_attempt_that_was_never_ordered_is_ignored() -> None:
    log = one()
    for attempt in (0, -1, 4, 10**9):
        assert log.add(succeeded("a", attempt, tokens=9)) == ()
    assert log.letter("a") == "r"
    assert log.state is not None
    assert log.state.totals()[0].input_tokens == 0


@pytest.mark.parametrize("local", ["zzz", "a.0", "a.x", "b.00", "", "a/b"])
def test_a_settle_of_an_unknown_task_changes_nothing(local: str) -> None:
    log = one()
    before = log.hash.copy()
    assert log.add(succeeded(local)) == (Unclaim(local),)
    assert log.hash == before


def test_a_settle_of_a_task_that_waits_for_its_parents_is_ignored() -> None:
    log = FoldLog()
    log.add(accepted(pipeline(task("a", "input"), task("b", "a"))))
    assert log.add(succeeded("b")) == ()


def test_a_dispatch_is_moot_unless_it_is_the_attempt_that_may_go_out() -> None:
    log = one()
    assert dispatch_of(log.state, "a", 2, 0) is None
    assert dispatch_of(log.state, "zzz", 1, 0) is None
    assert dispatch_of(None, "a", 1, 0) is None
    log.add(failed("a", retriable=True))
    assert dispatch_of(log.state, "a", 1, 0) is None
    log.fire("retry:a")
    found = dispatch_of(log.state, "a", 2, 5)
    assert found is not None
    body = TaskDispatched.model_validate_json(found.value)
    assert (body.attempt, body.lane, found.cause) == (2, 5, log.events[-1].offset)
    assert found.traceparent == log.events[0].traceparent
    assert body.earlier == log.events[1].traceparent
    log.add(succeeded("a", 2))
    assert dispatch_of(log.state, "a", 2, 0) is None


def test_a_step_deadline_expires_its_task_and_bounds_its_attempts() -> None:
    log = FoldLog()
    log.add(accepted(pipeline(task("a", "input", deadline_seconds=60), task("b", "a"))))
    assert log.dispatch("a").deadline_ms == log.now_ms + 60_000
    assert log.dispatch("a").run_deadline_ms == 10_000_000
    log.fire("step:a")
    assert log.letter("a") == "e"
    fault = fault_of_run(log)
    assert (fault.code, fault.task_id) == ("expired", "r/a")


def terms(**fields: object) -> Contract:
    named = contract(**fields)
    return Contract.model_validate({name: named[name] for name in named if name in Contract.model_fields})


AGAIN = Fault(code="x", message="", retriable=True)


def test_backoff_doubles_and_stays_between_half_and_whole() -> None:
    for attempt in range(1, 9):
        whole = 1_000 * 2 ** (attempt - 1)
        wait_ms = next_attempt_ms("r/a", attempt, terms(retries=20), AGAIN)
        assert wait_ms is not None
        assert whole // 2 <= wait_ms <= whole


def test_backoff_has_an_end_however_many_attempts_there_are() -> None:
    wait_ms = next_attempt_ms("r/a", 10**6, terms(retries=10**7), AGAIN)
    assert wait_ms is not None
    assert wait_ms <= MOST_BACKOFF_MS
    slow = next_attempt_ms("r/a", 50, terms(retries=99, backoff_seconds=3_600), AGAIN)
    assert slow is not None
    assert 1_800_000 <= slow <= 3_600_000


def test_jitter_comes_from_the_task_and_the_attempt() -> None:
    waits = {next_attempt_ms(f"r/a.{shard}", 1, terms(), AGAIN) for shard in range(50)}
    assert len(waits) > 25
    assert waits == {next_attempt_ms(f"r/a.{shard}", 1, terms(), AGAIN) for shard in range(50)}
    assert next_attempt_ms("r/research", 1, terms(), AGAIN) == next_attempt_ms(
        "r/research", 1, terms(), AGAIN
    )


def test_no_attempt_follows_the_last_one_or_a_final_fault() -> None:
    assert next_attempt_ms("r/a", 3, terms(retries=2), AGAIN) is None
    assert next_attempt_ms("r/a", 1, terms(retries=0), AGAIN) is None
    assert next_attempt_ms("r/a", 1, terms(), Fault(code="rejected", message="")) is None
