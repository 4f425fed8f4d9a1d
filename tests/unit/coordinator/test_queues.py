"""Outbox, timers, dispatches out, ranges ready, batches taken: each as a plain object."""

import pytest

from argosy.broker.log import Batch, Partition, Record
from argosy.coordinator import intake as intake_module
from argosy.coordinator.decision import Ready
from argosy.coordinator.intake import Gap, Intake
from argosy.coordinator.lane_clock import LaneClock
from argosy.coordinator.out import Out
from argosy.coordinator.outbox import Asked, Outbox
from argosy.coordinator.ready_queue import PRIORITY_MS, Range, ReadyQueue
from argosy.coordinator.timers import Timers

WHERE = Partition("runs", 0)


def record(offset: int) -> Record:
    return Record("runs", 0, offset, 0, b"k", b"", ())


def batch(start: int, offsets: list[int], following: int) -> Batch:
    return Batch(WHERE, start, tuple(record(offset) for offset in offsets), following)


def offsets_of(found: tuple[list[Record], int] | None) -> tuple[list[int], int] | None:
    return found and ([each.offset for each in found[0]], found[1])


def test_an_entry_is_sent_until_acknowledged_and_its_pause_doubles() -> None:
    outbox, asked = Outbox(), Asked(7, "run")
    outbox.ask("end:run", asked)
    assert outbox.due(0, 10) == [("end:run", asked)]
    assert outbox.due(0, 10) == []
    outbox.failed("end:run", asked, 1_000)
    assert outbox.due(1_099, 10) == []
    assert outbox.due(1_100, 10) == [("end:run", asked)]
    outbox.failed("end:run", asked, 2_000)
    assert outbox.next_due() == 2_200


def test_the_acknowledgement_of_one_request_does_not_swallow_the_next() -> None:
    outbox, first, second = Outbox(), Asked(7, "run"), Asked(9, "run")
    outbox.ask("result:run", first)
    assert outbox.due(0, 10) == [("result:run", first)]
    outbox.ask("result:run", second)
    outbox.sent("result:run", first)
    assert outbox.due(0, 10) == [("result:run", second)]
    new, gone = outbox.take_changes()
    assert new == {"result:run": second.encode()}
    assert gone == {}, "it is overwritten"


def test_answers_of_two_requests_may_come_in_either_order_and_leave_nothing() -> None:
    outbox, first, second = Outbox(), Asked(7, "run"), Asked(9, "run")
    outbox.ask("result:run", first)
    assert outbox.due(0, 10) == [("result:run", first)]
    outbox.ask("result:run", second)
    assert outbox.due(0, 10) == [("result:run", second)]
    outbox.take_changes()
    outbox.sent("result:run", second)
    outbox.sent("result:run", first)
    assert outbox.take_changes() == ({}, {"result:run": second.encode()})
    assert len(outbox) == 0


def test_what_is_asked_again_in_the_same_words_stays_until_it_is_answered_again() -> None:
    outbox, asked = Outbox(), Asked(7, "run")
    outbox.ask("end:run", asked)
    outbox.due(0, 10)
    outbox.sent("end:run", asked)
    outbox.ask("end:run", asked)
    assert outbox.take_changes() == ({"end:run": asked.encode()}, {})
    assert outbox.due(0, 10) == [("end:run", asked)]


def test_a_dropped_run_still_has_its_submits_answered() -> None:
    outbox = Outbox([("end:run", Asked(1, "run").encode()), ("refused:0/3", Asked(2, "run", "tp").encode())])
    outbox.drop("run")
    assert [entry for entry, _ in outbox.due(0, 10)] == ["refused:0/3"]


def test_a_timer_fires_until_acknowledged() -> None:
    timers = Timers()
    timers.arm("run", "deadline", 1_000)
    assert timers.due(999, 10) == []
    (once,) = timers.due(1_000, 10)
    timers.failed(once, 1_000)
    (again,) = timers.due(1_100, 10)
    assert once.member == again.member == "run|deadline"
    timers.fired(again)
    assert timers.take_changes() == {"run|deadline": None}
    assert timers.next_due() is None


def test_a_timer_set_anew_while_it_fires_stays() -> None:
    timers = Timers()
    timers.arm("run", "retry:a", 1_000)
    (firing,) = timers.due(1_000, 10)
    timers.arm("run", "retry:a", 5_000)
    timers.fired(firing)
    assert timers.take_changes() == {"run|retry:a": 5_000}
    assert [due.member for due in timers.due(5_000, 10)] == ["run|retry:a"]


def test_a_dispatch_is_sent_again_with_doubled_patience() -> None:
    out = Out(100, 350)
    out.release("run", "a", 1, "agent", 0)
    waits: list[int] = []
    now = 0
    for _ in range(4):
        (dispatch,) = out.due(now, 10)
        waits.append(dispatch.due_ms - now)
        now = dispatch.due_ms
    assert waits == [100, 200, 350, 350]


def test_a_dispatch_that_failed_is_sent_soon_and_not_counted() -> None:
    out = Out(100_000, 200_000)
    out.release("run", "a", 1, "agent", 0)
    (dispatch,) = out.due(0, 10)
    out.failed(dispatch, 0)
    assert (out.next_due() or 0) <= 1_000
    (again,) = out.due(1_000, 10)
    assert again.wait_ms == 100_000


