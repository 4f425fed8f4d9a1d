"""The state of a lane in memory: what fold reads and changes, and what the next commit has to write of it.

Changes are made here at once and not after their commit: a commit that is refused drops all of this. Nothing
is sent before the commit that holds its reason.
"""

import contextlib
from collections.abc import Mapping
from typing import Final, assert_never

from argosy.broker.keys import LaneKeys
from argosy.broker.store import Store
from argosy.coordinator.decision import (
    Arm,
    Changed,
    Decision,
    Disarm,
    Entomb,
    Ready,
    Send,
    Unclaim,
    Withdraw,
    WriteMemo,
)
from argosy.coordinator.event import Event
from argosy.coordinator.fold import fold
from argosy.coordinator.grown import Grown
from argosy.coordinator.lane_load import UNDER_WAY, LaneLoad, asked_of, pipeline_of, size_of
from argosy.coordinator.out import Out
from argosy.coordinator.outbox import Asked, Outbox
from argosy.coordinator.quarantine import Quarantine, SetAside, set_aside, unsent
from argosy.coordinator.queue_writes import (
    write_aside,
    write_load,
    write_out,
    write_outbox,
    write_ready,
    write_timers,
)
from argosy.coordinator.ready_queue import ReadyQueue
from argosy.coordinator.release import wait_or_go
from argosy.coordinator.run_writes import write_run
from argosy.coordinator.runs import Runs
from argosy.coordinator.state import RunState
from argosy.coordinator.timers import Timers
from argosy.coordinator.windows import Windows, bounds_of
from argosy.coordinator.writes import MOST_BYTES, MOST_KEYS, Writes
from argosy.schemas.errors import NewerVersion
from argosy.schemas.ids import TaskId
from argosy.schemas.runlog import RunAccepted, RunEnded, SubmitTurnedAway, TaskSettled
from argosy.schemas.settings import FleetSettings
from argosy.telemetry import logs

DEADLINE: Final = "deadline"
"""The timer of a run that the shell itself knows: a quarantined run ends by it."""
_SPARE_KEYS: Final = 20
"""Keys of a commit that are not runs, tasks or agents."""
_FULL_BYTES: Final = MOST_BYTES * 6 // 10
"""Of folded records: what they write is of about their size, and names come on top."""


