"""What one agent's consumer brought: records that wait, offsets that are open, and how far a commit may go.

Offsets carry the epoch of their assignment: what an older one finishes moves nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from argosy.agents.order import Copy, Order
from argosy.agents.pace import Pace
from argosy.agents.running import NO_USAGE
from argosy.broker.log import Batch, Consumer, Partition, Record
from argosy.broker.offsets import Told, Tracker, told_of
from argosy.broker.presence import Progress
from argosy.broker.task_tokens import mean_tokens
from argosy.broker.window import Held, Window
from argosy.schemas.chat import Usage
from argosy.schemas.errors import Refused, StaleGeneration, Unreachable
from argosy.telemetry import logs

_SAMPLE: Final = 10
"""Messages that are decoded, now and then, to tell how many tokens wait."""
_REVOKE_SECONDS: Final = 3.0
"""The group waits for us meanwhile."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A record that waits for a slot; decoded when it was claimed once before, and was parked."""

    copy: Copy
    record: Record | None
    order: Order | None = None
    parks: int = 0
    """How often it was parked."""
    waits: int = 0
    """How often it gave its slot away to wait for a service."""
    last: bool = False
    """When it comes back it goes behind all others: it asks for what may take long."""
    usage: Usage = NO_USAGE
    """What a delivery of it here had spent before it was parked: the next one settles that too."""

    @property
    def appended_ms(self) -> int:
        """When its message was appended."""
        if self.order is not None:
            return self.order.appended_ms
        return 0 if self.record is None else self.record.timestamp_ms


@dataclass(slots=True, eq=False)
class _Part:
    tracker: Tracker
    records: int = 0
    bytes: int = 0


class Owner(Protocol):
    """Who works on what the intake brings."""

    def brought(self) -> None:
        """Say that something waits."""
        ...

    def gone(self) -> None:
        """Say that the partitions went: forget what is parked, whoever gets them reads it again."""
        ...


