"""Bugs in the coordinator's shell: taking a lane, committing, sending what is owed."""

# ruff: noqa: SLF001, E501 - what is edited is private; lines of it are as long as they are
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.coordinator import checkpoint, doubtful, take
from argosy.coordinator.intake import Intake
from argosy.coordinator.lane_state import LaneState
from argosy.coordinator.letters import _fitting
from argosy.coordinator.out import Out
from argosy.coordinator.outbox import Outbox
from argosy.coordinator.owned_lane import OwnedLane
from argosy.coordinator.publish import Publish
from argosy.coordinator.release import Release
from argosy.coordinator.timers import Timers
from bugs.bug import Bug
from bugs.planting import Edit

_TAKING: Final = (
    Bug(
        "no_proof",
        "a lane is taken without asking the broker whether we are in the group",
        (Edit(take.take, "await _prove(services, partition)", "pass"),),
    ),
    Bug(
        "seek_race",
        "what was fetched before the seek is folded as if it followed the checkpoint",
        (
            Edit(Intake.put, "if self._expected is not None:", "if True:"),
            Edit(Intake.expect, "self._batches.clear()", "pass"),
            Edit(Intake.take, "and self._expected is not None:", ":"),
            Edit(Intake.take, "raise Gap(self._expected, batch.start)", "pass"),
            Edit(Intake.take, "if batch.next > self._expected:", "if batch.records:"),
            Edit(
                Intake.take,
                "[record for record in batch.records if record.offset >= (self._expected or 0)]",
                "list(batch.records)",
            ),
        ),
    ),
    Bug(
        "gap_after_seek",
        "a batch that was fetched above the seek is taken: what lies between is skipped",
        (Edit(Intake.take, "raise Gap(self._expected, batch.start)", "pass"),),
    ),
    Bug(
        "last_offset",
        "a lane waits for the record before the log's end, where there may be none",
        (
            Edit(
                OwnedLane.catch_up,
                "behind = self._at < self._taken.log_end",
                "last = self._last or self._checkpoint.last\n"
                "            behind = last is not None and last.offset < self._taken.log_end - 1",
            ),
        ),
    ),
    Bug(
        "log_unchecked",
        "a checkpoint is believed though the log is another one",
        (
            Edit(
                take.take, "if checkpoint is not None and not await _agrees", "if False and not await _agrees"
            ),
        ),
    ),
    Bug(
        "newer_layout_taken",
        "a lane whose state a newer release wrote is taken by an older one",
        (Edit(take.take, "checkpoint.layout > LAYOUT", "False"),),
    ),
    Bug(
        "host_clock",
        "a lane starts at its host's own clock",
        (Edit(take.take, "LaneClock(found.now_ms)", "LaneClock(int(__import__('time').time() * 1000))"),),
    ),
    Bug(
        "rebuild_revives",
        "a rebuild from a cut log sets no horizon",
        (Edit(take._horizon, "if start == 0:", "if True:"),),
    ),
    Bug(
        "horizon_from_log_start",
        "the horizon counts from the first record that is left, however young",
        (
            Edit(
                take._horizon,
                "min(first.timestamp_ms if first is not None else now_ms, kept_since) + life_ms",
                "(first.timestamp_ms if first is not None else now_ms) + life_ms",
            ),
        ),
    ),
    Bug(
        "horizon_forgotten",
        "a rebuild that another finishes is no rebuild any more",
        (
            Edit(
                checkpoint.Checkpoint.fields,
                '"" if self.horizon_ms is None else str(self.horizon_ms)',
                '""',
            ),
        ),
    ),
    Bug(
        "doubtful_ending_kept",
        "of the runs before the horizon only the active ones are dropped",
        (Edit(doubtful.doubtful, 'run.st in ("active", "ending")', 'run.st == "ending"'),),
    ),
    Bug(
        "mark_at_once",
        "after a loss a lane is live at once: what runs is claimed a second time",
        (Edit(OwnedLane.catch_up, "unclaimed = self._taken.lost and", "unclaimed = False and"),),
    ),
    Bug(
        "rebuild_drops_claims",
        "dropping a lane's state drops claims and memos too",
        (
            Edit(
                OwnedLane._sweep,
                "for epoch in self._checkpoint.sweep:",
                "from argosy.broker.script import Script\n"
                "        script = Script.of_text('drop', \"-- Drop.\\n-- KEYS[1] HASH it\\nredis.call('DEL', KEYS[1])\\n\")\n"
                "        async for key in self._services.store.scan('*:task:*'):\n"
                "            await self._services.store.run(script, [key.decode()], [])\n"
                "        for epoch in self._checkpoint.sweep:",
            ),
        ),
    ),
)

