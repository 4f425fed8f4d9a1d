"""Receivers: from the inbox to the run log. An ordinary consumer group.

It holds no state, and its duplicates are harmless.

A record's offset is committed only when what it became has been acknowledged by Kafka, and never past one
that waits.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from typing import Final

from argosy.broker.log import Batch, Consumer, Partition, Record
from argosy.broker.offsets import Told, Tracker, told_of
from argosy.coordinator.in_turn import InTurn, Place
from argosy.coordinator.inbox_record import InboxRecord, Judged
from argosy.schemas.envelope import type_of
from argosy.schemas.errors import ArgosyError, StaleGeneration
from argosy.schemas.inbox import BudgetAnswered, SignalSent
from argosy.telemetry import logs

MOST_OPEN: Final = 2_000
"""Records of one partition that are being judged or wait, above which it is paused."""
_COMMIT_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.5
_BETWEEN_SECONDS: Final = 0.5
_FOLLOWS: Final = frozenset(type_of(message.KIND).encode() for message in (SignalSent, BudgetAnswered))
"""What is lost on a run that nobody knows yet. A cancel is not: it is kept until its run comes."""
_AT_ONCE: Final = 32
"""Records that are judged before others have a turn: some milliseconds."""


class Receivers:
    """All inbox partitions of this process (a `Subscriber`)."""

    def __init__(
        self, consumer: Consumer, judge: InboxRecord, group: asyncio.TaskGroup, stop: asyncio.Event
    ) -> None:
        """`group` owns the judging of each record; after `stop` no more are begun."""
        self._consumer, self._judge, self._group, self._stop = consumer, judge, group, stop
        self._trackers: dict[Partition, Tracker] = {}
        self._paused: set[Partition] = set()
        self._finished = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived: deque[tuple[Tracker, Record]] = deque()
        self._in_turn = InTurn()
        self._judging = False
        self._told = Told(consumer)

    async def assigned(self, partitions: Sequence[Partition], epoch: int) -> None:
        """See `log.Subscriber`."""
        self._trackers = {partition: Tracker(epoch) for partition in partitions}
        self._paused.clear()

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        """Commit what is done; what isn't is judged again by whoever gets the partition."""
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self._commit()
        except (TimeoutError, ArgosyError) as error:
            logs.get("argosy.receiver").info("offsets not committed", error=str(error))
        for partition in partitions:
            self._trackers.pop(partition, None)

    async def took(self, batch: Batch) -> None:
        """Begin to judge every record of a batch. No signal and no answer overtakes what came before it of its run."""
        tracker = self._trackers.get(batch.partition)
        if tracker is None or self._stop.is_set():
            return
        self._arrived.extend((tracker, record) for record in tracker.took(batch))
        if not self._judging and self._arrived:
            self._judging = self._begin(self._judge_all(), "receive")
        if tracker.open > MOST_OPEN:
            self._paused.add(batch.partition)
            self._consumer.pause([batch.partition])

    async def run(self) -> None:
        """Commit as records are finished, until the stop; then give up what still waits."""
        try:
            while not self._stop.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._finished.wait()
                self._finished.clear()
                await self._commit_or_not()
                self._resume()
                with contextlib.suppress(TimeoutError):  # a commit costs as much as judging ten submits
                    async with asyncio.timeout(_BETWEEN_SECONDS):
                        await self._stop.wait()
        finally:
            for task in self._tasks:
                task.cancel()

    def _begin(self, work: Coroutine[None, None, None], name: str) -> bool:
        try:
            task = self._group.create_task(work, name=name)
        except RuntimeError:  # the group is being cancelled: somebody else will read the record again
            work.close()
            return False
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _judge_all(self) -> None:
        """Judge what has arrived, and what arrives meanwhile; what has to wait for somebody does so on its own."""
        while self._arrived:
            passed: list[tuple[Tracker, Judged, Place]] = []
            for _ in range(min(_AT_ONCE, len(self._arrived))):
                tracker, record = self._arrived.popleft()
                run, follows = _run_and_follows(record)
                waits = follows and run in self._in_turn
                judged = None if waits else await self._judge.at_once(record)
                place = self._in_turn.join(run)
                if judged is None:
                    self._receive(tracker, record, place)
                else:
                    passed.append((tracker, judged, place))
            if passed:
                self._begin(self._append(passed), f"append {len(passed)} to the run log")
            await asyncio.sleep(0)  # others have a turn
        self._judging = False

    async def _append(self, passed: Sequence[tuple[Tracker, Judged, Place]]) -> None:
        again = {id(record) for record in await self._judge.append([judged for _, judged, _ in passed])}
        for tracker, judged, place in passed:
            if id(judged.inbox) in again:
                self._receive(tracker, judged.inbox, place)
            else:
                self._over(tracker, judged.inbox, place)

    def _receive(self, tracker: Tracker, record: Record, place: Place) -> None:
        self._begin(self._one(tracker, record, place), f"receive {record.partition}/{record.offset}")

    async def _one(self, tracker: Tracker, record: Record, place: Place) -> None:
        if _run_and_follows(record)[1]:
            await place.first.wait()
        await self._judge.receive(record)
        self._over(tracker, record, place)

    def _over(self, tracker: Tracker, record: Record, place: Place) -> None:
        tracker.finish(tracker.epoch, record.offset)
        self._in_turn.leave(place)
        self._finished.set()

    async def _commit_or_not(self) -> None:
        try:
            await self._commit()
            await self._told.put_right(told_of(self._trackers))
        except StaleGeneration:
            pass  # the partitions are going; others will read these records again
        except ArgosyError as error:
            logs.get("argosy.receiver").warning("offsets not committed", error=str(error))

    async def _commit(self) -> None:
        trackers: Mapping[Partition, Tracker] = dict(self._trackers)
        offsets = {
            partition: offset
            for partition, tracker in trackers.items()
            if (offset := tracker.to_commit()) is not None
        }
        if offsets:
            await self._consumer.commit(offsets)
            for partition, offset in offsets.items():
                trackers[partition].committed(offset)

    def _resume(self) -> None:
        low = [
            partition
            for partition in self._paused
            if (tracker := self._trackers.get(partition)) is None or tracker.open < MOST_OPEN // 2
        ]
        self._paused.difference_update(low)
        if low:
            self._consumer.resume(low)


def _run_and_follows(record: Record) -> tuple[bytes, bool]:
    """Say whose a record is (its key is advice only), and whether it must not overtake anything of its run."""
    run, follows = b"", False
    for name, value in record.headers:
        if name == "ce_subject":
            run = value or b""
        elif name == "ce_type":
            follows = value in _FOLLOWS
    return run, follows
