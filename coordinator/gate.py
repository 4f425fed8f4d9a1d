"""The gate: whether the fleet holds another run. One per coordinator, for all its receivers.

Receivers hold no state, so lanes count: each commit holds how many runs the lane has under way, and how much they take.
The gate reads that once a second, and adds what it let in itself and no lane has counted yet. It is safe without being
exact: what other receivers let in within that second, and what lanes have not folded yet, comes on top of the bounds.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from argosy.broker.fullness import Fullness, tell_fullness
from argosy.broker.keys import LaneKeys
from argosy.broker.store import Store
from argosy.coordinator.drain import Drain
from argosy.coordinator.lane_load import of_pipeline
from argosy.schemas.errors import ArgosyError
from argosy.schemas.ids import lane_of
from argosy.schemas.result import Full
from argosy.schemas.settings import Settings
from argosy.telemetry import logs, metrics

LOOK_SECONDS: Final = 1.0
MOST_WAITING: Final = 1_000
MOST_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Submits that wait for room hold their place in the inbox: above this they are refused, so that signals and cancels of
runs under way never stay behind them."""
FROM_RULES: Final = 2


@dataclass(slots=True)
class Entry:
    """A run that was let in and is in no lane's counts yet; `offset` of its run.accepted, None until that is known."""

    pipeline: str
    lane: int
    size: int
    offset: int | None = None


@dataclass(slots=True)
class _Lane:
    """What a lane said last."""

    next: int = 0
    runs: int = 0
    bytes: int = 0
    of: dict[str, int] = field(default_factory=dict[str, int])


