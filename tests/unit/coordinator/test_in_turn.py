"""Places in a run's line: each is first when all before it are over, in whatever order they end."""

from itertools import permutations

import pytest

from argosy.coordinator.in_turn import InTurn


def test_the_first_of_a_run_waits_for_nobody_and_runs_do_not_wait_for_each_other() -> None:
    line = InTurn()
    one, other = line.join(b"a"), line.join(b"b")
    assert one.first.is_set()
    assert other.first.is_set()
    line.leave(one)
    assert b"a" not in line
    assert b"b" in line


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_place_is_first_when_all_before_it_are_over(order: tuple[int, ...]) -> None:
    line, over = InTurn(), set[int]()
    places = [line.join(b"a") for _ in range(4)]
    for number in order:
        line.leave(places[number])
        over.add(number)
        for other, place in enumerate(places):
            assert place.first.is_set() == (set(range(other)) <= over)
    assert b"a" not in line
    assert line.join(b"a").first.is_set()


def test_who_comes_while_the_last_is_over_and_the_first_is_not_waits_for_the_first() -> None:
    line = InTurn()
    first, last = line.join(b"a"), line.join(b"a")
    line.leave(last)
    late = line.join(b"a")
    assert not late.first.is_set()
    line.leave(first)
    assert late.first.is_set()
