from argosy.agents.time_limit import AFTER_DEADLINE_SECONDS, TimeLimit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_runs() -> None:
    clock = Clock()
    limit = TimeLimit(10, 60, clock)
    clock.now += 4
    assert limit.left() == 6


def test_it_stands_still_while_a_service_is_waited_for() -> None:
    clock = Clock()
    limit = TimeLimit(10, 60, clock)
    with limit.paused(), limit.paused():
        clock.now += 20
        assert limit.left() == 10
    clock.now += 4
    assert limit.left() == 6


def test_the_deadline_of_the_task_is_never_moved() -> None:
    clock = Clock()
    limit = TimeLimit(10, 15, clock)
    with limit.paused():
        clock.now += 14
        assert limit.left() == 1
        clock.now += 2
        assert limit.left() < 0


def test_lifted_only_the_deadline_of_the_task_counts() -> None:
    clock = Clock()
    limit = TimeLimit(10, 60, clock)
    clock.now += 12
    assert limit.left() == -2
    limit.lift()
    assert limit.left() == 48


def test_it_says_whose_time_is_over() -> None:
    clock = Clock()
    limit = TimeLimit(10, 15, clock)
    over_by: list[str] = []
    for seconds in (12, 3):
        clock.now += seconds
        over_by.append(limit.over_by)
    assert over_by == ["limit", "deadline"]


def test_it_says_that_the_deadline_has_passed_while_the_handler_is_still_let_run_on() -> None:
    clock = Clock()
    limit = TimeLimit(10, 60 + AFTER_DEADLINE_SECONDS, clock)
    clock.now += 59
    assert not limit.deadline_passed
    clock.now += 1
    assert limit.deadline_passed
    limit.lift()
    assert limit.deadline_passed
    assert limit.left() == AFTER_DEADLINE_SECONDS
