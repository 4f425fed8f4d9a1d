"""Signals that could not count are told before they are sent."""

import pytest

from argosy.console.run_history import History, Logged, take
from argosy.console.signal_target import judge
from argosy.coordinator.state import RunState
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadArgument, NotFound
from support.fold_pipelines import accepted, approval, pipeline, signal, task


def state() -> RunState:
    compiled = pipeline(
        signal("word"),
        approval("ok", "input"),
        signal("later", after=[{"from": "word"}]),
        task("a", "ok", "later"),
    )
    message = accepted(compiled)
    found = History("r")
    envelope = Envelope(kind=message.KIND, id="id", source="argosy/worker/w", subject="r")
    take(found, Logged(0, 1, 1_000, envelope, message))
    assert found.state is not None
    return found.state


@pytest.mark.parametrize("name", ["word", "later"])
def test_a_step_that_waits_or_will_may_be_signalled(name: str) -> None:
    judge(state(), name)


@pytest.mark.parametrize("name", ["nosuch", "a", "word/x", "", "word.1"])
def test_no_step_of_that_name_is_told_with_those_that_wait(name: str) -> None:
    with pytest.raises(NotFound, match="nothing was sent") as found:
        judge(state(), name)
    assert "ok, word of it waits now" in str(found.value)


def test_a_step_that_has_ended_waits_no_more() -> None:
    run = state()
    ended = run.step("word")
    ended.letter = "e"
    run.put_step("word", ended)
    with pytest.raises(NotFound, match="'word' of run r waits no more"):
        judge(run, "word")


def test_a_run_that_has_ended_waits_no_more() -> None:
    with pytest.raises(NotFound, match="run r waits no more"):
        judge(RunState("r", {"st": b"ended"}), "word")


def test_an_approval_is_answered_by_another_command() -> None:
    with pytest.raises(BadArgument, match="argosy runs approve r ok"):
        judge(state(), "ok")