class Gate:
    """Lets submits in while there is room. Redis away: what it said last counts, and what was let in since."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Nothing is known yet: then nothing counts but what is let in here."""
        self.settings, self._fleet, self._store = settings, settings.fleet, store
        self._prefix = settings.redis.key_prefix
        self._limits: Final = settings.fleet.most_runs_of
        self._judges = settings.fleet.rules >= FROM_RULES
        self._lanes: dict[int, _Lane] = {}
        self._entered: dict[int, Entry] = {}
        self._runs = self._bytes = 0
        self._of = dict.fromkeys(self._limits, 0)
        self._drain = Drain()
        self._looked = asyncio.Event()
        self._waiting = self._waiting_bytes = 0

    # -- one submit

    def enter(self, pipeline: str, run_id: str, size: int) -> Entry | Full:
        """Let a submit of `size` bytes in, or say which bound keeps it out. Who was let in is to be `settled`."""
        full = self._full(pipeline)
        if full is not None:
            return full
        entry = Entry(pipeline, lane_of(run_id, self._fleet.lanes), size)
        self._entered[id(entry)] = entry
        self._count(entry, 1)
        return entry

    def settled(self, entry: Entry, offset: int | None) -> None:
        """Kafka has acknowledged its run.accepted at `offset`; None: it did not become a run."""
        entry.offset = offset
        if offset is None or not self._judges or self._has_counted(entry):
            self._leave(entry)

    async def wait(self, pipeline: str, run_id: str, size: int) -> Entry | Full:
        """Wait for room, in the order of coming, for `fleet.busy_wait_seconds`; Full: there was none."""
        found = self.enter(pipeline, run_id, size)
        if isinstance(found, Entry) or not self._may_wait(size):
            return found
        self._waiting += 1
        self._waiting_bytes += size
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._fleet.busy_wait_seconds):
                    while isinstance(found, Full):
                        await self._looked.wait()
                        found = self.enter(pipeline, run_id, size)
        finally:
            self._waiting -= 1
            self._waiting_bytes -= size
        return found

    async def knows(self, run_id: str) -> bool:
        """Say whether a run is known, as far as can be seen: then its submit is a repeat, and enters nothing."""
        keys = LaneKeys(self._prefix, lane_of(run_id, self._fleet.lanes))
        with suppress(ArgosyError):
            (epoch,) = await self._store.hmget(keys.checkpoint, ["epoch"])
            if epoch is not None:
                (state,) = await self._store.hmget(keys.run(epoch.decode(), run_id), ["st"])
                return state not in (None, b"cancel")
        return False

    def _may_wait(self, size: int) -> bool:
        return self._waiting < MOST_WAITING and self._waiting_bytes + size <= MOST_WAITING_BYTES

    def _full(self, pipeline: str) -> Full | None:
        fleet = self._fleet
        there = self._runs < fleet.most_runs and self._bytes < fleet.most_run_bytes
        if not self._judges or (there and self._of.get(pipeline, 0) < self._limits.get(pipeline, 1)):
            return None
        return self.fullness().full(pipeline)

    def _leave(self, entry: Entry) -> None:
        if self._entered.pop(id(entry), None) is not None:
            self._count(entry, -1)

    def _count(self, entry: Entry, more: int) -> None:
        self._runs += more
        self._bytes += more * entry.size
        if entry.pipeline in self._of:
            self._of[entry.pipeline] += more

    def _has_counted(self, entry: Entry) -> bool:
        lane = self._lanes.get(entry.lane)
        return lane is not None and entry.offset is not None and entry.offset < lane.next

    # -- all of them

    def fullness(self) -> Fullness:
        """Say how full the fleet is, as far as is known here."""
        return Fullness(
            runs=self._runs,
            most_runs=self._fleet.most_runs,
            bytes=self._bytes,
            most_bytes=self._fleet.most_run_bytes,
            pipelines={name: (self._of[name], most) for name, most in self._limits.items()},
            waiting=self._waiting,
            retry_after_seconds=self._drain.seconds_for(self._waiting + 1),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Look once a second what lanes have under way, and tell it, until `stop`."""
        while not stop.is_set():
            try:
                await self.look()
            except ArgosyError as error:
                logs.get("argosy.receiver").debug("the lanes' counts are unknown", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await stop.wait()

    async def look(self) -> None:
        """Read what the lanes have under way, let in who waits for that, and tell it. Raises Unreachable, Refused."""
        found = await asyncio.gather(*(self._read(number) for number in range(self._fleet.lanes)))
        for number, lane in enumerate(found):
            if lane is not None:
                self._lanes[number] = lane
        for entry in [entry for entry in self._entered.values() if self._has_counted(entry)]:
            del self._entered[id(entry)]
        lanes = self._lanes.values()
        self._runs, self._bytes = sum(lane.runs for lane in lanes), sum(lane.bytes for lane in lanes)
        self._of = {name: sum(lane.of.get(name, 0) for lane in lanes) for name in self._limits}
        for entry in self._entered.values():
            self._count(entry, 1)
        self._drain.saw(sum(lane.runs for lane in self._lanes.values()))
        self._looked.set()  # wakes all who wait, in the order of their coming
        self._looked.clear()
        told = self.fullness()
        metrics.runs_under_way(told.runs, told.most_runs, told.waiting)
        await tell_fullness(self._store, self._prefix, told)

    async def _read(self, number: int) -> _Lane | None:
        keys = LaneKeys(self._prefix, number)
        live, (epoch, following) = await asyncio.gather(
            self._store.get(keys.live), self._store.hmget(keys.checkpoint, ["epoch", "next"])
        )
        if epoch is None or following is None:
            return None  # lost, or never taken: what it said last counts on
        names = list(self._limits)
        counts = await self._store.hmget(
            keys.load(epoch.decode()), ["runs", "bytes", *map(of_pipeline, names)]
        )
        runs, size, *of = (int(count or 0) for count in counts)
        lane = _Lane(int(following), runs, size, dict(zip(names, of, strict=True)))
        before = self._lanes.get(number)
        if live is None and before is not None:
            # It is being made again from the log: it counts what it has come to so far.
            return replace(lane, runs=max(lane.runs, before.runs), bytes=max(lane.bytes, before.bytes))
        return lane
