"""What a worker says of its last minute: by partition, over rebalances, with idle time told apart."""

from argosy.agents.pace import Pace
from argosy.broker.log import Batch, Partition, Record
from argosy.broker.offsets import Tracker

P0 = Partition("t", 0)


def tracker(epoch: int, count: int) -> Tracker:
    made = Tracker(epoch)
    made.took(Batch(P0, 0, tuple(Record("t", 0, offset, 1, b"", b"", ()) for offset in range(count)), count))
    return made


def test_what_is_finished_is_told_for_a_minute_and_by_partition() -> None:
    pace, one = Pace(0.0), tracker(1, 10)
    assert pace.look(0.5, {0: one}).seconds == 0.0  # too early to say anything
    one.finish(1, 0)
    one.finish(1, 5)
    told = pace.look(10.0, {0: one, 1: Tracker(1)})
    assert (told.parts[0].next, told.parts[0].open, told.parts[0].done) == (10, 8, 2)
    assert (told.parts[1].next, told.parts[1].open, told.parts[1].done) == (-1, 0, 0)
    assert (told.done, told.seconds, told.busy_seconds) == (2, 10.0, 10.0)
    assert pace.look(10.1, {0: one}).done == 2  # asked again at once
    assert pace.look(69.0, {0: one}).done == 2
    assert pace.look(71.0, {0: one}).done == 0


def test_a_new_assignment_is_counted_from_its_beginning_and_what_went_away_stays_away() -> None:
    pace, one = Pace(0.0), tracker(1, 10)
    one.finish(1, 0)
    pace.look(5.0, {0: one})
    assert pace.look(10.0, {}).parts == {}
    again = tracker(2, 10)
    again.finish(2, 0)
    assert pace.look(15.0, {0: again}).parts[0].done == 2


def test_time_with_nothing_to_do_is_no_time_of_work() -> None:
    pace, one = Pace(0.0), tracker(1, 2)
    pace.look(10.0, {0: one})
    for offset in range(2):
        one.finish(1, offset)
    pace.look(20.0, {0: one})
    told = pace.look(50.0, {0: one})
    assert (told.done, told.seconds, told.busy_seconds) == (2, 50.0, 20.0)


def test_looks_are_bounded_however_often_it_is_asked() -> None:
    pace, one = Pace(0.0), tracker(1, 1)
    for tenth in range(5_000):
        pace.look(tenth / 10, {0: one})
    assert len(pace._looks) <= 62  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - its bound is the point
