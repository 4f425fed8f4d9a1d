"""The edge of a budget, where the run asks: what waits, what a raise sets going, and what a no or silence ends."""

from itertools import count

import pytest

from argosy.coordinator.decision import Arm, Disarm, Ready, Unclaim, Withdraw
from argosy.coordinator.edge import MOST_ANSWERS, asking_of, budget_of
from argosy.coordinator.messages import ended_of
from argosy.coordinator.state import load
from argosy.schemas.fault import Fault
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import BudgetReceived, CancelReceived
from support.fold_log import FoldLog
from support.fold_pipelines import (
    accepted,
    contract,
    failed,
    looped,
    mapped,
    pipeline,
    planned,
    spent,
    succeeded,
    task,
)

ONE = pipeline(task("a", "input"))
MANY = pipeline(
    mapped(
        "m",
        {"value": [1, 2, 3]},
        max_parallel=2,
        join={"policy": "deadline", "within_seconds": 900, "count": 1},
    ),
    task("z", {"from": "m"}),
)
_IDS = count()


def asking(compiled: CompiledPipeline = ONE, **fields: object) -> FoldLog:
    log = FoldLog()
    usual: dict[str, object] = {"rules": 2, "budget": 100, "on_spent": "ask"}
    log.add(accepted(compiled, **(usual | fields)))
    return log


def raised(tokens: int | None = None, **fields: object) -> BudgetReceived:
    usual: dict[str, object] = {"answer_id": f"answer-{next(_IDS)}", "tokens": tokens}
    return BudgetReceived.model_validate(usual | fields)


def denied(**fields: object) -> BudgetReceived:
    usual: dict[str, object] = {"answer_id": f"answer-{next(_IDS)}", "refused": True}
    return BudgetReceived.model_validate(usual | fields)


def states(log: FoldLog) -> list[str]:
    return [change.state for change in log.changes]


def fault_of(log: FoldLog) -> Fault:
    body = ended_of(log.state)
    assert body is not None
    assert body.fault is not None
    return body.fault


def test_a_refused_task_waits_and_is_told() -> None:
    log = asking()
    decisions = log.add(spent("a"))
    assert Withdraw("a", "ag") in decisions
    assert not [one for one in decisions if isinstance(one, Unclaim)]  # its memos are for the next attempt
    assert log.letter("a") == "a"
    assert not log.out
    change = log.changes[-1]
    assert (change.state, change.local, change.attempt) == ("asking", "a", 1)
    assert "90 of 100" in change.reason


def test_a_run_that_does_not_ask_fails_as_ever() -> None:
    log = asking(on_spent="fail")
    log.add(spent("a"))
    assert fault_of(log).code == "budget_spent"


def test_a_tenants_budget_is_not_asked_for() -> None:
    log = asking()
    log.add(spent("a", limit=None))
    assert fault_of(log).code == "budget_spent"


def test_a_raise_orders_what_waits_with_the_new_budget_and_all_attempts_left() -> None:
    log = asking()
    log.add(spent("a"))
    decisions = log.add(raised(800))
    assert [one.attempt for one in decisions if isinstance(one, Ready)] == [2]
    assert log.dispatch("a").budget == 800
    for attempt in (2, 3):  # two retries, whatever the budget refused
        log.add(failed("a", attempt, retriable=True))
        log.fire("retry:a")
    log.add(spent("a", 4, limit=800))
    assert log.letter("a") == "a"
    log.add(raised(900))
    log.add(succeeded("a", 5))
    assert ended_of(log.state) is not None


def test_the_last_attempt_is_the_last_also_after_refusals() -> None:
    log = asking()
    log.add(spent("a"))
    log.add(raised(800))
    for attempt in (2, 3):
        log.add(failed("a", attempt, retriable=True))
        log.fire("retry:a")
    log.add(failed("a", 4, retriable=True))
    assert fault_of(log).code == "boom"


def test_a_refusal_from_before_the_raise_is_ordered_again_at_once() -> None:
    log = asking(MANY)
    log.add(raised(800))
    log.add(spent("m.0"))
    assert log.out == {"m.0": 2, "m.1": 1}
    log.add(spent("m.0", 2))  # who was ordered after the raise can't have been refused by less
    assert log.letter("m.0") == "a"


