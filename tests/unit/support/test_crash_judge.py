"""Does the oracle of the kill matrix see? A right history, and what it says of each wrong one."""

import os
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from argosy.schemas.codec import Message, encode_body
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.envelope import Envelope
from argosy.schemas.fault import Fault
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import CancelReceived, RunAccepted, RunEnded, StepRecorded, TaskSettled
from argosy.schemas.task import TaskDispatched, TaskInput
from support.crash_app import CONCURRENCY, began, branch, diamond
from support.crash_effects import Loss, Slept, begun_again, effects
from support.crash_history import committed_too_far, runs_in
from support.crash_judge import judge, letters
from support.crash_loads import DIAMOND, TIGHT, Expected
from support.crash_plain import Plain, left_over, plain
from support.ledger import Ledger

RUN = "run"
PIPELINE = diamond.compile()


def inline(**value: object) -> Inline:
    return Inline.model_validate({"value": value, "bytes": 1, "tokens": 1})


def line(topic: str, offset: int, message: Message, cause: int | None = None) -> Plain:
    envelope = Envelope(message.KIND, RUN, "test", subject=RUN, cause=cause)
    return plain(f"t.{topic}", 0, offset, envelope.headers(), encode_body(message))


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


EXPECTED = Expected(DIAMOND)
LEFT, RIGHT = inline(step="left", value="l", given=[]), inline(step="right", value="r", given=[])
WHOLE = inline(given=["l", "r"], value="j")
JOIN = order("join", TaskInput(name="left", source=LEFT), TaskInput(name="right", source=RIGHT))
END = RunEnded(outcome="succeeded", data_hash="h", result=WHOLE)
BECOMES = {RUN: EXPECTED}
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


def history() -> list[Plain]:
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


def without(number: int) -> Callable[[], list[Plain]]:
    return lambda: [line for at, line in enumerate(history()) if at != number]


def with_more(*more: Plain) -> Callable[[], list[Plain]]:
    return lambda: [*history(), *more]


def test_a_right_history_is_right() -> None:
    assert judge(runs_in(history())[RUN], EXPECTED) == []


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
            lambda: [replace(x, offset=9) if x == history()[5] else x for x in history()],
            "before its",
        ),
    ],
)
def test_a_wrong_history_is_seen(told: Callable[[], list[Plain]], said: str) -> None:
    assert said in "\n".join(judge(runs_in(told())[RUN], EXPECTED))


def test_a_success_that_took_no_effect_but_is_first_in_the_log_is_seen() -> None:
    other = line("runs", 2, settled("left", inline(step="left", value="other", given=[])), 0)
    lines = [*history()[:3], other, *history()[3:]]
    said = judge(runs_in(lines)[RUN], EXPECTED)
    assert any("taken were ['other', 'r']" in one for one in said)
    assert any("given other results than were taken" in one for one in said)


def test_offsets_committed_past_unfinished_work_are_seen() -> None:
    begun = [history()[0], history()[7]]
    found = committed_too_far(begun, {"g": {("t.inbox", 0): 1, ("t.tasks.branch", 0): 1}})
    assert ["nobody received the submit" in found[0], f"{RUN}/left#1 is not" in found[1]] == [True, True]
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
    assert effects(ledger, runs_in(history()), BECOMES, Loss()) == []


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
    assert said in "\n".join(effects(ledger, runs_in(history()), BECOMES, Loss()))


def test_only_who_stood_still_may_make_an_effect_that_another_has_recorded(ledger: Ledger) -> None:
    ledger.make(f"{RUN}/left|key", "m")  # by this very process
    assert effects(ledger, runs_in(history()), BECOMES, Loss(1, Slept(os.getpid()))) == []
    assert effects(ledger, runs_in(history()), BECOMES, Loss(1, Slept(1))) != []
    recorded_before = Slept(os.getpid(), time.monotonic())
    assert effects(ledger, runs_in(history()), BECOMES, Loss(1, recorded_before)) != []


