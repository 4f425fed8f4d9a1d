import pytest

from argosy.agents.parking import Parking, Why, seconds_of


def test_what_is_due_comes_out_in_the_order_of_its_time() -> None:
    parking: Parking[str] = Parking(most=10)
    parking.park("late", "busy", 5.0)
    parking.park("soon", "suspect", 1.0)
    assert parking.next_due() == 1.0
    assert parking.due(0.5) == []
    assert parking.due(6.0) == ["soon", "late"]
    assert len(parking) == 0
    assert parking.next_due() is None


@pytest.mark.parametrize("why", ["not_yet", "expired"])
def test_above_the_cap_the_oldest_that_are_told_again_are_given_out(why: Why) -> None:
    parking: Parking[int] = Parking(most=2)
    assert parking.park(1, why, 9.0) == []
    assert parking.park(2, why, 1.0) == []
    assert parking.park(3, why, 2.0) == [1]
    assert parking.due(10.0) == [2, 3]


def test_above_the_cap_nothing_else_is_ever_given_out() -> None:
    parking: Parking[int] = Parking(most=1)
    parking.park(1, "busy", 1.0)
    assert parking.park(2, "suspect", 1.0) == []
    assert len(parking) == 2


@pytest.mark.parametrize("why", ["not_yet", "expired"])
def test_it_is_full_of_what_must_be_kept_and_never_of_what_is_told_again(why: Why) -> None:
    parking: Parking[int] = Parking(most=2)
    for n in range(5):
        parking.park(n, why, 9.0)
    assert (len(parking), parking.full) == (2, False)
    parking.park(5, "busy", 1.0)
    assert not parking.full
    parking.park(6, "suspect", 9.0)
    assert parking.full
    assert parking.due(1.0) == [5]
    assert not parking.full
    parking.park(7, "busy", 9.0)
    parking.clear()
    assert not parking.full


def test_a_parked_one_that_came_due_is_no_longer_the_oldest() -> None:
    parking: Parking[int] = Parking(most=2)
    parking.park(1, "not_yet", 1.0)
    assert parking.due(1.0) == [1]
    parking.park(2, "not_yet", 2.0)
    parking.park(3, "not_yet", 2.0)
    assert parking.park(4, "not_yet", 2.0) == [2]


def test_cleared_means_forgotten() -> None:
    parking: Parking[int] = Parking(most=2)
    parking.park(1, "not_yet", 1.0)
    parking.clear()
    assert len(parking) == 0
    assert parking.due(9.0) == []


@pytest.mark.parametrize(("why", "first", "most"), [("not_yet", 0.15, 2.0), ("expired", 2.0, 60.0)])
def test_who_is_parked_again_and_again_asks_less_often(why: Why, first: float, most: float) -> None:
    waits = [seconds_of(why, parks) for parks in range(20)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-2], waits[-1]) == (first, most, most)