def test_a_refusal_from_before_a_raise_that_was_seen_waits() -> None:
    log = asking(MANY)
    log.add(raised(800))
    log.add(spent("m.0", limit=800))
    assert log.letter("m.0") == "a"


def test_a_raise_helps_also_where_the_run_does_not_ask() -> None:
    log = asking(on_spent="fail")
    log.add(raised(800))
    log.add(spent("a"))
    assert log.out == {"a": 2}
    log.add(spent("a", 2, limit=800))
    assert fault_of(log).code == "budget_spent"


def test_a_budget_is_only_ever_raised() -> None:
    log = asking()
    log.add(raised(800))
    log.add(raised(500))
    assert states(log)[-2:] == ["budget_raised", "budget_kept"]
    assert log.dispatch("a").budget == 800


def test_a_raise_that_raises_nothing_sets_nothing_going() -> None:
    log = asking()
    log.add(spent("a"))
    log.add(raised(100))
    assert log.letter("a") == "a"


def test_a_limit_that_the_run_does_not_have_is_not_set() -> None:
    log = asking()
    log.add(raised(micros=5))
    assert log.state is not None
    assert budget_of(log.state) == (100, None)
    log.add(raised(200, micros=5))
    assert budget_of(log.state) == (200, None)


def test_a_run_without_a_budget_takes_no_answer() -> None:
    log = asking(budget=None, on_spent="fail")
    log.add(raised(800))
    assert states(log)[-1] == "budget_kept"
    assert log.dispatch("a").budget is None


def test_money_is_raised_like_tokens() -> None:
    log = asking(budget=None, budget_micros=1_000)
    log.add(raised(micros=9_000))
    assert log.dispatch("a").budget_micros == 9_000


def test_a_repeated_answer_changes_nothing() -> None:
    log = asking(MANY)
    log.add(spent("m.0"))
    no = denied()
    log.add(no)
    assert log.letter("m.0") == "f"
    log.add(raised(800))
    before = len(log.changes)
    log.add(no)
    assert len(log.changes) == before
    log.add(spent("m.1", limit=800))
    assert log.letter("m.1") == "a"


def test_a_run_remembers_so_many_answers() -> None:
    log = asking()
    for number in range(MOST_ANSWERS + 10):
        log.add(raised(200 + number))
    assert log.state is not None
    assert len(asking_of(log.state).answers) == MOST_ANSWERS


def test_a_no_fails_all_that_waits_with_its_own_figures_and_the_reason() -> None:
    log = asking()
    log.add(spent("a"))
    log.add(denied(by="ann", reason="too dear"))
    fault = fault_of(log)
    assert (fault.code, fault.task_id, fault.figures["asked_tokens"]) == ("budget_spent", "r/a", 20)
    assert fault.message.endswith("it is not raised, says ann: too dear")


def test_after_a_no_nobody_is_asked_until_the_budget_is_raised_after_all() -> None:
    log = asking(MANY)
    log.add(spent("m.0"))
    log.add(denied())
    log.add(spent("m.1"))
    assert (log.letter("m.0"), log.letter("m.1")) == ("f", "f")
    log.add(raised(800))
    log.add(spent("m.2", limit=800))
    assert log.letter("m.2") == "a"


def test_a_map_waits_for_shards_that_wait_and_goes_on_with_holes_after_a_no() -> None:
    log = asking(MANY)
    log.add(spent("m.0"))
    log.add(succeeded("m.1"))
    log.add(succeeded("m.2"))
    assert "t:z" not in log.hash
    log.add(denied())
    assert log.out == {"z": 1}


def test_the_first_no_may_end_the_run_and_all_that_waits() -> None:
    log = asking(pipeline(mapped("m", {"value": [1, 2, 3]})))
    for shard in range(3):
        log.add(spent(f"m.{shard}"))
    log.add(denied())
    assert [log.letter(f"m.{shard}") for shard in range(3)] == ["f", "x", "x"]
    assert fault_of(log).task_id == "r/m.0"


