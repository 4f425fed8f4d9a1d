"""Does the oracle of the kill matrix see? A right history, and what it says of each wrong one."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from argosy.schemas.codec import Message
from argosy.schemas.envelope import Envelope
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import RunAccepted, RunEnded, StepRecorded, TaskSettled
from argosy.schemas.task import TaskDispatched, TaskInput
from support.crash_app import branch, diamond
from support.crash_judge import committed_too_far, effects, judge, runs_in
from support.ledger import Ledger
from support.witness import Line

RUN = "run"
PIPELINE = diamond.compile()


def inline(**value: object) -> Inline:
    return Inline.model_validate({"value": value, "bytes": 1, "tokens": 1})


def line(topic: str, offset: int, message: Message, cause: int | None = None) -> Line:
    envelope = Envelope(message.KIND, RUN, "test", subject=RUN, cause=cause)
    return Line(f"t.{topic}", 0, offset, envelope, message, message.model_dump_json().encode())


def order(step: str, *inputs: TaskInput, attempt: int = 1) -> TaskDispatched:
    return TaskDispatched(
        task_id=f"{RUN}/{step}",
        step=step,
        agent="branch",
        attempt=attempt,
        lane=0,
        inputs=inputs,
        contract=branch.contract,
        deadline_ms=1,
        run_deadline_ms=1,
    )


def settled(step: str, result: Inline) -> TaskSettled:
    return TaskSettled(task_id=f"{RUN}/{step}", attempt=1, outcome="succeeded", result=result, worker="w")


LEFT, RIGHT = inline(step="left", value="l"), inline(step="right", value="r")
WHOLE = inline(given=["l", "r"], value="j")
JOIN = order("join", TaskInput(name="left", source=LEFT), TaskInput(name="right", source=RIGHT))
END = RunEnded(outcome="succeeded", data_hash="h", result=WHOLE)
ACCEPTED = RunAccepted(
    rules=1,
    pipeline=PIPELINE,
    input=inline(name="x"),
    data_hash="h",
    position="0/0",
    submitted_ms=1,
    deadline_ms=2,
    longest_and_window_ms=3,
)


def history() -> list[Line]:
    return [
        line("inbox", 0, RunSubmitted(pipeline=PIPELINE, input={"name": "x"})),
        line("runs", 0, ACCEPTED),
        line(
            "runs", 1, StepRecorded(task_id=f"{RUN}/left", attempt=1, name="effect", value={"value": "m"}), 0
        ),
        line("runs", 2, settled("left", LEFT), 0),
        line("runs", 3, settled("right", RIGHT), 0),
        line("runs", 4, settled("join", WHOLE), 3),
        line("runs", 5, END, 4),
        line("tasks.branch", 0, order("left"), 0),
        line("tasks.branch", 1, order("right"), 0),
        line("tasks.joiner", 0, JOIN, 3),
        line("results", 0, END),
    ]


def without(number: int) -> Callable[[], list[Line]]:
    return lambda: [line for at, line in enumerate(history()) if at != number]


def with_more(*more: Line) -> Callable[[], list[Line]]:
    return lambda: [*history(), *more]


def test_a_right_history_is_right() -> None:
    assert judge(runs_in(history())[RUN], flaky=False, values={}) == []


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (without(1), "no run.accepted"),
        (without(6), "never ended"),
        (without(10), "0 different results"),
        (
            with_more(line("results", 1, RunEnded(outcome="succeeded", data_hash="h", result=LEFT))),
            "2 different results",
        ),
        (with_more(line("runs", 6, RunEnded(outcome="failed", data_hash="h"))), "ended twice"),
        (with_more(line("runs", 6, ACCEPTED.model_copy(update={"data_hash": "other"}))), "other data"),
        (without(2 + 1), "no success in the log"),
        (with_more(line("tasks.branch", 2, order("left", attempt=2), 0)), "a crash used one up"),
        (with_more(line("tasks.joiner", 1, order("join"), 3)), "different inputs"),
        (with_more(line("tasks.joiner", 1, JOIN, 4)), "more than once"),
        (with_more(line("runs", 6, settled("left", LEFT), 7)), "answers 7"),
        (
            lambda: [replace(x, offset=9) if x.message == settled("join", WHOLE) else x for x in history()],
            "before its",
        ),
    ],
)
def test_a_wrong_history_is_seen(told: Callable[[], list[Line]], said: str) -> None:
    assert said in "\n".join(judge(runs_in(told())[RUN], flaky=False, values={}))


def test_a_success_that_took_no_effect_but_is_first_in_the_log_is_seen() -> None:
    other = line("runs", 2, settled("left", inline(step="left", value="other")), 0)
    lines = [*history()[:3], other, *history()[3:]]
    said = judge(runs_in(lines)[RUN], flaky=False, values={})
    assert any("first successes" in one for one in said)
    assert any("given another left" in one for one in said)


def test_offsets_committed_past_unfinished_work_are_seen() -> None:
    begun = [history()[0], history()[7]]
    found = committed_too_far(begun, {"g": {("t.inbox", 0): 1, ("t.tasks.branch", 0): 1}})
    assert ["past a submit" in found[0], f"past {RUN}/left#1" in found[1]] == [True, True]
    assert committed_too_far(begun, {"g": {("t.inbox", 0): 0, ("t.tasks.branch", 0): 0}}) == []
    assert committed_too_far(history(), {"g": {("t.inbox", 0): 1, ("t.tasks.branch", 0): 2}}) == []


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "ledger.sqlite")
    for step in ("left", "right", "join"):
        made.make(f"{RUN}/{step}|key", "m")
        made.know(f"{RUN}/{step}|key", "m")
    return made


def test_right_side_effects_are_right(ledger: Ledger) -> None:
    assert effects(ledger, runs_in(history()), 0) == []


WRONG: list[tuple[Callable[[Ledger], None], str]] = [
    (lambda ledger: ledger.make(f"{RUN}/left|other", "m"), "under 2 keys"),
    (lambda ledger: ledger.make(f"{RUN}/left|key", "m"), "made again after its memo was known"),
    (lambda ledger: ledger.make(f"{RUN}/left|key", "m"), "1 side effects were made again"),
    (lambda ledger: ledger.know(f"{RUN}/right|key", "other"), "changed"),
    (lambda ledger: ledger.know(f"{RUN}/left|key", "other"), "its first logged memo"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_wrong_side_effects_are_seen(ledger: Ledger, wrong: Callable[[Ledger], None], said: str) -> None:
    wrong(ledger)
    assert said in "\n".join(effects(ledger, runs_in(history()), 0))


def test_only_who_stood_still_may_make_an_effect_that_another_has_recorded(ledger: Ledger) -> None:
    ledger.make(f"{RUN}/left|key", "m")  # by this very process
    assert effects(ledger, runs_in(history()), 1, slept=os.getpid()) == []
    assert effects(ledger, runs_in(history()), 1, slept=1) != []
