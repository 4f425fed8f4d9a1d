from argosy.testing.chaos_recovery import baseline, recoveries


def _steady(many: int, seconds: int) -> dict[int, int]:
    return dict.fromkeys(range(seconds), many)


def test_the_usual_throughput_is_the_median_of_the_calm() -> None:
    assert baseline({**_steady(100, 20), 4: 0}, 3, 20) == 100.0


def test_recovery_is_the_time_until_a_window_is_back_at_ninety_per_cent() -> None:
    settled = _steady(100, 60)
    for second in range(22, 27):
        settled[second] = 0
    (found,) = recoveries(settled, 100.0, [(1, 20, 60)], 60)
    assert found.seconds == 7.0


def test_a_fault_that_shows_nowhere_was_recovered_from_at_once() -> None:
    (found,) = recoveries(_steady(95, 60), 100.0, [(1, 20, 60)], 60)
    assert found.seconds == 0.0


def test_what_is_not_back_before_the_next_fault_is_not_said_to_be() -> None:
    settled = {**_steady(100, 20), **dict.fromkeys(range(20, 60), 10)}
    (found,) = recoveries(settled, 100.0, [(1, 20, 40)], 60)
    assert found.seconds is None