_KEEPING: Final = (
    Bug(
        "idle_lane_sleeps",
        "a lane without traffic commits nothing, and so notices nothing",
        (
            Edit(
                OwnedLane.__init__, "self._heartbeat = fleet.lane_heartbeat_seconds", "self._heartbeat = 1e4"
            ),
        ),
    ),
    Bug(
        "timer_lost_at_reload",
        "timers that were armed before a reload are not read again",
        (Edit(take.refill, "fronts = [(keys.timers(epoch), state.timers.front)]", "fronts = []"),),
    ),
    Bug(
        "timer_sent_once",
        "a timer whose record was not acknowledged fires no more",
        (Edit(Timers.failed, "del self._firing[firing.member]", "return"),),
    ),
    Bug(
        "outbox_forgets",
        "nothing that was owed before a reload is sent after it",
        (Edit(Outbox.__init__, "for entry, value in stored}", "for entry, value in ()}"),),
    ),
    Bug(
        "result_moot",
        "at a reload nobody owes the result of a run that has ended",
        (
            Edit(
                Outbox.__init__,
                "for entry, value in stored}",
                'for entry, value in stored if not entry.startswith("result:")}',
            ),
        ),
    ),
    Bug(
        "outbox_is_a_set",
        "the acknowledgement of one request removes a later one for the same entry",
        (
            Edit(Outbox.sent, "if self._asked.get(entry) == asked:", "if entry in self._asked:"),
            Edit(
                Outbox.sent,
                "self._gone[entry] = asked.encode()",
                "self._gone[entry] = self._asked[entry].encode(); self._new.pop(entry, None)",
            ),
        ),
    ),
    Bug(
        "forgotten_when_sent",
        "an outbox entry goes when it is sent, not when Kafka has acknowledged it",
        (
            Edit(
                Publish._send_entry,
                "self._owed.append(_Owed(letter, entry, answered))",
                "self._owed.append(_Owed(letter, entry, answered)); outbox.sent(entry, asked)",
            ),
        ),
    ),
    Bug(
        "no_resend",
        "what was out before a reload is not sent again",
        (Edit(Out.load, "for member, _ in scores:", "for member, _ in ():"),),
    ),
    Bug(
        "sent_once",
        "a dispatch that is not answered is not sent again",
        (Edit(Out.due, "self._later(dispatch, now_ms + dispatch.wait_ms)", "dispatch.due_ms = -1"),),
    ),
    Bug(
        "publish_before_commit",
        "what a batch leads to is sent before the commit that holds it",
        (
            Edit(
                OwnedLane.turn,
                "        if moved or self._state.dirty or self._is_late():",
                "        await self._publish.send_due(self._clock.now_ms())\n"
                "        if moved or self._state.dirty or self._is_late():",
            ),
        ),
    ),
    Bug(
        "checkpoint_first",
        "the checkpoint moves before what was folded is written",
        (
            Edit(
                OwnedLane._commit,
                "await self._chain.commit(self._state.take_writes(), changed, mark=mark)",
                "from argosy.coordinator.writes import Writes\n"
                "        await self._chain.commit(Writes(), changed, mark=mark)\n"
                "        await self._chain.commit(self._state.take_writes(), {})",
            ),
        ),
    ),
    Bug(
        "rest_of_a_map_lost",
        "of a map that is wider than the dispatch window only the first shards go out",
        (
            Edit(
                Release._one,
                "self._ready.put_back(agent, entry._replace(first=following), int(score or now_ms))",
                "pass",
            ),
        ),
    ),
    Bug(
        "any_error_is_too_large",
        "whatever Kafka says to a dispatch, it is taken for too large",
        (Edit(Publish._ordered, "isinstance(error, MessageTooLarge)", "isinstance(error, ArgosyError)"),),
    ),
    Bug(
        "big_join_inline",
        "the inputs of a join ride in its dispatch, however large",
        (Edit(_fitting, "if len(value) <= INLINE_BYTES:", "if True:"),),
    ),
    Bug(
        "poison_stops_a_lane",
        "a fold that raises ends its lane, again at each reload",
        (Edit(LaneState._fold, "self._set_aside(event, before, error)\n            return", "raise"),),
    ),
)

LANE_BUGS: Final = (*_TAKING, *_KEEPING)