def test_silence_is_a_no_when_the_time_is_up() -> None:
    log = asking(ask_ms=5_000)
    decisions = log.add(spent("a"))
    assert [one.due_ms - log.now_ms for one in decisions if isinstance(one, Arm)] == [5_000]
    log.fire("budget")
    assert fault_of(log).message.endswith("nobody raised it within 5 s")


def test_nobody_waits_past_the_runs_deadline() -> None:
    log = asking(ask_ms=50_000_000)
    log.add(spent("a"))
    assert log.timers["budget"].due_ms == log.timers["deadline"].due_ms


def test_the_time_counts_from_the_first_that_waits_and_anew_after_a_raise() -> None:
    log = asking(MANY, ask_ms=5_000)
    log.add(spent("m.0"))
    first = log.timers["budget"].due_ms
    log.add(spent("m.1"), after_ms=1_000)
    assert log.timers["budget"].due_ms == first
    assert [one.name for one in log.add(raised(800)) if isinstance(one, Disarm)] == ["budget"]
    log.add(spent("m.0", 2, limit=800), after_ms=1_000)
    assert log.timers["budget"].due_ms == log.now_ms + 5_000


def test_a_late_success_of_the_refused_attempt_is_taken() -> None:
    log = asking(MANY, ask_ms=5_000)
    log.add(spent("m.0"))
    log.add(succeeded("m.0"))
    assert log.letter("m.0") == "k"
    assert "budget" not in log.timers


def test_a_repeat_of_the_refusal_changes_nothing_and_counts_no_usage() -> None:
    log = asking(MANY)
    log.add(spent("m.0", tokens=7))
    log.add(raised(800))
    log.add(spent("m.0", tokens=7))
    assert log.out["m.0"] == 2
    assert log.state is not None
    assert log.state.totals()[0].input_tokens == 7


@pytest.mark.parametrize("end", ["cancel", "deadline", "step"])
def test_whatever_ends_a_task_takes_it_out_of_the_wait(end: str) -> None:
    log = asking(pipeline(task("a", "input", deadline_seconds=60), task("z", "a?")), ask_ms=90_000)
    log.add(spent("a"))
    match end:
        case "cancel":
            log.add(CancelReceived())
        case "deadline":
            log.fire("deadline")
        case _:
            log.fire("step:a")
            assert log.out == {"z": 1}
    assert log.letter("a") == ("x" if end == "cancel" else "e")
    assert "v:a" not in log.hash


def test_pages_of_a_task_are_asked_for_like_tasks() -> None:
    log = asking(
        pipeline(task("a", "input", agent="bg"), agents={"bg": contract(above="paginate")}),
        windows={"bg": 100_000},
    )
    log.add(spent("a").model_copy(update={"outcome": "overflow", "measured_tokens": 200_000, "fault": None}))
    log.add(spent("a/p0"))
    log.add(raised(800))
    log.add(succeeded("a/p0", 2, facts=planned(2)))
    log.add(spent("a/p1.1", limit=800))
    assert log.letter("a/p1.1") == "a"
    log.add(denied())
    assert log.letter("a") == "f"
    assert fault_of(log).code == "budget_spent"


def test_an_iteration_of_a_loop_is_asked_for_like_any_task() -> None:
    log = asking(pipeline(looped("c", "input")))
    log.add(spent("c~1"))
    log.add(raised(800))
    assert log.out == {"c~1": 2}


def test_a_run_that_waits_holds_little_more_than_its_name() -> None:
    log = asking()
    before = set(log.hash)
    log.add(spent("a"))
    assert log.hash.keys() - before == {"n", "ask", "v:a", "a:budget"} - before
    log.add(raised(800))
    assert log.hash.keys() - before == {"ask", "b"}


def test_a_state_of_before_knows_no_refusals() -> None:
    state = load("r", {"st": "active", "t:a": "b 2 6 7 -"})
    assert state is not None
    found = state.task("a")
    assert found is not None
    assert (found.refused, found.encode()) == (0, b"b 2 6 7 -")
