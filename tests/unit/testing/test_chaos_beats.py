"""Each slot of a schedule has its one run: what the judge of chaos runs takes for a broken promise, and what not."""

from argosy.pipelines.schedule import Schedule
from argosy.schemas.runlog import RunEnded
from argosy.testing.chaos_beats import beat, beaten, turn
from argosy.testing.chaos_runs import RunSeen

FIRST_MS = 1_790_000_004_000
"""A slot of both."""
ENDED = RunEnded(outcome="succeeded", data_hash="h")


def _run(began_ms: int, ended_ms: int | None) -> RunSeen:
    run = RunSeen(accepted=1, accepted_ms=began_ms)
    if ended_ms is not None:
        run.ended, run.ended_ms, run.answered_ms = ENDED, ended_ms, ended_ms
    return run


def _runs(schedule: Schedule[int], seconds: dict[int, tuple[int, int | None]]) -> dict[str, RunSeen]:
    return {
        schedule.run_id(FIRST_MS + 1000 * slot): _run(
            FIRST_MS + began, None if ended is None else FIRST_MS + ended
        )
        for slot, (began, ended) in seconds.items()
    }


def test_slots_without_a_gap_are_right_whenever_they_ran() -> None:
    runs = _runs(beat, {0: (5, 90), 2: (9_000, 9_100), 4: (4_005, None)})
    runs |= _runs(turn, {0: (5, 90), 3: (3_000, 7_000), 6: (7_000, 7_500)}) | {"run-7": _run(1, None)}
    found = beaten(runs, {"beat": FIRST_MS + 4000, "turn": FIRST_MS + 6000})
    assert (found.broken, found.checked) == (0, 2 + 2 + 1)


def test_a_slot_that_never_ran_is_told_also_the_last_one_that_was_noted() -> None:
    runs = _runs(beat, {0: (5, 90), 4: (4_005, 4_100)})
    found = beaten(runs, {"beat": FIRST_MS + 6000})
    assert found.told == [f"{beat.run_id(FIRST_MS + 1000 * slot)} never ran" for slot in (2, 6)]


def test_before_a_first_run_has_ended_a_schedule_may_begin_anew() -> None:
    assert beaten(_runs(beat, {0: (5, None), 4: (4_005, 4_100)}), {}).told == []
    assert beaten(_runs(beat, {0: (5, None), 4: (4_005, None)}), {}).checked == 0


def test_a_run_that_did_not_wait_for_the_one_before_is_told() -> None:
    found = beaten(_runs(turn, {0: (5, 90), 3: (3_000, 6_500), 6: (6_400, 6_600)}), {})
    assert found.told == [f"{turn.run_id(FIRST_MS + 6000)} began before the run of the slot before ended"]


def test_a_schedule_that_redis_forgot_before_a_first_result_may_leave_slots_out_and_wait_for_none() -> None:
    found = beaten(_runs(turn, {0: (5, 12_500), 12: (12_000, 13_000), 15: (15_000, 15_500)}), {})
    assert (found.broken, found.checked) == (0, 1)
