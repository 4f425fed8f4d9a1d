"""What waits, what is open, what may be committed, and when partitions are paused."""

from collections.abc import Iterable, Mapping, Sequence

import pytest

from argosy.agents.intake import Intake
from argosy.broker import offsets
from argosy.broker.log import Batch, Partition, Record
from argosy.broker.window import Window
from argosy.schemas.errors import StaleGeneration, Unreachable

P0, P1 = Partition("tasks", 0), Partition("tasks", 1)


class Consumer:
    """The few calls of a consumer that an intake makes."""

    def __init__(self) -> None:
        self.paused: set[Partition] = set()
        self.commits: list[dict[Partition, int]] = []
        self.error: Exception | None = None
        self.asked = 0

    def pause(self, partitions: Sequence[Partition]) -> None:
        self.paused.update(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        self.paused.difference_update(partitions)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        if self.error is not None:
            raise self.error
        self.commits.append(dict(offsets))

    async def committed(self, partition: Partition) -> int | None:
        return {P0: 3}.get(partition)

    async def all_edges(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        self.asked += 1
        return {partition: (5, 10) if partition == P0 else (0, 4) for partition in partitions}


class Owner:
    def __init__(self) -> None:
        self.told, self.lost = 0, 0

    def brought(self) -> None:
        self.told += 1

    def gone(self) -> None:
        self.lost += 1


class Floor:
    def __init__(self, *, records: int = 100, per_partition: int = 4, size: int = 10**6) -> None:
        self.consumer, self.owner = Consumer(), Owner()
        window = Window(records, per_partition, size)
        self.intake = Intake(self.consumer, window, self.owner, lambda: 1.0)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] (only what it calls)

    async def bring(self, partition: Partition, start: int, count: int) -> None:
        records = tuple(
            Record(partition.topic, partition.number, start + n, 0, b"k", b"v" * 99, ()) for n in range(count)
        )
        await self.intake.took(Batch(partition, start, records, start + count))


async def opened(**window: int) -> Floor:
    floor = Floor(**window)
    await floor.intake.assigned([P0, P1], 1)
    return floor


async def test_a_commit_takes_the_finished_prefix() -> None:
    floor = await opened()
    await floor.bring(P0, 0, 3)
    first, second, third = (floor.intake.next() for _ in range(3))
    floor.intake.finish(third.copy)
    await floor.intake.commit()
    assert floor.consumer.commits == []
    floor.intake.finish(first.copy)
    await floor.intake.commit()
    floor.intake.finish(second.copy)
    await floor.intake.commit()
    await floor.intake.commit()
    assert floor.consumer.commits == [{P0: 1}, {P0: 3}]


async def test_what_an_older_assignment_finishes_moves_nothing() -> None:
    floor = await opened()
    await floor.bring(P0, 0, 1)
    old = floor.intake.next()
    await floor.intake.revoked([P0, P1])
    assert floor.owner.lost == 1
    await floor.intake.assigned([P0], 2)
    await floor.bring(P0, 0, 1)
    floor.intake.finish(old.copy)
    await floor.intake.commit()
    assert floor.consumer.commits == []
    assert not floor.intake.parked(old.copy)
    floor.intake.finish(floor.intake.next().copy)
    await floor.intake.commit()
    assert floor.consumer.commits == [{P0: 1}]


async def test_a_batch_of_a_partition_that_went_is_dropped() -> None:
    floor = await opened()
    await floor.intake.revoked([P0, P1])
    await floor.bring(P0, 0, 2)
    assert len(floor.intake) == 0


async def test_a_full_partition_is_paused_and_goes_on_at_half() -> None:
    floor = await opened(per_partition=4)
    await floor.bring(P0, 0, 4)
    assert floor.consumer.paused == {P0}
    taken = [floor.intake.next() for _ in range(4)]
    floor.intake.finish(taken[0].copy)
    assert floor.consumer.paused == {P0}
    floor.intake.finish(taken[1].copy)
    assert floor.consumer.paused == set()


async def test_bytes_and_the_whole_worker_have_bounds_too() -> None:
    floor = await opened(size=300)
    await floor.bring(P0, 0, 3)
    assert floor.consumer.paused == {P0, P1}
    floor = await opened(records=2)
    await floor.bring(P1, 0, 2)
    assert floor.consumer.paused == {P0, P1}


async def test_what_is_parked_gives_its_room_back() -> None:
    floor = await opened(per_partition=2)
    await floor.bring(P0, 0, 2)
    waiting = [floor.intake.next() for _ in range(2)]
    for one in waiting:
        assert floor.intake.parked(one.copy)
    assert floor.consumer.paused == set()
    assert floor.intake.open == 2
    floor.intake.back(waiting[0])
    assert floor.intake.next() is waiting[0]


async def test_orders_of_a_lane_that_is_not_live_keep_nobody_waiting() -> None:
    floor = await opened(per_partition=10)
    await floor.bring(P0, 0, 4)
    not_live, busy = floor.intake.next(), floor.intake.next()
    not_live.last = True
    for parked in (not_live, busy):
        assert floor.intake.parked(parked.copy)
        floor.intake.back(parked)
    assert [floor.intake.next().copy.offset for _ in range(4)] == [1, 2, 3, 0]


async def test_while_the_parking_is_full_nothing_is_fetched() -> None:
    floor = await opened()
    floor.intake.full = True
    floor.intake.regulate()
    assert floor.consumer.paused == {P0, P1}
    floor.intake.full = False
    floor.intake.regulate()
    assert floor.consumer.paused == set()


async def test_closed_it_takes_nothing_and_still_commits() -> None:
    floor = await opened()
    await floor.bring(P0, 0, 2)
    first = floor.intake.next()
    floor.intake.close()
    assert floor.consumer.paused == {P0, P1}
    await floor.bring(P0, 2, 1)
    assert len(floor.intake) == 0
    floor.intake.finish(first.copy)
    await floor.intake.commit()
    assert floor.consumer.commits == [{P0: 1}]


async def test_a_commit_that_fails_is_made_again() -> None:
    floor = await opened()
    await floor.bring(P0, 0, 1)
    floor.intake.finish(floor.intake.next().copy)
    for error in (StaleGeneration("not a member"), Unreachable("away")):
        floor.consumer.error = error
        await floor.intake.commit()
    floor.consumer.error = None
    await floor.intake.commit()
    assert floor.consumer.commits == [{P0: 1}]


async def test_what_a_late_commit_set_back_is_committed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "LOOK_SECONDS", 0.0)
    floor = await opened()
    await floor.bring(P0, 0, 5)
    await floor.bring(P1, 0, 1)
    await floor.intake.put_right()
    for _ in range(5):
        floor.intake.finish(floor.intake.next().copy)
    await floor.intake.commit()
    await floor.intake.put_right()  # the group has 3 of P0, and nothing of P1
    assert floor.consumer.commits == [{P0: 5}, {P0: 5}]


async def test_lag_is_counted_from_what_was_received_or_committed_or_kept() -> None:
    floor = await opened()
    assert await floor.intake.lagging() == 5 + 4  # 3 was committed, but the log begins at 5
    await floor.bring(P0, 5, 2)
    assert await floor.intake.lagging() == 5 + 4
    for _ in range(2):
        floor.intake.finish(floor.intake.next().copy)
    assert await floor.intake.lagging() == 3 + 4


async def test_the_lag_of_all_partitions_is_asked_for_at_once_and_of_none_not_at_all() -> None:
    floor = await opened()
    assert await floor.intake.unfinished() == 5 + 4
    assert floor.consumer.asked == 1
    await floor.intake.revoked([P0, P1])
    assert await floor.intake.unfinished() == 0
    assert floor.consumer.asked == 1
