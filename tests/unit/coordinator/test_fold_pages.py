"""A task that is too large becomes pages, and their results one result, by rules 2."""

from typing import TYPE_CHECKING

import pytest

from argosy.coordinator.messages import ended_of
from argosy.schemas.chat import Usage
from argosy.schemas.facts import Facts, SizeFact, ValueFact
from argosy.schemas.fault import Fault
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.runlog import CancelReceived, RunEnded, TaskSettled
from argosy.schemas.task import PageOf, SystemDispatched, SystemOrder, TaskDispatched
from support.fold_log import FoldLog
from support.fold_pipelines import (
    Data,
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

if TYPE_CHECKING:
    from pydantic import JsonValue

WINDOW = 100  # x 0.8 - 10: room for 70 tokens
LARGE = Reference(sha256="0" * 64, bytes=900_000, tokens=500)


def log_of(
    *steps: Data,
    rules: int = 2,
    merge: str | None = "mg",
    given: Inline | Reference = LARGE,
    **fields: object,
) -> FoldLog:
    more: Data = {} if merge is None else {"merge": merge}
    agents = {
        "ag": contract(above="paginate", window=WINDOW, **more),
        "mg": contract(window=WINDOW, inputs={"results": {}}),
        "small": contract(),
    }
    log = FoldLog()
    compiled = pipeline(*(steps or (task("a", "input"),)), agents=agents)
    windows = {"ag": WINDOW, "mg": WINDOW}
    log.add(accepted(compiled, rules=rules, input=given, windows=windows, **fields))
    return log


def planned(pages: int) -> Facts:
    return {
        "value:length(pages)": ValueFact(kind="value", value=pages),
        "value:input": ValueFact(kind="value", value="p0"),
    }


def plan(log: FoldLog, above: str, pages: int) -> None:
    log.add(succeeded(f"{above}/p0", log.out[f"{above}/p0"], facts=planned(pages), value=f"plan of {above}"))


def settle(log: FoldLog, local: str, tokens: int = 2, facts: Facts | None = None) -> None:
    result = text(f"result of {local}", tokens)
    log.add(
        TaskSettled(
            task_id=f"r/{local}",
            attempt=log.out[local],
            outcome="succeeded",
            result=result,
            facts=facts or {},
            usage=Usage(input_tokens=1),
        )
    )


def overflow(local: str, measured: int, attempt: int = 1) -> TaskSettled:
    fault = Fault(code="overflow", message="too large")
    return TaskSettled(
        task_id=f"r/{local}", attempt=attempt, outcome="overflow", measured_tokens=measured, fault=fault
    )


def letters(log: FoldLog) -> dict[str, str]:
    assert log.state is not None
    return {local: log.letter(local) for local in log.state.tasks()}


def ended(log: FoldLog) -> RunEnded:
    body = ended_of(log.state)
    assert body is not None
    return body


def system_of(body: TaskDispatched) -> SystemOrder | None:
    """Say what a worker itself is to do, by an order of the kind that older workers wait for."""
    assert isinstance(body, SystemDispatched)
    return body.system


def test_what_is_too_large_is_planned_in_pages_and_never_sent_whole() -> None:
    log = log_of()
    assert letters(log) == {"a": "p", "a/p0": "r"}
    body = log.dispatch("a/p0")
    assert (body.task_id, body.step, body.agent) == ("r/a/p0", "a", "ag")
    assert system_of(body) == SystemOrder(kind="pages", room=67)
    assert [(given.name, given.source, given.pages) for given in body.inputs] == [("p0", LARGE, ())]
    assert [want.key for want in body.wants] == ["value:length(pages)", "value:input", "value:records"]


def test_the_room_is_told_as_we_count_tokens() -> None:
    log = log_of(factors={"ag": 1400})
    body = log.dispatch("a/p0")
    assert system_of(body) == SystemOrder(kind="pages", room=48)
    assert body.factor == 1400


def test_each_page_is_given_its_range_by_number_and_the_other_inputs_whole() -> None:
    log = log_of(task("a", "input", {"value": 7}))
    plan(log, "a", 3)
    assert letters(log) == {"a": "p", "a/p0": "k", "a/p1.0": "r", "a/p1.1": "r", "a/p1.2": "r"}
    body = log.dispatch("a/p1.1")
    assert system_of(body) is None
    assert [given.pages for given in body.inputs] == [(PageOf(plan=text("plan of a"), number=1, of=3),), ()]
    assert body.inputs[0].source == LARGE
    assert body.agent == "ag"


def test_one_merge_takes_the_results_in_page_order_whatever_order_they_came_in() -> None:
    log = log_of(task("a", "input"), task("b", "a", agent="small"))
    plan(log, "a", 3)
    for page in (2, 0, 1):
        assert "a/p2.0" not in letters(log)
        settle(log, f"a/p1.{page}")
    body = log.dispatch("a/p2.0")
    assert (body.agent, body.window, system_of(body)) == ("mg", WINDOW, None)
    (given,) = body.inputs
    assert given.name == "results"
    assert given.gathered == tuple(text(f"result of a/p1.{page}") for page in range(3))
    assert len(body.parents) == 3
    settle(log, "a/p2.0")
    assert log.letter("a") == "k"
    assert log.dispatch("b").inputs[0].source == text("result of a/p2.0")
    settle(log, "b")
    assert ended(log).outcome == "succeeded"
    assert ended(log).tasks == 7  # a, its plan, 3 pages, the merge, b
    assert ended(log).usage.input_tokens == 5


def test_without_a_merge_agent_lists_are_joined_by_the_worker() -> None:
    log = log_of(merge=None)
    plan(log, "a", 2)
    settle(log, "a/p1.0", tokens=90)
    settle(log, "a/p1.1", tokens=90)
    body = log.dispatch("a/p2.0")
    assert (body.agent, system_of(body)) == ("ag", SystemOrder(kind="join"))
    settle(log, "a/p2.0")
    assert ended(log).result == text("result of a/p2.0")


def test_results_that_are_too_large_together_are_merged_as_a_tree() -> None:
    log = log_of()
    plan(log, "a", 5)
    for page in range(5):
        settle(log, f"a/p1.{page}", tokens=30)
    assert set(log.out) == {"a/p2.0", "a/p2.1", "a/p2.2"}
    assert [len(log.dispatch(f"a/p2.{number}").inputs[0].gathered or ()) for number in range(3)] == [2, 2, 1]
    for number in (1, 2, 0):
        settle(log, f"a/p2.{number}", tokens=20)
    assert set(log.out) == {"a/p3.0"}
    assert log.dispatch("a/p3.0").inputs[0].gathered == tuple(
        text(f"result of a/p2.{number}", 20) for number in range(3)
    )
    settle(log, "a/p3.0")
    assert ended(log).result == text("result of a/p3.0")


def test_two_results_that_no_merge_can_take_are_a_refusal_with_figures() -> None:
    log = log_of()
    plan(log, "a", 2)
    settle(log, "a/p1.0", tokens=40)
    settle(log, "a/p1.1", tokens=40)
    fault = ended(log).fault
    assert fault is not None
    assert (fault.code, fault.figures, fault.task_id) == (
        "context_refused",
        {"tokens": 84, "room": 70},
        "r/a",
    )


def test_what_ends_the_task_is_asked_what_the_task_is_asked() -> None:
    wanting = task("b", {"from": "a", "select": "x"}, agent="small")
    log = log_of(task("a", "input"), wanting)
    plan(log, "a", 2)
    assert not log.dispatch("a/p1.0").wants
    settle(log, "a/p1.0")
    settle(log, "a/p1.1")
    assert [want.key for want in log.dispatch("a/p2.0").wants] == ["size:x"]
    settle(log, "a/p2.0", facts={"size:x": SizeFact(kind="size", bytes=5, tokens=2)})
    assert log.letter("b") == "r"


def test_a_single_page_is_asked_too_and_ends_the_task() -> None:
    wanting = task("b", {"from": "a", "select": "x"}, agent="small")
    log = log_of(task("a", "input"), wanting)
    plan(log, "a", 1)
    assert [want.key for want in log.dispatch("a/p1.0").wants] == ["size:x"]
    settle(log, "a/p1.0", facts={"size:x": SizeFact(kind="size", bytes=5, tokens=2)})
    assert log.letter("a") == "k"
    assert log.letter("b") == "r"


def test_so_many_pages_run_at_once() -> None:
    log = log_of(merge=None)
    plan(log, "a", 40)
    assert len(log.out) == 16
    done = 0
    while "a/p2.0" not in log.out:
        settle(log, min(log.out, key=lambda local: int(local.rpartition(".")[2])))
        done += 1
        assert len(log.out) <= 16
    assert done == 40


def test_a_page_is_retried_as_any_task() -> None:
    log = log_of()
    plan(log, "a", 2)
    log.add(failed("a/p1.1", retriable=True))
    assert log.letter("a/p1.1") == "b"
    log.fire("retry:a/p1.1")
    assert log.dispatch("a/p1.1").attempt == 2
    settle(log, "a/p1.1")
    settle(log, "a/p1.0")
    settle(log, "a/p2.0")
    assert ended(log).outcome == "succeeded"


def test_a_page_that_fails_fails_its_task_and_stops_the_others() -> None:
    log = log_of()
    plan(log, "a", 3)
    log.add(failed("a/p1.1"))
    assert letters(log) == {"a": "f", "a/p0": "k", "a/p1.0": "x", "a/p1.1": "f", "a/p1.2": "x"}
    fault = ended(log).fault
    assert fault is not None
    assert fault.message.startswith("page 2 of 3: ")
    assert fault.task_id == "r/a"


@pytest.mark.parametrize("pages", [0, 10_001])
def test_a_plan_of_no_pages_or_of_too_many_is_a_refusal(pages: int) -> None:
    log = log_of()
    plan(log, "a", pages)
    fault = ended(log).fault
    assert fault is not None
    assert fault.code == "context_refused"


def test_an_overflow_that_the_worker_measured_makes_pages_by_a_raised_factor() -> None:
    log = log_of(given=text("small", tokens=50))
    assert letters(log) == {"a": "r"}
    log.add(overflow("a", measured=80))
    assert letters(log) == {"a": "p", "a/p0": "r"}
    assert system_of(log.dispatch("a/p0")) == SystemOrder(kind="pages", room=39)
    assert log.dispatch("a/p0").factor == 1680
    plan(log, "a", 2)
    assert log.dispatch("a/p1.0").factor == 1680


def test_a_page_that_overflows_is_cut_under_its_own_name() -> None:
    log = log_of()
    plan(log, "a", 2)
    log.add(overflow("a/p1.1", measured=100))
    assert log.letter("a/p1.1") == "p"
    body = log.dispatch("a/p1.1/p0")
    assert system_of(body) == SystemOrder(kind="pages", room=42)
    outer = PageOf(plan=text("plan of a"), number=1, of=2)
    assert body.inputs[0].pages == (outer,)
    plan(log, "a/p1.1", 2)
    inner = PageOf(plan=text("plan of a/p1.1"), number=0, of=2)
    assert log.dispatch("a/p1.1/p1.0").inputs[0].pages == (outer, inner)
    for local in ("a/p1.0", "a/p1.1/p1.0", "a/p1.1/p1.1", "a/p1.1/p2.0", "a/p2.0"):
        settle(log, local)
    assert ended(log).result == text("result of a/p2.0")


def test_a_small_page_that_overflows_is_measured_by_what_it_has_and_not_by_what_it_might_have() -> None:
    log = log_of()
    page: JsonValue = {"start": 0, "own": 0, "end": 9, "tokens": 20}
    document: JsonValue = {
        "input": "p0", "sha256": "0" * 64, "tokens": 90, "limit": 60, "pages": [page, page]
    }  # fmt: skip
    made = Inline(value=document, bytes=9, tokens=9)
    log.add(succeeded("a/p0", 1, facts=planned(2)).model_copy(update={"result": made}))
    log.add(overflow("a/p1.1", measured=81))
    assert log.dispatch("a/p1.1/p0").factor == 3150  # 81 of 27, and a twentieth


def test_pages_are_cut_three_deep_at_most() -> None:
    log = log_of()
    local = "a"
    for _ in range(2):
        plan(log, local, 2)
        local += "/p1.0"
        log.add(overflow(local, measured=100))
    plan(log, local, 2)
    log.add(overflow(f"{local}/p1.0", measured=100))
    fault = ended(log).fault
    assert fault is not None
    assert fault.code == "context_refused"
    assert not log.out


def test_a_late_success_of_the_whole_task_is_taken_and_its_pages_are_stopped() -> None:
    log = log_of(task("a", "input"), task("b", "a", agent="small"), given=text("small", tokens=50))
    log.add(overflow("a", measured=80))
    plan(log, "a", 2)
    log.add(overflow("a/p1.0", measured=90))
    plan(log, "a/p1.0", 2)
    log.add(succeeded("a"))
    assert letters(log)["a"] == "k"
    under = {
        local: letter
        for local, letter in letters(log).items()
        if "/p1" in local and not local.endswith("/p0")
    }
    assert set(under.values()) == {"x"}
    assert log.dispatch("b").inputs[0].source == text("a#1")
    log.add(succeeded("a/p1.1"))  # too late
    assert letters(log)["a/p1.1"] == "x"


def test_a_stale_overflow_changes_nothing() -> None:
    log = log_of(given=text("small", tokens=50))
    log.add(failed("a", retriable=True))
    log.fire("retry:a")
    log.add(overflow("a", measured=80, attempt=1))
    assert letters(log) == {"a": "r"}
    log.add(overflow("a", measured=80, attempt=2))
    log.add(overflow("a", measured=80, attempt=2))
    assert letters(log) == {"a": "p", "a/p0": "r"}


def test_a_cancel_stops_pages_and_so_does_a_steps_deadline() -> None:
    log = log_of()
    plan(log, "a", 2)
    log.add(CancelReceived(reason="enough"))
    assert letters(log) == {"a": "x", "a/p0": "k", "a/p1.0": "x", "a/p1.1": "x"}
    log = log_of(task("a", "input", deadline_seconds=5))
    log.fire("step:a")
    assert letters(log) == {"a": "e", "a/p0": "x"}
    assert ended(log).outcome == "failed"


def test_items_of_a_map_that_are_too_large_are_cut_when_their_turn_comes() -> None:
    items = listing("x", "y", "z")
    large: list[JsonValue] = [
        text("x", 20).model_dump(),
        text("y", 200).model_dump(),
        text("z", 20).model_dump(),
    ]
    facts = items.model_copy(
        update={"most_tokens": 200, "manifest": Inline(value=large, bytes=60, tokens=240)}
    )
    step = mapped("m", "input", max_parallel=2)
    log = log_of(step, given=text("list", 240), facts={"list:": facts})
    assert letters(log) == {"m.0": "r", "m.1": "p", "m.1/p0": "r"}
    body = log.dispatch("m.1/p0")
    assert (body.inputs[0].item, body.inputs[0].of) == (1, 3)
    settle(log, "m.0")
    plan(log, "m.1", 2)
    assert set(log.out) == {"m.2", "m.1/p1.0", "m.1/p1.1"}
    for local in ("m.1/p1.0", "m.1/p1.1", "m.1/p2.0", "m.2"):
        settle(log, local)
    result = ended(log).result
    assert isinstance(result, Inline)
    assert result.value == ["result of m.0", "result of m.1/p2.0", "result of m.2"]


def test_by_rules_1_all_of_it_is_refused_as_before() -> None:
    log = log_of(rules=1)
    fault = ended(log).fault
    assert fault is not None
    assert fault.code == "context_refused"
    log = log_of(rules=1, given=text("small", tokens=50))
    log.add(overflow("a", measured=80))
    assert letters(log) == {"a": "f"}