class Intake:
    """The `Subscriber` of one agent's consumer. It keeps records and gives them out; it does no work."""

    def __init__(self, consumer: Consumer, window: Window, owner: Owner, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self._consumer, self._window, self._owner, self._clock = consumer, window, owner, clock
        self._parts: dict[Partition, _Part] = {}
        self._waiting: deque[Waiting] = deque()
        self._paused: set[Partition] = set()
        self._records = self._bytes = 0
        """Held in all parts: waiting for a slot, or in work."""
        self._low = True
        self._closed = False
        self.full = False
        """Set by the owner while its parking is full: then nothing is fetched."""
        self.epoch = 0
        self._moved_at, self._moved = clock(), False
        self._told = Told(consumer)
        self._pace = Pace(clock())

    # -- the consumer's loop calls these, one at a time

    async def assigned(self, partitions: Sequence[Partition], epoch: int) -> None:
        """Begin anew with these partitions."""
        self.epoch, self._moved = epoch, True
        self._parts = {partition: _Part(Tracker(epoch)) for partition in partitions}
        self._records = self._bytes = 0
        self._paused.clear()
        if self._closed:
            self._consumer.pause(tuple(partitions))
        logs.get("argosy.worker").info("assigned", partitions=len(partitions), epoch=epoch)

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        """Commit what is finished and forget the rest; handlers go on, their records are of an old epoch."""
        try:
            async with asyncio.timeout(_REVOKE_SECONDS):
                await self.commit()
        except TimeoutError:
            logs.get("argosy.worker").warning(
                "a commit at a rebalance got no answer", partitions=len(partitions)
            )
        self._parts.clear()
        self._records = self._bytes = 0
        self._paused.clear()
        self._waiting.clear()
        self._owner.gone()

    async def took(self, batch: Batch) -> None:
        """Keep a batch."""
        part = self._parts.get(batch.partition)
        if part is None:
            return
        records = part.tracker.took(batch)
        epoch, total = part.tracker.epoch, 0
        for record in records:
            size = len(record.value or b"") + len(record.key or b"")
            total += size
            if not self._closed:
                self._waiting.append(Waiting(Copy(epoch, batch.partition, record.offset, size), record))
        self._add(part, len(records), total)
        if batch.records:
            self._moved = True
            self._low = self._is_low()
            self.regulate()
            self._owner.brought()

    # -- the owner calls these

    def __len__(self) -> int:
        """Count the records that wait for a slot."""
        return len(self._waiting)

    def next(self) -> Waiting:
        """Give out the record that has waited longest; IndexError if there is none."""
        return self._waiting.popleft()

    def back(self, waiting: Waiting) -> None:
        """Take back one that was parked, before all others or behind them."""
        if self._count(waiting.copy, 1):
            if waiting.last:  # thousands of a lane that is not live would keep all others waiting
                self._waiting.append(waiting)
            else:
                self._waiting.appendleft(waiting)

    def parked(self, copy: Copy) -> bool:
        """Count a record as parked from now on; False if its assignment is over: forget it."""
        counted = self._count(copy, -1)
        if counted:
            self._look_at_room(copy.partition, self._parts[copy.partition])
        return counted

    def finish(self, copy: Copy, *, parked: bool = False) -> None:
        """Mark a record as finished; `parked`: it was, until now."""
        part = self._parts.get(copy.partition)
        if part is not None and part.tracker.finish(copy.epoch, copy.offset):
            self._moved = True
            if not parked:
                self._add(part, -1, -copy.size)
            if self._paused:
                self._look_at_room(copy.partition, part)

    def regulate(self) -> None:
        """Pause partitions that are full, and resume those that have room again."""
        if self._closed:
            return
        held = {partition: Held(part.records, part.bytes) for partition, part in self._parts.items()}
        flow = self._window.flow(held, self._paused)
        pause, resume = flow.pause, flow.resume
        if self.full:
            pause, resume = tuple(held.keys() - self._paused), ()
        if pause:
            self._paused.update(pause)
            self._consumer.pause(pause)
        if resume:
            self._paused.difference_update(resume)
            self._consumer.resume(resume)

    def close(self) -> None:
        """Stop taking: what waits is left to others. We stay in the group, to commit what is finished."""
        self._closed = True
        self._waiting.clear()
        self._paused.update(self._parts)
        self._consumer.pause(tuple(self._parts))

    async def commit(self) -> None:
        """Commit each partition's finished prefix. Not being in the group is no error: others read on."""
        trackers = {partition: part.tracker for partition, part in self._parts.items()}
        offsets = {
            partition: offset
            for partition, tracker in trackers.items()
            if (offset := tracker.to_commit()) is not None
        }
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except (StaleGeneration, Unreachable, Refused) as error:
            logs.get("argosy.worker").warning("offsets were not committed", error=str(error))
            return
        for partition, offset in offsets.items():
            trackers[partition].committed(offset)

    async def put_right(self) -> None:
        """Commit again what the group no longer has; see `Told`. It costs nothing most of the time."""
        told = told_of({partition: part.tracker for partition, part in self._parts.items()})
        try:
            await self._told.put_right(told)
        except (StaleGeneration, Unreachable, Refused) as error:
            logs.get("argosy.worker").debug("committed offsets were not looked at", error=str(error))

    @property
    def moved_at(self) -> float:
        """When anything was last received, finished or assigned, or when that was first asked for since."""
        if self._moved:  # the clock isn't looked at for each record
            self._moved_at, self._moved = self._clock(), False
        return self._moved_at

    @property
    def assigned_count(self) -> int:
        """How many partitions are ours."""
        return len(self._parts)

    @property
    def open(self) -> int:
        """How many records are taken and unfinished, parked ones included."""
        return sum(part.tracker.open for part in self._parts.values())

    def progress(self) -> Progress:
        """Say how far we are in each partition, and what was finished lately; for people who look."""
        trackers = {partition.number: part.tracker for partition, part in self._parts.items()}
        return self._pace.look(self._clock(), trackers)

    def oldest(self) -> tuple[int | None, float | None]:
        """When the oldest was appended of those that wait for a slot, and the mean tokens of the first of them."""
        times = [each.appended_ms for each in self._waiting]
        some = [each.record for each in islice(self._waiting, _SAMPLE) if each.record is not None]
        return min(times, default=None), mean_tokens(some)

    async def lagging(self) -> int:
        """Ask the broker how many messages lie behind what was received, in partitions that aren't paused."""
        return await self._behind(self._paused, opened=False)

    async def unfinished(self) -> int:
        """Ask the broker how many messages aren't finished in all partitions of ours: received, or behind that."""
        return await self._behind((), opened=True)

    async def _behind(self, leave_out: Container[Partition], *, opened: bool) -> int:
        total = 0
        positions: dict[Partition, int] = {}
        for partition, part in list(self._parts.items()):
            if partition not in leave_out:
                position = part.tracker.next if opened else part.tracker.committable
                total += part.tracker.open if opened else 0
                if position is None:
                    position = await self._consumer.committed(partition) or 0
                positions[partition] = position
        if positions:
            edges = await self._consumer.all_edges(positions)
            total += sum(max(0, edges[at][1] - max(edges[at][0], was)) for at, was in positions.items())
        return total

    def _look_at_room(self, partition: Partition, part: _Part) -> None:
        # Paused ones resume when all of it falls to half, or they do: most finished records need no look at all.
        was, self._low = self._low, self._is_low()
        half = self._window.per_partition // 2
        if self._low and (not was or (partition in self._paused and part.records <= half)):
            self.regulate()

    def _is_low(self) -> bool:
        return self._records <= self._window.records // 2 and self._bytes <= self._window.bytes // 2

    def _count(self, copy: Copy, change: int) -> bool:
        part = self._parts.get(copy.partition)
        if part is None or part.tracker.epoch != copy.epoch:
            return False
        self._add(part, change, change * copy.size)
        return True

    def _add(self, part: _Part, records: int, size: int) -> None:
        part.records += records
        part.bytes += size
        self._records += records
        self._bytes += size
