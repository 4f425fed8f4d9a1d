"""The whole histories of the runs that are looked at now: scanned once, then fed by the reader of the run log."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.log import Cluster, Partition, Record
from argosy.broker.topics import TopicNames
from argosy.console.dashboard_timeline import Timeline
from argosy.console.run_history import History, decode, take
from argosy.schemas.ids import lane_of
from argosy.schemas.settings import Settings

MOST: Final = 24
"""Histories that are kept beside one for each page that may be watched at once."""
MOST_RECORDS: Final = 300_000
"""Of all of them beyond `MOST`: that of a run of 5,000 tasks has ten thousand, and takes tens of megabytes."""
_TURN: Final = 200
"""Records between two looks of the loop at others."""


@dataclass(slots=True)
class Kept:
    """One run's history. `revision` grows with each record."""

    history: History
    times: Timeline = field(default_factory=Timeline)
    next: int = 0
    """The offset from which on records are new."""
    revision: int = 0
    waiting: deque[Record] = field(default_factory=deque[Record])
    ready: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def take(self, record: Record) -> None:
        """Take a record, once."""
        if record.offset < self.next:
            return
        self.next = record.offset + 1
        logged = decode(record.partition, record)
        if logged is not None:
            take(self.history, logged)
            self.times.take(logged)
            self.revision += 1


class Histories:
    """Those that somebody looked at lately."""

    def __init__(self, watchers: int = 0) -> None:
        """None yet. `watchers`: pages that may be watched at once, each of a run of its own."""
        self._most = MOST + watchers
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def take(self, run_id: str, record: Record) -> None:
        """Take what the reader of the run log read."""
        kept = self._kept.get(run_id)
        if kept is None:
            return
        if kept.ready:
            kept.take(record)
        else:
            kept.waiting.append(record)

    async def of(self, cluster: Cluster, settings: Settings, run_id: str, start: int | None = None) -> Kept:
        """Give a run's history as of now; it goes on by itself. Empty: the log doesn't know the run.

        `start`: the offset of the run's first record, where it is known; else its lane is read from the beginning.
        Raises Unreachable.
        """
        kept = self._kept.get(run_id)
        if kept is None:
            kept = self._kept[run_id] = Kept(History(run_id))
            self._make_room()
        self._kept.move_to_end(run_id)
        async with kept.lock:
            if not kept.ready:
                await _scan(kept, cluster, settings, start)
        return kept

    def _make_room(self) -> None:
        records = sum(len(each.history.records) for each in self._kept.values())
        while len(self._kept) > self._most or (len(self._kept) > MOST and records > MOST_RECORDS):
            _, gone = self._kept.popitem(last=False)
            records -= len(gone.history.records)

    def forget(self, keep: Callable[[str], bool] = lambda _: False) -> None:
        """Forget all but some: the log is another one."""
        for run_id in [each for each in self._kept if not keep(each)]:
            del self._kept[run_id]


async def _scan(kept: Kept, cluster: Cluster, settings: Settings, start: int | None) -> None:
    run_id = kept.history.run_id
    lane = lane_of(run_id, settings.fleet.lanes)
    partition = Partition(TopicNames(settings.kafka.topic_prefix).runs, lane)
    first, _ = await cluster.edges(partition)
    subject = run_id.encode()
    number = 0
    async for record in cluster.scan(partition, max(first, start or 0, kept.next)):
        number += 1
        if number % _TURN == 0:
            await asyncio.sleep(0)
        if any(name == "ce_subject" and value == subject for name, value in record.headers):
            kept.take(record)
    while kept.waiting:
        kept.take(kept.waiting.popleft())
    kept.ready = bool(kept.history.records)
