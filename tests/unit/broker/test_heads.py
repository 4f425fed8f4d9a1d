"""How far a partition is looked through: by number, by size, to the end as it was, over control records."""

from argosy.broker.heads import MOST_BYTES, Looked
from argosy.broker.log import Record


def records(*offsets: int, size: int = 1) -> list[Record]:
    return [Record("t", 0, offset, 1, None, b"x" * size, ()) for offset in offsets]


def test_it_stops_at_the_number_and_goes_on_after_the_last_one_taken() -> None:
    looked = Looked(0, 100)
    assert looked.take(records(0, 1, 4, 5), 6, 3)
    assert ([each.offset for each in looked.records], looked.next) == ([0, 1, 4], 5)


def test_it_stops_at_the_end_as_it_was_whatever_came_since() -> None:
    looked = Looked(0, 3)
    assert looked.take(records(0, 1, 3, 4), 5, 10)
    assert ([each.offset for each in looked.records], looked.next) == ([0, 1], 3)


def test_control_records_move_the_position_alone() -> None:
    looked = Looked(0, 9)
    assert not looked.take([], 2, 10)
    assert looked.next == 2
    assert not looked.take(records(2, 3), 5, 10)
    assert looked.next == 5
    assert looked.take([], 9, 10)
    assert (len(looked.records), looked.next) == (2, 9)


def test_a_few_large_records_are_enough() -> None:
    looked = Looked(0, 1_000)
    assert looked.take(records(0, 1, size=MOST_BYTES // 2), 2, 100)
