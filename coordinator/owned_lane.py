"""A lane while it is ours: silent fold up to the log's end, the live mark, then turn after turn."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from argosy.broker.deadletters import Graveyard, Reason
from argosy.broker.log import Partition, Record
from argosy.coordinator.chain import UNTOUCHED
from argosy.coordinator.checkpoint import last_of
from argosy.coordinator.doubtful import doubtful
from argosy.coordinator.event import Event
from argosy.coordinator.fold import leave_newer
from argosy.coordinator.intake import Gap, Intake
from argosy.coordinator.lane_record import read_all
from argosy.coordinator.lane_services import LaneServices
from argosy.coordinator.letters import Letters
from argosy.coordinator.patience import patiently
from argosy.coordinator.publish import MOST_IN_FLIGHT, Publish
from argosy.coordinator.release import Release
from argosy.coordinator.sweep import sweep
from argosy.coordinator.take import Taken, refill
from argosy.coordinator.watched import Watched
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.schemas.ids import is_run_id
from argosy.telemetry import logs, metrics

_CLAIMS_BACK_MS: Final = 200
"""Beyond one renewal: time for the calls themselves."""


class OwnedLane:
    """One tenure of a lane. Everything here runs in the lane's own task, but for the sends and the sweep."""

    def __init__(
        self,
        services: LaneServices,
        partition: Partition,
        taken: Taken,
        intake: Intake,
        group: asyncio.TaskGroup,
    ) -> None:
        """Seek to the checkpoint; what was fetched before counts as nothing."""
        self._services, self._partition, self._intake = services, partition, intake
        self._group = group
        self._chain, self._state, self._clock = taken.chain, taken.state, taken.clock
        self._checkpoint, self._taken = taken.checkpoint, taken
        self._stored = taken.checkpoint.fields()
        self._at = taken.checkpoint.next
        self._fresh: list[int] = []
        """When what was folded since the last commit was appended."""
        self._last: Record | None = None
        """The last record that was folded here."""
        self._began = self._committed = time.monotonic()
        self.reached: int | None = None
        """Offset after all that has been committed since the lane was taken."""
        fleet = services.settings.fleet
        self._heartbeat = fleet.lane_heartbeat_seconds
        state = taken.state
        self._release = Release(state.ready, state.out, state.runs, state.quarantine, state.windows)
        most = services.settings.telemetry.trace_tasks
        letters = Letters(services.names, partition.number, services.source, state, most)
        self._publish = Publish(letters, state, services, group, intake.wake)
        self._watched = Watched(services, group)
        room = services.settings.kafka.max_message_bytes
        self._graveyard = Graveyard(services.producer, services.names.dead, services.source, room)
        if taken.checkpoint.horizon_ms is not None:
            state.results_after_ms = self._clock.now_ms() - fleet.window_seconds * 1000
        intake.expect(self._at)
        services.consumer.seek(partition, self._at)

    # -- silent

    async def catch_up(self, stopping: asyncio.Event) -> None:
        """Fold up to where the log ended when the lane was taken; after a loss wait until claims can be back.

        Publish nothing.
        """
        renewal = self._services.settings.fleet.renew_seconds + _CLAIMS_BACK_MS / 1000
        while not stopping.is_set():
            self._intake.wake.clear()
            moved = await self._advance()
            behind = self._at < self._taken.log_end
            # Nobody can be running a task where none may go out.
            open_tasks = len(self._state.out) > 0 or not self._state.ready.empty
            unclaimed = self._taken.lost and open_tasks and time.monotonic() - self._began < renewal
            if moved or self._state.dirty or self._is_late():
                await self._commit()
            self._state.changed.clear()
            if not behind and not unclaimed:
                return
            if not moved:
                await self._rest(min(self._heartbeat, 0.2))

    async def mark_live(self) -> None:
        """Publish from now on: in the very commit that finishes a rebuild's clean-up."""
        horizon = self._checkpoint.horizon_ms
        if horizon:
            store = self._services.store
            for run_id in await patiently("runs", lambda: doubtful(store, self._state, horizon)):
                await self._state.runs.load([run_id])  # the last commit may have let go of it
                self._state.forget_run(run_id)
                if self._state.full:
                    await self._commit()
        self._checkpoint = replace(self._checkpoint, horizon_ms=None)
        await self._commit(mark=self._chain.identity)
        self._state.results_after_ms, self._state.live = 0, True
        logs.get("argosy.lane").info("lane is live", lane=self._partition.number, next=self._at)
        if self._checkpoint.sweep:
            self._group.create_task(self._sweep(), name=f"sweep lane {self._partition.number}")

    # -- live

    async def turn(self) -> bool:
        """Fold a batch, release, commit, send. Return whether there may be more to do at once."""
        self._publish.absorb()
        moved = await self._advance()
        now_ms = self._clock.now_ms()
        await self._release.fill(now_ms)
        if moved or self._state.dirty or self._is_late():
            await self._commit()
            if moved:
                now = time.time() * 1000
                metrics.folded([(now - at_ms) / 1000 for at_ms in self._fresh])
            await patiently("ready tasks", lambda: refill(self._services, self._state))
        sent = await self._publish.send_due(self._clock.now_ms())
        self._watched.tell(self._state.changed)
        self._state.changed.clear()
        more = self._intake.waiting or self._state.unfinished
        return more or self._release.possible or sent >= MOST_IN_FLIGHT

    def rest_seconds(self) -> float:
        """How long the lane may sleep if nothing comes."""
        left = self._heartbeat - (time.monotonic() - self._committed)
        state = self._state
        due = (state.timers.next_due(), state.outbox.next_due(), state.out.next_due())
        now_ms = self._clock.now_ms()
        waits = [left, *((at - now_ms) / 1000 for at in due if at is not None)]
        return max(0.001, min(waits))

    @property
    def out(self) -> Mapping[str, int]:
        """How many tasks of each agent are out."""
        return self._state.out.by_agent

    @property
    def windows(self) -> Mapping[str, int]:
        """How many tasks of each agent may be out."""
        return self._state.windows.sizes()

    @property
    def asking(self) -> Mapping[str, int]:
        """How many runs of each pipeline wait for a larger budget."""
        return self._state.load.asking

    async def leave(self) -> None:
        """Let whoever takes the lane next not send again what Kafka has acknowledged; then end the sends."""
        self._publish.absorb()
        if self._state.dirty:
            await self._commit()
        self._publish.abandon()
        self._watched.abandon()

    # -- both

    async def _advance(self) -> bool:
        try:
            found = self._intake.take()
        except Gap:
            # Fetched before our seek took hold, or a seek was overtaken: only another one is sure to help.
            self._intake.expect(self._at)
            self._services.consumer.seek(self._partition, self._at)
            return False
        if found is None:
            return False
        records, position = found
        self._fresh = [record.timestamp_ms for record in records]
        await self._fold(records)
        self._at = position
        return True

    async def _fold(self, records: list[Record]) -> None:
        try:
            await self._fold_known(records)
        except NewerVersion:
            await self._commit()
            raise

    async def _fold_known(self, records: Sequence[Record]) -> None:
        events = read_all(records)
        await self._state.runs.load(event.run_id for event in events if isinstance(event, Event))
        self._clock.saw(max((record.timestamp_ms for record in records), default=0))
        self._state.windows.now_ms = self._clock.now_ms()
        for record, event in zip(records, events, strict=True):
            if isinstance(event, NewerVersion):
                raise event
            if isinstance(event, BadMessage):
                await self._leave_newer(record)
                await self._bury(record, event)
            else:
                self._state.fold(event, len(record.value or b""))
            self._last = record
            self._at = record.offset + 1
            if self._state.full:
                await self._commit(shrink=False)

    async def _leave_newer(self, record: Record) -> None:
        """Raise NewerVersion if what can't be read is about a run of newer rules: those may have more words."""
        headers = {name.lower(): value for name, value in record.headers}
        subject = (headers.get("ce_subject") or b"").decode(errors="replace")
        if is_run_id(subject):
            await self._state.runs.load([subject])
            leave_newer(self._state.runs[subject])

    async def _bury(self, record: Record, error: BadMessage) -> None:
        """Keep what only an untrusted writer can have put there, before the checkpoint passes it.

        A rebuild does so again: letters of one record have one id.
        """
        reason: Reason = "unknown_kind" if error.field == "ce_type" else "undecodable"
        await patiently("dead letter", lambda: self._graveyard.bury(record, reason, str(error)))
        metrics.dead_lettered(record.topic, reason)
        logs.handoff(
            "dead", topic=record.topic, partition=record.partition, offset=record.offset, reason=reason
        )

    def _is_late(self) -> bool:
        return time.monotonic() - self._committed >= self._heartbeat

    async def _commit(self, *, mark: str = UNTOUCHED, shrink: bool = True) -> None:
        self._checkpoint = self._checkpoint.moved(
            self._at, None if self._last is None else last_of(self._last)
        )
        fields = self._checkpoint.fields()
        changed = {name: value for name, value in fields.items() if self._stored[name] != value}
        await self._chain.commit(self._state.take_writes(), changed, mark=mark)
        self._stored = fields
        self._committed = time.monotonic()
        if shrink:
            self._state.runs.shrink()
        self.reached = self._at

    async def _sweep(self) -> None:
        for epoch in self._checkpoint.sweep:
            await patiently("sweep", partial(sweep, self._services.store, self._state.keys, epoch))
        self._checkpoint = replace(self._checkpoint, sweep=())

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._intake.wake.wait()
        except TimeoutError:
            pass
