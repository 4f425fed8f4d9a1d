"""A task whose inputs are too large is given summaries of them, by rules 2: planned, made, again, or refused."""

from typing import TYPE_CHECKING

from argosy.coordinator.messages import ended_of
from argosy.schemas.facts import Facts, SizeFact, ValueFact
from argosy.schemas.fault import Fault
from argosy.schemas.pages import Reduction
from argosy.schemas.payload import Reference
from argosy.schemas.runlog import CancelReceived, RunEnded, TaskSettled
from argosy.schemas.task import PageOf, SummariesOf, SystemDispatched, SystemOrder
from support.fold_log import FoldLog
from support.fold_pipelines import Data, accepted, contract, failed, mapped, pipeline, succeeded, task, text

if TYPE_CHECKING:
    from pydantic import JsonValue

WINDOW = 200  # x 0.8 - 10: room for 150 tokens
LARGE = Reference(sha256="0" * 64, bytes=900_000, tokens=500)


def log_of(*steps: Data, **fields: object) -> FoldLog:
    agents = {"ag": contract(above="summarise", model="fake:m", window=WINDOW), "small": contract()}
    log = FoldLog()
    compiled = pipeline(*(steps or (task("a", "input", {"value": 7}),)), agents=agents)
    log.add(accepted(compiled, rules=2, windows={"ag": WINDOW}, **{"input": LARGE, **fields}))
    return log


def record(name: str, before: int, pages: int) -> Reduction:
    return Reduction(
        method="summarise", input=name, sha256="0" * 64, before=before, after=100, pages=pages, limit=90
    )


def planned(*records: Reduction, kept: int = 10) -> Facts:
    values: dict[str, JsonValue] = {
        "length(pages)": sum(record.pages for record in records),
        "kept": kept,
        "tokens": kept + sum(record.before for record in records),
        "records": [record.model_dump(mode="json") for record in records],
    }
    return {f"value:{select}": ValueFact(kind="value", value=value) for select, value in values.items()}


def plan(log: FoldLog, local: str, *records: Reduction, kept: int = 10) -> None:
    facts = planned(*records, kept=kept)
    log.add(succeeded(local, log.out[local], facts=facts, value=f"plan {local}"))


def settle(log: FoldLog, local: str, tokens: int = 2, facts: Facts | None = None) -> None:
    result = text(f"result of {local}", tokens)
    log.add(
        TaskSettled(
            task_id=f"r/{local}",
            attempt=log.out[local],
            outcome="succeeded",
            result=result,
            facts=facts or {},
        )
    )


def overflow(local: str, measured: int) -> TaskSettled:
    fault = Fault(code="overflow", message="too large")
    return TaskSettled(
        task_id=f"r/{local}", attempt=1, outcome="overflow", measured_tokens=measured, fault=fault
    )


def letters(log: FoldLog) -> dict[str, str]:
    assert log.state is not None
    return {local: log.letter(local) for local in log.state.tasks()}


def ended(log: FoldLog) -> RunEnded:
    body = ended_of(log.state)
    assert body is not None
    return body


def order(log: FoldLog, local: str) -> SystemDispatched:
    body = log.dispatch(local)
    assert isinstance(body, SystemDispatched)
    return body


def test_what_is_too_large_is_planned_and_each_page_summarised_alone() -> None:
    log = log_of()
    assert letters(log) == {"a": "p", "a/p0": "r"}
    body = order(log, "a/p0")
    assert body.system == SystemOrder(kind="summaries", room=143)
    assert body.inputs[0].source == LARGE
    plan(log, "a/p0", record("p0", 490, 3))
    assert letters(log) == {"a": "p", "a/p0": "k", "a/p1.0": "r", "a/p1.1": "r", "a/p1.2": "r"}
    body = order(log, "a/p1.2")
    assert (body.agent, body.system, body.wants) == ("ag", SystemOrder(kind="summary"), ())
    (given,) = body.inputs
    assert given.source == LARGE
    assert given.pages == (PageOf(plan=text("plan a/p0"), number=2, of=3),)


