"""Submits the runs of schedules when their time comes. Any number of processes may do it, none leads."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from argosy.client.connection import Argosy
from argosy.client.schedule_book import Noted, ScheduleBook
from argosy.pipelines.schedule import Schedule
from argosy.schemas.errors import ArgosyError
from argosy.telemetry import logs

if TYPE_CHECKING:
    from argosy.client.run import Run, RunStatus

LOOK_SECONDS: Final = 5.0
"""A pause, a run that ended, a scheduler that died: so soon it is noticed."""
MISSED_AFTER_MS: Final = 60_000
"""A slot counts as missed if no scheduler was there for so long: a roll-out misses none."""
MOST_AT_ONCE: Final = 1_000
"""Slots of one schedule that are looked at in one go."""
_UNKNOWN_MS: Final = 300_000
"""A run that nobody knows of so long after its submit was refused, or has ended and is forgotten."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Scheduler:
    """Of one process."""

    def __init__(
        self,
        schedules: Sequence[Schedule[Any]],
        fleet: Argosy,
        book: ScheduleBook,
        window_seconds: int,
        clock_ms: Callable[[], int] = _wall_ms,
    ) -> None:
        """`fleet` is open. `window_seconds`: how far back missed slots are made up for."""
        self._schedules, self._fleet, self._book = schedules, fleet, book
        self._window_ms, self._clock_ms = window_seconds * 1000, clock_ms
        self._submitted: dict[str, int] = {}
        """By schedule: when we submitted its last run."""
        self._late: dict[str, dict[int, Run[Any]]] = {}
        """By schedule: the slots that we submitted lately, and their runs; those that may still be turned away, and the
        last one."""
        self._log = logs.get("argosy.scheduler")

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until the stop. Redis or Kafka away: what comes due waits, after a minute it counts as missed."""
        while not stop.is_set():
            next_ms = await self.look()
            pause = min(LOOK_SECONDS, max(0.0, (next_ms - self._clock_ms()) / 1000))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stop.wait()

    async def look(self) -> int:
        """Submit what is due; return when something is due next, epoch milliseconds."""
        due = [self._clock_ms() + round(LOOK_SECONDS * 1000)]
        for schedule in self._schedules:
            try:
                await self._look(schedule)
            except ArgosyError as error:
                self._log.warning("schedule waits", schedule=schedule.name, error=str(error))
            due += islice(schedule.slots(self._clock_ms()), 1)
        return min(due)

    async def _look(self, schedule: Schedule[Any]) -> None:
        now_ms = self._clock_ms()
        await self._submit_again(schedule, now_ms)
        noted = await self._book.note(schedule.name)
        if not noted.last_ms:
            noted = await self._book.note(schedule.name, last_ms=await self._found(schedule, now_ms))
        slots = self._due(schedule, noted, now_ms)
        left_out = _left_out(schedule, noted, slots, now_ms)
        if left_out:
            self._log.warning(
                "slots left out", schedule=schedule.name, slots=len(left_out), paused=noted.paused
            )
            noted = await self._book.note(schedule.name, last_ms=left_out[-1])
        for slot_ms in slots[len(left_out) :]:
            if schedule.overlap != "allow" and await self._goes_on(schedule, noted, now_ms):
                if schedule.overlap == "queue":
                    break
                self._log.info("slot left out: the run before goes on", run_id=schedule.run_id(slot_ms))
                noted = await self._book.note(schedule.name, last_ms=slot_ms)
                continue
            await self._submit(schedule, slot_ms, now_ms)
            noted = await self._book.note(schedule.name, last_ms=slot_ms, run_ms=slot_ms)
        await self._book.note(schedule.name, seen_ms=now_ms)

    async def _submit(self, schedule: Schedule[Any], slot_ms: int, now_ms: int) -> None:
        run_id = schedule.run_id(slot_ms)
        run = await self._fleet.submit(schedule.pipeline, schedule.value, run_id=run_id, when_busy="raise")
        self._submitted[schedule.name] = now_ms
        self._late.setdefault(schedule.name, {})[slot_ms] = run
        self._log.info("scheduled run submitted", run_id=run_id, late_ms=now_ms - slot_ms)

    async def _submit_again(self, schedule: Schedule[Any], now_ms: int) -> None:
        """Submit slots again that were turned away: their receiver may find the fleet full where we did not.

        Where slots may overlap, one may be turned away though a later one went through.
        """
        late = self._late.get(schedule.name, {})
        for slot_ms, run in sorted(late.items()):
            if now_ms - slot_ms > MISSED_AFTER_MS:
                state: RunStatus | None = None
            else:
                state = await run.state()
            if state == "refused":
                await self._submit(schedule, slot_ms, now_ms)
            elif state != "unknown" and slot_ms != max(late):
                del late[slot_ms]

    def _due(self, schedule: Schedule[Any], noted: Noted, now_ms: int) -> list[int]:
        """List the slots that came due and are not dealt with: the newest, if they are too many."""
        since_ms = max(noted.last_ms, now_ms - self._window_ms)
        found: deque[int] = deque(maxlen=MOST_AT_ONCE)
        for slot_ms in schedule.slots(since_ms):
            if slot_ms > now_ms:
                break
            found.append(slot_ms)
        return list(found)

    async def _goes_on(self, schedule: Schedule[Any], noted: Noted, now_ms: int) -> bool:
        """Say whether the run of the slot before is under way."""
        if not noted.run_ms:
            return False
        run = self._late.get(schedule.name, {}).get(noted.run_ms)
        if run is None:
            run = self._fleet.run(schedule.run_id(noted.run_ms))
        state = await run.state()
        if state == "unknown":
            return now_ms - max(noted.run_ms, self._submitted.get(schedule.name, 0)) < _UNKNOWN_MS
        return state == "running"

    async def _found(self, schedule: Schedule[Any], now_ms: int) -> int:
        """Find the last slot that ran where Redis knows of none: it was wiped, or the schedule is new.

        New ones make up for nothing. After a wipe the results of the window tell of runs that ended; whatever is
        submitted again after them is known to its lane.
        """
        if schedule.missed == "skip":
            return now_ms
        lead = f"{schedule.name}-"
        ids = await self._fleet.ended_since(now_ms - self._window_ms, lead)
        slots = (
            {schedule.run_id(slot_ms): slot_ms for slot_ms in self._window(schedule, now_ms)} if ids else {}
        )
        return max((slots[run_id] for run_id in ids if run_id in slots), default=now_ms)

    def _window(self, schedule: Schedule[Any], now_ms: int) -> list[int]:
        found: list[int] = []
        for slot_ms in schedule.slots(now_ms - self._window_ms):
            if slot_ms > now_ms:
                break
            found.append(slot_ms)
        return found


def _left_out(schedule: Schedule[Any], noted: Noted, slots: Sequence[int], now_ms: int) -> Sequence[int]:
    """Give the slots, from the first on, that are not to be run: missed ones by the policy, all while it is paused."""
    if noted.paused:
        return slots
    if not noted.seen_ms or now_ms - noted.seen_ms <= MISSED_AFTER_MS:
        return ()
    missed = [slot_ms for slot_ms in slots if slot_ms <= now_ms - MISSED_AFTER_MS]
    keep: Mapping[str, int] = {"skip": 0, "once": 1, "all": len(missed)}
    return missed[: len(missed) - min(len(missed), keep[schedule.missed])]
