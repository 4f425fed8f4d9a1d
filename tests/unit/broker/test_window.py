"""The window: when a partition is paused and when it goes on."""

from argosy.broker.log import Partition
from argosy.broker.window import Flow, Held, Window

A, B = Partition("t", 0), Partition("t", 1)
WINDOW = Window(records=10, per_partition=6, bytes=1_000)


def test_a_full_partition_is_paused_alone() -> None:
    assert WINDOW.flow({A: Held(6), B: Held(1)}, set()) == Flow(pause=(A,))


def test_a_full_worker_pauses_everything() -> None:
    assert WINDOW.flow({A: Held(5), B: Held(5)}, set()) == Flow(pause=(A, B))
    assert WINDOW.flow({A: Held(1, 999), B: Held(1, 1)}, set()) == Flow(pause=(A, B))


def test_a_partition_goes_on_at_half_of_its_bound_not_below_it() -> None:
    assert WINDOW.flow({A: Held(4), B: Held()}, {A}) == Flow()
    assert WINDOW.flow({A: Held(3), B: Held()}, {A}) == Flow(resume=(A,))


def test_nothing_goes_on_before_the_worker_is_half_empty() -> None:
    assert WINDOW.flow({A: Held(6), B: Held()}, {A, B}) == Flow()
    assert WINDOW.flow({A: Held(5), B: Held()}, {A, B}) == Flow(resume=(B,))
    assert WINDOW.flow({A: Held(1, 501), B: Held()}, {A, B}) == Flow()


def test_one_message_larger_than_the_window_still_comes_through() -> None:
    window = Window(records=10, per_partition=6, bytes=10)
    assert window.flow({A: Held(1, 5_000)}, set()) == Flow(pause=(A,))
    assert window.flow({A: Held(0, 0)}, {A}) == Flow(resume=(A,))


def test_bounds_of_one_let_work_through() -> None:
    window = Window(records=1, per_partition=1, bytes=1)
    assert window.flow({A: Held(1, 1), B: Held()}, set()) == Flow(pause=(A, B))
    assert window.flow({A: Held(), B: Held()}, {A, B}) == Flow(resume=(A, B))


def test_what_is_right_already_is_not_said_again() -> None:
    assert WINDOW.flow({A: Held(9), B: Held()}, {A}) == Flow()
    assert WINDOW.flow({A: Held(2), B: Held()}, set()) == Flow()
    assert WINDOW.flow({}, set()) == Flow()