def test_summaries_that_fit_stand_in_place_of_the_input_and_the_task_runs_with_them() -> None:
    log = log_of(task("a", "input", {"value": 7}), task("b", {"from": "a", "select": "x"}, agent="small"))
    plan(log, "a/p0", record("p0", 490, 3))
    for page in (2, 0, 1):
        assert "a/p2.0" not in letters(log)
        settle(log, f"a/p1.{page}", tokens=40)
    body = order(log, "a/p2.0")
    assert (body.agent, body.system) == ("ag", None)
    large, seven = body.inputs
    made = tuple(text(f"result of a/p1.{page}", 40) for page in range(3))
    assert large.source == LARGE
    assert large.pages == (SummariesOf(plan=text("plan a/p0"), first=0, summaries=made),)
    assert seven.pages == ()
    assert [want.key for want in body.wants] == ["size:x"]
    (done,) = body.reduced
    assert (done.input, done.before, done.after, done.pages) == ("p0", 490, 126, 3)
    settle(log, "a/p2.0", facts={"size:x": SizeFact(kind="size", bytes=5, tokens=2)})
    assert log.letter("a") == "k"
    settle(log, "b")
    assert ended(log).outcome == "succeeded"
    assert ended(log).tasks == 7  # a, its plan, 3 summaries, the whole, b


def test_several_inputs_get_each_its_own_summaries() -> None:
    log = log_of(task("a", "input", "input"))
    plan(log, "a/p0", record("p0", 490, 2), record("p1", 490, 1))
    assert [given.name for given in log.dispatch("a/p1.1").inputs] == ["p0"]
    assert [given.name for given in log.dispatch("a/p1.2").inputs] == ["p1"]
    for page in range(3):
        settle(log, f"a/p1.{page}", tokens=40)
    cuts = [given.pages for given in log.dispatch("a/p2.0").inputs]
    firsts = [(cut.first, len(cut.summaries)) for (cut,) in cuts if isinstance(cut, SummariesOf)]
    assert firsts == [(0, 2), (2, 1)]


def test_summaries_that_are_still_too_large_are_summarised_again() -> None:
    log = log_of()
    plan(log, "a/p0", record("p0", 490, 3))
    for number in range(3):
        settle(log, f"a/p1.{number}", tokens=80)
    assert set(log.out) == {"a/p2"}
    body = order(log, "a/p2")
    assert body.system == SystemOrder(kind="summaries", room=143)
    (first,) = body.inputs[0].pages
    assert isinstance(first, SummariesOf)
    plan(log, "a/p2", record("p0", 246, 2))
    page = order(log, "a/p3.1").inputs[0]
    assert page.pages == (first, PageOf(plan=text("plan a/p2"), number=1, of=2))
    for number in range(2):
        settle(log, f"a/p3.{number}", tokens=60)
    whole = order(log, "a/p4.0")
    assert [type(cut) for cut in whole.inputs[0].pages] == [SummariesOf, SummariesOf]
    assert [(one.before, one.after) for one in whole.reduced] == [(490, 246), (246, 124)]
    settle(log, "a/p4.0")
    assert ended(log).outcome == "succeeded"


def test_a_round_that_is_not_a_quarter_less_is_a_refusal_with_figures() -> None:
    log = log_of()
    plan(log, "a/p0", record("p0", 490, 3))
    for page in range(3):
        settle(log, f"a/p1.{page}", tokens=130)
    fault = ended(log).fault
    assert fault is not None
    assert (fault.code, fault.figures) == (
        "context_refused",
        {"tokens": 406, "before": 500, "room": 143, "round": 1},
    )


def test_four_rounds_are_the_most() -> None:
    log = log_of(input=Reference(sha256="0" * 64, bytes=900_000, tokens=5_000))
    before = 5_000
    for round_ in range(4):
        plan(log, "a/p0" if round_ == 0 else f"a/p{2 * round_}", record("p0", before, 1))
        before = before * 7 // 10
        settle(log, f"a/p{2 * round_ + 1}.0", tokens=before - 2)
    fault = ended(log).fault
    assert fault is not None
    assert fault.figures["round"] == 4
    assert not log.out


