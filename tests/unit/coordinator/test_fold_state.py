"""The state is the hash: what scripts read of it, what a commit writes, what survives a reload."""

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from argosy.coordinator.event import Event
from argosy.coordinator.fold import fold
from argosy.coordinator.kept import Cause, StepState, TaskResult, TaskState
from argosy.coordinator.state import RunState, load
from argosy.schemas.fault import Fault
from argosy.schemas.payload import Inline
from support.fold_log import FoldLog
from support.fold_pipelines import accepted, failed, listing, mapped, pipeline, succeeded, task

if TYPE_CHECKING:
    from pydantic import JsonValue

CHAIN = pipeline(task("a", "input"), task("b", "a"))


def test_an_empty_hash_is_no_run() -> None:
    assert load("r", {}) is None


def test_scripts_find_the_state_the_deadline_and_the_letter_and_attempt_of_a_task() -> None:
    log = FoldLog()
    log.add(accepted(CHAIN, deadline_ms=77_000))
    log.add(failed("a", retriable=True))
    log.fire("retry:a")
    assert (log.hash["st"], log.hash["dl"]) == (b"active", b"77000")
    assert log.hash["t:a"].split(b" ")[:2] == [b"r", b"2"]
    assert "t:b" not in log.hash, "a task without a field counts as over"


def test_changes_are_what_was_set_and_removed_since_the_last_call() -> None:
    state = RunState("r", {"kept": b"1", "old": b"2"})
    assert state.changes() == {}
    state.put("new", b"3")
    state.put("new", b"4")
    state.drop("old")
    state.drop("never")
    assert state.changes() == {"new": b"4", "old": None}
    assert state.changes() == {}


def test_the_plan_and_what_is_pinned_are_written_once() -> None:
    state, _ = fold(None, Event(0, 1_000, "r", accepted(CHAIN)))
    assert state is not None
    assert {"plan", "run"} <= set(state.changes())
    for offset, message in enumerate((succeeded("a"), succeeded("b")), start=1):
        fold(state, Event(offset, 1_000, "r", message))
        written = set(state.changes())
        assert written
        assert {"plan", "run"}.isdisjoint(written)


def test_text_and_bytes_load_alike() -> None:
    log = FoldLog()
    log.add(accepted(pipeline(mapped("m", "input")), facts={"list:": listing("a", "b")}))
    text = load("r", {name: value.decode() for name, value in log.hash.items()})
    assert text is not None
    assert text.dump() == log.hash
    assert text.changes() == {}


def test_values_that_json_barely_holds_survive_a_reload() -> None:
    log = FoldLog()
    log.add(accepted(CHAIN))
    value: JsonValue = {"huge": 10**40, "deep": [[[[None]]]], "text": "\u2028 é 🜂 \x00", "float": 1e300}
    log.add(succeeded("a").model_copy(update={"result": Inline(value=value, bytes=9, tokens=1)}))
    assert log.dispatch("b").inputs[0].source == Inline(value=value, bytes=9, tokens=1)


@given(
    st.sampled_from("wrbkfsxe"), st.integers(0, 10**9), st.integers(0, 2**70), st.integers(0, 2**62),
    st.sampled_from([None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01"]),
)  # fmt: skip
def test_a_task_reads_as_it_was_written(
    letter: str, attempt: int, seen: int, cause: int, earlier: str | None
) -> None:
    text = f"{letter} {attempt} {seen:x} {cause} {earlier or '-'}".encode()
    assert TaskState.decode(text).encode() == text


def test_a_step_reads_as_it_was_written() -> None:
    cause = Cause(local="a", outcome="failed", fault=Fault(code="x", message="y", figures={"n": 1}))
    step = StepState(letter="r", parents=2, absent=("a", "b"), due_ms=5, length=9, first=cause, cause=cause)
    state = RunState("r")
    state.put_step("s", step)
    again = load("r", state.dump())
    assert again is not None
    assert again.step("s") == step


def test_the_estimate_grows_with_what_is_kept() -> None:
    state = RunState("r")
    state.put("why", b"x" * 100)
    assert state.bytes_estimate() > 100
    state.drop("why")
    assert state.bytes_estimate() == 0
    state.put_result("a", TaskResult(payload=Inline(value="x" * 1_000, bytes=1_002, tokens=1)))
    large = state.bytes_estimate()
    assert large > 4_000
    state.let_go()
    assert 1_000 < state.bytes_estimate() < 2_000
    payload = state.result("a").payload
    assert payload is not None
    assert state.json_of(payload) == b'{"value":"%b","bytes":1002,"tokens":1}' % (b"x" * 1_000)
    assert state.bytes_estimate() == large
    state.clear()
    assert state.bytes_estimate() == 0