def test_a_handler_that_begins_though_its_task_has_settled_is_seen(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    at = time.monotonic()
    ledger.make(began(1), "run/left")
    assert begun_again(ledger, at, {"run/right"}) == []
    assert begun_again(ledger, at, {"run/left"}) == ["run/left had settled, and its handler began again"]
    assert begun_again(ledger, time.monotonic(), {"run/left"}) == []


def test_who_wakes_may_begin_what_it_had_in_hand_but_nothing_that_had_settled_before_it_slept(
    tmp_path: Path,
) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    at = time.monotonic()
    tasks = {f"run{number}/left" for number in range(CONCURRENCY)}
    for task in tasks:
        ledger.make(began(7), task)
    assert begun_again(ledger, at, tasks, Slept(7, at, meanwhile=tasks)) == []
    assert "slept only afterwards" in begun_again(ledger, at, tasks, Slept(7, at, before={"run0/left"}))[0]
    assert "began again" in begun_again(ledger, at, tasks, Slept(8, at, meanwhile=tasks))[0]
    ledger.make(began(7), "more/left")
    (said,) = begun_again(ledger, at, tasks, Slept(7, at, meanwhile={*tasks, "more/left"}))
    assert "more than it had in hand" in said


def test_what_redis_knew_may_be_made_again_when_it_lost_all_but_not_what_is_in_the_log(
    ledger: Ledger,
) -> None:
    lost = Loss(most_again=None)
    ledger.make(f"{RUN}/right|key", "other")
    ledger.know(f"{RUN}/right|key", "other")
    assert effects(ledger, runs_in(history()), BECOMES, lost) == []
    ledger.know(f"{RUN}/left|key", "other")
    assert "its first logged memo" in "\n".join(effects(ledger, runs_in(history()), BECOMES, lost))


def refused(*, orders: bool = False, code: str = "context_refused") -> list[Plain]:
    figures = {"tokens": 9_000}
    fault = Fault(code=code, message="too much", figures=figures, task_id=f"{RUN}/narrow")
    end = RunEnded(outcome="failed", data_hash="h", fault=fault)
    more = (
        [line("tasks.narrow", 0, order("narrow", TaskInput(name="made", source=LEFT)), 2)] if orders else []
    )
    return [*history()[1:4], history()[7], line("runs", 6, end, 4), line("results", 0, end), *more]


def test_an_agent_that_would_get_too_much_gets_nothing_and_the_record_says_so() -> None:
    expected = Expected(TIGHT, ("failed",), "context_refused")
    assert judge(runs_in(refused())[RUN], expected) == []
    assert "was ordered, though" in "\n".join(judge(runs_in(refused(orders=True))[RUN], expected))
    assert "not with context_refused" in "\n".join(judge(runs_in(refused(code="timeout"))[RUN], expected))


def test_a_run_that_ends_cancelled_was_cancelled_before() -> None:
    end = RunEnded(outcome="cancelled", data_hash="h")
    ends = [*history()[1:4], history()[7], line("runs", 6, end, 4), line("results", 0, end)]
    expected = Expected(DIAMOND, ("cancelled", "succeeded"))
    assert judge(runs_in([*ends, line("runs", 5, CancelReceived())])[RUN], expected) == []
    assert "before a cancel came" in "\n".join(judge(runs_in(ends)[RUN], expected))
    assert "ended cancelled" in "\n".join(judge(runs_in(ends)[RUN], EXPECTED))


def test_what_cannot_be_read_has_a_letter_and_nothing_else_has() -> None:
    where = ("t.tasks.branch", 0, 7)
    told = DeadLetter(
        reason="undecodable",
        message="",
        topic=where[0],
        partition=0,
        offset=7,
        timestamp_ms=1,
        key="",
        headers=(),
        value=b64encode(b"{bad").decode(),
        value_bytes=4,
        cut=False,
    )
    letter = line("dead", 0, told)
    assert letters([letter], {where: b"{bad"}) == []
    assert "can't be read" in "\n".join(letters([], {where: b"{bad"}))
    assert "can't be read" in "\n".join(letters([letter], {where: b"{other"}))
    assert "a dead letter" in "\n".join(letters([letter], {}))
    unread = plain(where[0], 0, 7, [], b"{bad")
    assert "no dead letter" in committed_too_far([unread], {"g": {where[:2]: 8}})[0]
    assert committed_too_far([unread, letter], {"g": {where[:2]: 8}}) == []


@pytest.mark.parametrize(
    ("key", "seconds", "fence", "said"),
    [
        ("p:{lane-0}:lane", -1, None, None),
        ("p:{lane-0}:live", -1, None, None),
        ("p:{lane-0}:eabc:agents", -1, None, None),
        ("p:{lane-0}:eabc:windows", -1, None, None),
        ("p:{lane-0}:eabc:run:r", 5, None, None),
        ("p:{lane-0}:task:r/a", 5, None, None),
        ("p:{fleet}:present", 5, None, None),
        ("p:{lane-0}:eabc:run:r", -1, None, "no TTL"),
        ("p:{lane-0}:task:r/a", 5, b"fence", "claimed"),
        ("p:{lane-0}:eabc:out", -1, None, "work is left"),
        ("p:{lane-0}:eabc:ready:a", -1, None, "work is left"),
        ("p:{fleet}:present", -1, None, "no TTL"),
        ("p:{lane-0}:other", 5, None, "nobody makes"),
    ],
)
def test_what_a_fleet_at_rest_may_not_have_is_seen(
    key: str, seconds: int, fence: bytes | None, said: str | None
) -> None:
    found = left_over(key, seconds, fence)
    assert found is None if said is None else said in str(found)