class LaneState:
    """One epoch of one lane."""

    def __init__(
        self, store: Store, keys: LaneKeys, epoch: str, fleet: FleetSettings, shares: Mapping[str, int]
    ) -> None:
        """Empty; `take` fills the parts from Redis. `shares`: what windows begin with, if that is more than usual."""
        self.keys, self.epoch = keys, epoch
        self._fleet, self._kept_ms = fleet, (fleet.longest_run_seconds + fleet.window_seconds) * 1000
        self.runs = Runs(store, keys, epoch, fleet.run_cache_bytes)
        self.timers, self.ready = Timers(), ReadyQueue()
        self.out = Out(int(fleet.patience_seconds * 1000), int(fleet.patience_most_seconds * 1000))
        self.windows = Windows(bounds_of(fleet), shares)
        self.outbox, self.quarantine, self.load = Outbox(), Quarantine(), LaneLoad()
        self.live = False  # it publishes
        self.results_after_ms = 0
        """While a lane is rebuilt: results of runs that ended before are not published again."""
        self.changed: list[tuple[Event, Changed]] = []
        """What to tell to people who watch, since it was last taken."""
        self._touched: dict[str, bool] = {}
        """Runs to write; True: the whole hash anew."""
        self._grown = Grown()
        self._unclaimed: dict[str, None] = {}
        self._memos: dict[tuple[str, str], WriteMemo] = {}
        self._folded_bytes = 0

    # -- folding

    @property
    def full(self) -> bool:
        """Whether what waits is enough for one commit."""
        keys = len(self._touched) + len(self._unclaimed) + len(self._memos)
        return keys >= MOST_KEYS - _SPARE_KEYS or self._folded_bytes >= _FULL_BYTES

    @property
    def unfinished(self) -> bool:
        """Whether the last commit left something to the next."""
        return bool(self._unclaimed)

    def fold(self, event: Event, size: int) -> None:
        """Fold one record of `size` bytes; its run must be loaded. A fold that raises sets the run aside.

        Raises NewerVersion: the lane must wait for a roll-out, nothing of this event was kept.
        """
        self._folded_bytes += size
        if event.run_id in self.quarantine:
            if isinstance(event.message, RunEnded):
                self.quarantine.remove(event.run_id)
                self._unclaim_all(event.run_id)
                self._fold(event, None)
            return
        self._fold(event, self.runs[event.run_id])

    def _fold(self, event: Event, before: RunState | None) -> None:
        was = before.st if before is not None else ""
        size, asked = self._grown.counted(event.run_id, before), asked_of(before)
        ends = pipeline_of(before) if size and before and isinstance(event.message, RunEnded) else None
        try:
            state, decisions = fold(before, event)
            # A run that was cancelled before it came is made of what the cancel left: it begins.
            goes_on = state is not None and state is before and was in UNDER_WAY and state.st in UNDER_WAY
            if state is not None and not goes_on:
                state.write()
        except NewerVersion:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a fold raises is the run's own trouble, never its lane's
            self.load.drop(before, size, asked)
            self._set_aside(event, before, error)
            return
        if goes_on:
            self._grown.keep(event, size)
        else:
            self._grown.let_go(event.run_id, state)
            self.load.folded(event.message, state, size, ends)
            self.runs[event.run_id] = state
        if state is not None and (now := asked_of(state)) is not asked:
            self.load.asked(pipeline_of(state) if ends is None else ends, asked, now)
        if state is not None:
            # A key with a TTL becomes a run's again only if it is made anew. Nor may a tombstone be held here alone
            # while a repeated submit waits for what it says: the lane may change hands before that is sent.
            again = was == "ended" and isinstance(event.message, RunAccepted | SubmitTurnedAway)
            anew = before is None or (was == "cancel" and state.st != "cancel") or again
            self._folded_bytes += len(state.get("end") or b"") if again else 0
            self._touched[event.run_id] = anew or self._touched.get(event.run_id, False)
        for decision in decisions:
            self._decide(event, decision)

    def _unclaim_all(self, run_id: str) -> None:
        """Have the claims of a run that was set aside deleted; its state may be what is damaged, then they expire."""
        with contextlib.suppress(Exception):
            state = self.runs[run_id]
            for local in () if state is None else [each for each in state.tasks() if state.is_open(each)]:
                self._unclaim(f"{run_id}/{local}")

    def _set_aside(self, event: Event, before: RunState | None, error: Exception) -> None:
        kept = set_aside(before, event, error, self._fleet.longest_run_seconds * 1000)
        self._keep_aside(event.run_id, kept, error)
        self.runs.forget(event.run_id)
        self._grown.let_go(event.run_id, before)
        self._touched.pop(event.run_id, None)

    def set_aside_unsent(self, run_id: str, now_ms: int, error: Exception) -> None:
        """Set a run aside of which a record can't be written, as if its fold had raised; it must be loaded."""
        state, longest_ms = self.runs[run_id], self._fleet.longest_run_seconds * 1000
        if run_id not in self.quarantine:  # more of its records may be due in the same turn
            self.load.drop(state, self._grown.let_go(run_id, state), asked_of(state))
        self._keep_aside(run_id, unsent(state, now_ms, error, longest_ms), error)

    def _keep_aside(self, run_id: str, kept: SetAside, error: Exception) -> None:
        logs.get("argosy.lane").error(
            "run set aside", run_id=run_id, offset=kept.offset, error=kept.error, exc_info=error
        )
        self.quarantine.put(run_id, kept)
        self.out.withdraw_run(run_id)
        self.outbox.drop(run_id)
        self.timers.arm(run_id, DEADLINE, kept.deadline_ms)

    def _decide(self, event: Event, decision: Decision) -> None:
        run_id = event.run_id
        match decision:  # the frequent ones first
            case Changed():
                self.changed.append((event, decision))
            case Ready():
                wait_or_go(run_id, decision, self.ready, self.out, self.windows if self.live else None)
            case Unclaim():
                self._unclaim(f"{run_id}/{decision.local}")
            case Withdraw():
                self._answered(event, decision.local)
            case WriteMemo():
                self._memos.setdefault((f"{run_id}/{decision.local}", decision.name), decision)
            case Arm():
                self.timers.arm(run_id, decision.name, decision.due_ms)
            case Disarm():
                self.timers.disarm(run_id, decision.name)
            case Send():
                self._send(event, decision.entry)
            case Entomb():
                self._touched[run_id] = True
                self.out.withdraw_run(run_id)
                self.outbox.settle(f"end:{run_id}")
            case _:
                assert_never(decision)

    def _answered(self, event: Event, local: str) -> None:
        gone, settled = self.out.withdraw(event.run_id, local), event.message
        if gone is None or not gone.released_ms or not isinstance(settled, TaskSettled):
            return
        if settled.attempt == gone.attempt and settled.task_id == f"{event.run_id}/{local}":
            self.windows.settled(gone.agent, gone.released_ms, settled.duration_ms)

    def _unclaim(self, task_id: str) -> None:
        self._unclaimed[self.keys.task(TaskId(task_id))] = None
        if self._memos:
            for key in [key for key in self._memos if key[0] == task_id]:
                del self._memos[key]

    def _send(self, event: Event, entry: str) -> None:
        if entry.startswith(("result:", "busy:")) and event.time_ms < self.results_after_ms:
            return
        traceparent = event.traceparent if entry.startswith(("refused:", "busy:", "look:")) else None
        self.outbox.ask(entry, Asked(event.offset, event.run_id, traceparent))

    def forget_run(self, run_id: str) -> None:
        """Drop a run as if it had never been: it may repeat one whose beginning is cut off from the log."""
        state = self.runs[run_id]
        for name in () if state is None else state.timers():
            self.timers.disarm(run_id, name)
        aside = run_id in self.quarantine
        if aside:
            self.quarantine.remove(run_id)
            self.timers.disarm(run_id, DEADLINE)
        self.out.withdraw_run(run_id)
        self.outbox.drop(run_id)
        if not aside:
            self.load.drop(state, self._grown.let_go(run_id, state), asked_of(state))
        self.runs[run_id] = None
        self._touched[run_id] = True

    # -- writing

    @property
    def dirty(self) -> bool:
        """Whether a commit has something to write."""
        return bool(
            self._touched
            or self._unclaimed
            or self._memos
            or self.timers.dirty
            or self.ready.dirty
            or self.out.dirty
            or self.outbox.dirty
            or self.quarantine.dirty
            or self.load.dirty
        )

    def take_writes(self) -> Writes:
        """Take what has changed since the last call, for one commit."""
        writes = Writes()
        self._count_grown()
        self._write_runs(writes)
        self._write_queues(writes)
        self._write_tasks(writes)
        self._folded_bytes = 0
        return writes

    def _count_grown(self) -> None:
        """Write as text what runs have become, and count them as that; one that can't be written is set aside."""
        for run_id, (counted, event) in self._grown.take().items():
            state = self.runs[run_id]
            try:
                self.runs.measure(run_id)
            except Exception as error:  # noqa: BLE001 - as of a fold that raises
                self.load.drop(state, counted, asked_of(state))
                self._set_aside(event, state, error)
            else:
                self.load.grow(size_of(state) - counted)

    def _write_runs(self, writes: Writes) -> None:
        touched, self._touched = self._touched, {}
        for run_id, anew in touched.items():
            write_run(self.runs[run_id], self.keys.run(self.epoch, run_id), writes, self._kept_ms, anew=anew)

    def _write_queues(self, writes: Writes) -> None:
        keys, epoch = self.keys, self.epoch
        write_timers(self.timers, writes, keys, epoch)
        write_ready(self.ready, writes, keys, epoch)
        write_out(self.out, self.windows, writes, keys, epoch)
        write_outbox(self.outbox, writes, keys, epoch)
        write_aside(self.quarantine, writes, keys, epoch)
        write_load(self.load, writes, keys, epoch)

    def _write_tasks(self, writes: Writes) -> None:
        for (task_id, name), memo in self._memos.items():
            writes.memo(self.keys.task(TaskId(task_id)), name, memo.value, memo.offset, self._kept_ms)
        self._memos = {}
        # A run of 10,000 tasks may end in one event. Their keys need not go in one commit: they have a TTL.
        room = max(1, MOST_KEYS - len(writes.keys))
        for key in list(self._unclaimed)[:room]:
            writes.delete(key)
            del self._unclaimed[key]