def test_a_withdrawn_dispatch_frees_its_place() -> None:
    out = Out(100, 200)
    out.release("run", "a", 1, "agent", 0)
    out.release("run", "a", 2, "agent", 0)
    assert out.by_agent["agent"] == 1
    assert {member: change is None for member, change in out.take_changes().items()} == {
        "run/a#1": True,
        "run/a#2": False,
    }
    out.withdraw_run("run")
    assert out.by_agent["agent"] == 0
    assert out.due(10_000, 10) == []


def test_what_was_stored_as_out_is_due_at_once() -> None:
    out = Out(100, 200)
    out.load([("run/step.3#2", 9e12)], [("run/step.3#2", "agent 150")])
    (dispatch,) = out.due(0, 10)
    assert (dispatch.run_id, dispatch.local, dispatch.attempt, dispatch.agent) == (
        "run",
        "step.3",
        2,
        "agent",
    )


def test_ranges_that_follow_each_other_become_one_entry() -> None:
    ready = ReadyQueue()
    ready.add("run", Ready("step", "agent", 1, 0, 5, 1_000))
    ready.add("run", Ready("step", "agent", 1, 5, 1, 2_000))
    changes = ready.take_changes()["agent"]
    assert [member for member, score in changes.items() if score is not None] == ["run|step|1|0|6"]


def test_priority_goes_before_age() -> None:
    ready = ReadyQueue()
    ready.add("old", Ready("step", "agent", 1, None, 1, 1_000, 5))
    ready.add("urgent", Ready("step", "agent", 1, None, 1, 1_000 + PRIORITY_MS // 2, 6))
    members = ready.fronts["agent"].take(float("inf"), 10)
    assert [Range.parse(member).run_id for member in members] == ["urgent", "old"]


def test_batches_below_are_cut_and_gaps_by_nature_are_passed() -> None:
    intake = Intake(nothing, nothing)
    intake.expect(10)
    intake.put(batch(5, [5, 8, 12], 15))
    intake.put(batch(15, [], 18))
    intake.put(batch(18, [20], 21))
    assert offsets_of(intake.take()) == ([12], 15)
    assert offsets_of(intake.take()) == ([], 18)
    assert offsets_of(intake.take()) == ([20], 21)
    assert intake.take() is None


def test_a_batch_from_before_the_seek_is_not_taken_from_above() -> None:
    intake = Intake(nothing, nothing)
    intake.expect(700)
    intake.put(batch(900, [900], 901))
    with pytest.raises(Gap):
        intake.take()


def test_a_full_intake_stops_the_fetching_until_three_quarters_are_folded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake_module, "MOST_RECORDS", 4)
    told: list[str] = []
    intake = Intake(lambda: told.append("pause"), lambda: told.append("resume"))
    intake.expect(0)
    for start in range(6):
        intake.put(batch(start, [start], start + 1))
    assert told == ["pause"]
    for _ in range(4):
        assert told == ["pause"]
        intake.take()
    intake.take()
    assert told == ["pause", "resume"]


def test_a_full_intake_that_is_dropped_is_fetched_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MOST_BYTES", 0)
    told: list[str] = []
    intake = Intake(lambda: told.append("pause"), lambda: told.append("resume"))
    intake.expect(0)
    intake.put(Batch(WHERE, 0, (Record("runs", 0, 0, 0, b"k", b"x", ()),), 1))
    intake.expect(0)
    assert told == ["pause", "resume"]


def test_an_answer_to_an_earlier_firing_leaves_the_timer_that_was_set_since() -> None:
    timers = Timers()
    timers.arm("run", "retry:a", 1_000)
    (first,) = timers.due(1_000, 10)
    timers.take_changes()
    timers.arm("run", "retry:a", 2_000)
    (second,) = timers.due(2_000, 10)
    timers.fired(first)  # late: its record has been folded, which armed the other one
    assert timers.take_changes() == {"run|retry:a": 2_000}
    timers.failed(second, 2_000)
    assert [firing.member for firing in timers.due(3_000, 10)] == ["run|retry:a"]


def test_what_is_out_is_counted_once_however_often_it_is_loaded() -> None:
    out = Out(1_000, 10_000)
    for _ in range(2):  # Redis went away between this read and the next one of the same load
        out.load([("r/a#1", 5.0)], [("r/a#1", "agent 1000")])
    assert out.by_agent["agent"] == 1
    out.withdraw("r", "a")
    assert out.by_agent["agent"] == 0


def nothing() -> None:
    """Stand in for a consumer."""


def test_nothing_is_taken_before_a_position_is_known() -> None:
    intake = Intake(nothing, nothing)
    intake.put(batch(0, [0], 1))
    assert intake.take() is None


def test_the_lanes_clock_is_never_before_a_record_and_does_not_jump_back() -> None:
    steady = [0]
    clock = LaneClock(5_000, lambda: steady[0])
    assert clock.now_ms() == 5_000
    steady[0] = 10
    clock.saw(9_000)
    assert clock.now_ms() == 9_000
    steady[0] = 30
    clock.saw(1_000)
    assert clock.now_ms() == 9_020