def test_a_plan_of_no_summaries_runs_the_task_as_it_is() -> None:
    log = log_of()
    plan(log, "a/p0", kept=140)
    body = order(log, "a/p2.0")
    assert body.system is None
    assert [given.pages for given in body.inputs] == [(), ()]
    settle(log, "a/p2.0")
    assert ended(log).outcome == "succeeded"


def test_a_plan_that_says_nothing_of_itself_is_a_refusal() -> None:
    log = log_of()
    log.add(succeeded("a/p0", 1))
    fault = ended(log).fault
    assert fault is not None
    assert fault.code == "context_refused"


def test_an_overflow_with_summaries_is_planned_again_by_a_raised_factor_and_rounds_go_on_counting() -> None:
    log = log_of()
    plan(log, "a/p0", record("p0", 490, 1))
    settle(log, "a/p1.0", tokens=100)
    log.add(overflow("a/p2.0", measured=200))
    assert log.letter("a/p2.0") == "p"
    body = order(log, "a/p2.0/p0")
    assert body.system == SystemOrder(kind="summaries", room=76)
    assert body.factor == 1875
    assert len(body.inputs[0].pages) == 1
    plan(log, "a/p2.0/p0", record("p0", 100, 1))
    settle(log, "a/p2.0/p1.0", tokens=60)
    whole = order(log, "a/p2.0/p2.0")
    assert len(whole.inputs[0].pages) == 2
    settle(log, "a/p2.0/p2.0")
    assert letters(log) == {
        "a": "k", "a/p0": "k", "a/p1.0": "k",
        "a/p2.0": "k", "a/p2.0/p0": "k", "a/p2.0/p1.0": "k", "a/p2.0/p2.0": "k",
    }  # fmt: skip


def test_an_overflow_that_the_worker_measured_begins_it_too() -> None:
    log = log_of(input=text("small", 140))
    assert letters(log) == {"a": "r"}
    log.add(overflow("a", measured=180))
    assert letters(log) == {"a": "p", "a/p0": "r"}


def test_a_summary_that_fails_fails_its_task_and_stops_the_others() -> None:
    log = log_of()
    plan(log, "a/p0", record("p0", 490, 3))
    log.add(failed("a/p1.1"))
    assert letters(log) == {"a": "f", "a/p0": "k", "a/p1.0": "x", "a/p1.1": "f", "a/p1.2": "x"}
    fault = ended(log).fault
    assert fault is not None
    assert fault.message.startswith("the summary of page 2 of 3: ")


def test_a_cancel_stops_whatever_there_is_of_it() -> None:
    log = log_of()
    plan(log, "a/p0", record("p0", 490, 2))
    for page in range(2):
        settle(log, f"a/p1.{page}", tokens=100)
    log.add(CancelReceived(reason="enough"))
    assert letters(log)["a/p2"] == "x"
    assert not log.out


def test_a_late_success_of_the_whole_task_is_taken_and_its_summaries_are_stopped() -> None:
    log = log_of(input=text("small", 140))
    log.add(overflow("a", measured=180))
    plan(log, "a/p0", record("p0", 490, 2))
    log.add(succeeded("a"))
    assert letters(log) == {"a": "k", "a/p0": "k", "a/p1.0": "x", "a/p1.1": "x"}
    assert ended(log).result == text("a#1")


def test_shards_that_are_too_large_are_summarised_each_for_itself() -> None:
    log = log_of(mapped("m", {"value": ["x", "y"]}, "input", max_parallel=2))
    assert set(log.out) == {"m.0/p0", "m.1/p0"}
    for shard in range(2):
        plan(log, f"m.{shard}/p0", record("p1", 490, 1))
        settle(log, f"m.{shard}/p1.0", tokens=100)
        settle(log, f"m.{shard}/p2.0")
    assert ended(log).outcome == "succeeded"
