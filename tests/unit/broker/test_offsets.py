"""The offset tracker: a commit never passes unfinished work."""

from collections.abc import Mapping
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.broker import offsets
from argosy.broker.log import Batch, Consumer, Partition, Record
from argosy.broker.offsets import LOOK_SECONDS, Told, Tracker

WHERE = Partition("t", 0)


def batch(start: int, numbers: list[int], following: int | None = None) -> Batch:
    records = tuple(Record("t", 0, offset, 0, None, None, ()) for offset in numbers)
    return Batch(WHERE, start, records, following if following is not None else (numbers or [start])[-1] + 1)


def test_only_the_contiguous_finished_prefix_may_be_committed() -> None:
    tracker = Tracker(1)
    tracker.took(batch(0, [0, 1, 2, 3]))
    assert tracker.to_commit() is None
    tracker.finish(1, 1)
    tracker.finish(1, 3)
    assert (tracker.committable, tracker.to_commit(), tracker.open) == (0, None, 2)
    tracker.finish(1, 0)
    assert tracker.to_commit() == 2
    tracker.finish(1, 2)
    assert (tracker.to_commit(), tracker.open) == (4, 0)


class Group:
    """The calls of a consumer that `Told` makes."""

    def __init__(self, has: dict[Partition, int]) -> None:
        self.has, self.asked = has, 0

    async def committed(self, partition: Partition) -> int | None:
        self.asked += 1
        return self.has.get(partition)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.has |= offsets


async def test_what_a_late_commit_set_back_is_put_right_and_what_somebody_deleted_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = Group({Partition("t", 0): 3, Partition("t", 1): 9, Partition("t", 2): 5})
    told = Told(cast("Consumer", group))
    monkeypatch.setattr(offsets, "LOOK_SECONDS", 0.0)
    await told.put_right({Partition("t", number): 5 for number in range(4)})
    assert group.has == {Partition("t", 0): 5, Partition("t", 1): 9, Partition("t", 2): 5}


async def test_a_group_is_looked_at_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    group = Group({})
    told = Told(cast("Consumer", group))
    asked: list[int] = []
    for now in (10.0, 9 + LOOK_SECONDS, 10 + LOOK_SECONDS, 11 + LOOK_SECONDS, 10 + 2 * LOOK_SECONDS):  # noqa: B007
        await told.put_right({WHERE: 5})
        asked.append(group.asked)
    assert asked == [0, 0, 1, 1, 2]


def test_gaps_between_received_offsets_are_no_work() -> None:
    tracker = Tracker(1)
    tracker.took(batch(10, [12, 17], 20))
    tracker.finish(1, 12)
    assert tracker.to_commit() == 17
    tracker.finish(1, 17)
    assert tracker.to_commit() == 20
    tracker.took(batch(20, [], 22))
    assert tracker.to_commit() == 22


def test_what_an_older_assignment_finishes_moves_nothing() -> None:
    tracker = Tracker(2)
    tracker.took(batch(0, [0, 1]))
    assert not tracker.finish(1, 0)
    assert tracker.committable == 0
    assert tracker.finish(2, 0)


def test_an_offset_is_finished_once_and_an_unknown_one_never() -> None:
    tracker = Tracker(1)
    tracker.took(batch(0, [0]))
    assert not tracker.finish(1, 5)
    assert tracker.finish(1, 0)
    assert not tracker.finish(1, 0)


def test_records_that_come_again_are_left_out() -> None:
    tracker = Tracker(1)
    tracker.took(batch(0, [0, 1, 2]))
    tracker.finish(1, 1)
    assert [record.offset for record in tracker.took(batch(1, [1, 2, 3]))] == [3]
    assert tracker.open == 3


def test_nothing_is_committed_twice_and_late_answers_dont_set_back() -> None:
    tracker = Tracker(1)
    tracker.took(batch(0, [0, 1]))
    tracker.finish(1, 0)
    tracker.committed(1)
    assert tracker.to_commit() is None
    tracker.finish(1, 1)
    tracker.committed(2)
    tracker.committed(1)
    assert tracker.to_commit() is None


def test_before_the_first_batch_there_is_nothing_to_commit() -> None:
    tracker = Tracker(1)
    assert tracker.committable is None
    assert tracker.to_commit() is None


@given(st.lists(st.integers(1, 3), min_size=1, max_size=40), st.data())
def test_the_commit_is_the_lowest_open_offset_whatever_the_order(
    steps: list[int], data: st.DataObject
) -> None:
    offsets = [sum(steps[: index + 1]) for index in range(len(steps))]
    tracker, done = Tracker(1), set[int]()
    tracker.took(batch(0, offsets))
    for offset in data.draw(st.permutations(offsets)):
        tracker.finish(1, offset)
        done.add(offset)
        lowest = next((one for one in offsets if one not in done), offsets[-1] + 1)
        assert tracker.committable == lowest
    assert tracker.open == 0
