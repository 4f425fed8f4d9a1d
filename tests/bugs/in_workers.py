"""Bugs in workers and receivers: offsets, claims, memos, leases, what is settled when."""

# ruff: noqa: SLF001, E501 - what is edited is private; lines of it are as long as they are
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.agents.attempt import Attempts
from argosy.agents.claiming import Claiming
from argosy.agents.intake import Intake
from argosy.agents.lease import Leases
from argosy.agents.settling import Settling
from argosy.agents.step import Steps
from argosy.agents.suspects import Suspects
from argosy.broker import watchdog
from argosy.broker.offsets import Tracker
from argosy.coordinator import admission
from argosy.coordinator.receive import Receivers
from bugs.bug import Bug
from bugs.in_scripts import CLAIM
from bugs.planting import Edit

_OFFSETS: Final = (
    Bug(
        "offset_past_a_gap",
        "the committed offset is the highest finished one",
        (
            Edit(
                Tracker.committable,
                "return self._order[0] if self._order else self._next",
                "return self._next",
            ),
        ),
    ),
    Bug(
        "receiver_commits_first",
        "the inbox's offset moves before the run is in the log",
        (
            Edit(
                Receivers._one,
                "        await self._judge.receive(record)\n        self._over(tracker, record, place)\n",
                "        self._over(tracker, record, place)\n        await self._judge.receive(record)\n",
            ),
            Edit(
                Receivers._append,
                "        again = {",
                "        for tracker, judged, _ in passed:\n            tracker.finish(tracker.epoch, judged.inbox.offset)\n"
                "        await self._commit_or_not()\n        again = {",
            ),
        ),
    ),
    Bug(
        "no_epochs",
        "what an old assignment finishes counts for the new one",
        (Edit(Tracker.finish, "epoch != self.epoch or ", ""),),
    ),
    Bug(
        "finished_when_stored",
        "an offset is finished when the result is stored, before it is published",
        (
            Edit(
                Settling._store,
                "self._stored.append(one)",
                "self._stored.append(one)\n"
                "                for copy in one.running.copies: self._ended.__self__.intake.finish(copy)",
            ),
        ),
    ),
    Bug(
        "window_judged_late",
        "a submit's age is judged by when it is read, not by when it arrived",
        (
            Edit(
                admission.submitted_ms,
                "age = appended_ms - ce_time_ms",
                "age = int(__import__('time').time() * 1000) - ce_time_ms",
            ),
        ),
    ),
)

_MEMOS: Final = (
    Bug(
        "log_never",
        "a memo with `log=True` is an ordinary one",
        (
            Edit(
                Steps.memoised,
                "port.encode(await effect()), log=log)",
                "port.encode(await effect()), log=False)",
            ),
            Edit(Steps.memoised, "elif log and found.offset is None:", "elif False:"),
        ),
    ),
    Bug(
        "memo_after_the_fact",
        "a handler has a memo in hand before it is recorded",
        (
            Edit(
                Steps._record,
                "        while True:\n",
                "        self._locks[' late'] = asyncio.get_running_loop().create_task(self.services.memos.set(order, fence, name, memo))\n"
                "        return Found(memo, None)\n"
                "        while True:\n",
            ),
        ),
    ),
    Bug(
        "worker_marks",
        "a worker writes its own logged memo, where the commit that folds the first record should",
        (
            Edit(
                Steps._record,
                "return await self._append(name, memo)",
                "record = self._recorded(self.running.order, name, decode_value(memo))\n"
                "            await self._patiently(lambda: self.services.producer.send(record), name)\n"
                "            found = NotLive()\n"
                "            while not isinstance(found, Found):\n"
                "                found = await self._patiently(\n"
                "                    lambda: self.services.memos.set(self.running.order, self.running.fence, name, memo), name)\n"
                "            return found",
            ),
        ),
    ),
    Bug(
        "redis_first",
        "a logged memo is in Redis, and in a handler's hand, before it is in the log",
        (
            Edit(
                Steps._record,
                "return await self._append(name, memo)",
                "order, fence = self.running.order, self.running.fence\n"
                "            await self._patiently(lambda: self.services.memos.set(order, fence, name, memo), name)\n"
                "            self._locks[' late'] = asyncio.get_running_loop().create_task(self._append(name, memo))\n"
                "            return Found(memo, 0)",
            ),
        ),
    ),
)

_CLAIMS: Final = (
    Bug(
        "suspects_race",
        "one call grants as many suspects as it asks for",
        (
            Edit(CLAIM, "if deliveries > 0 and not may then return 'suspect' end", ""),
            Edit(Claiming.claim, "for number in granted[1:]:", "for number in ():"),
        ),
    ),
    Bug(
        "suspects_side_by_side",
        "a worker runs as many suspects at once as it gets",
        (Edit(Suspects.may_claim, "if self._token_out or self._running:", "if False:"),),
    ),
    Bug(
        "parked_fill_the_window",
        "what is parked counts as held: its partition is read no more",
        (
            Edit(Intake.parked, "self._count(copy, -1)", "self._count(copy, 0)"),
            Edit(Intake.back, "self._count(waiting.copy, 1)", "self._count(waiting.copy, 0)"),
            Edit(Intake.finish, "if not parked:", "if True:"),
        ),
    ),
    Bug(
        "parked_is_stuck",
        "the watchdog ends a worker whose only work is parked",
        (
            Edit(watchdog.verdict, "and facts.parked == 0", ""),
            Edit(watchdog.verdict, "facts.lagging == 0 or", "facts.lagging + facts.parked == 0 or"),
        ),
    ),
    Bug(
        "lease_for_a_dead_loop",
        "leases are renewed though the event loop stands still",
        (
            Edit(Leases._loop_lives, "return self._silent == 0", "return True"),
            Edit(Leases._loop_lives, "if self._silent >= self._most_silent:", "if False:"),
        ),
    ),
    Bug(
        "leases_not_renewed",
        "nobody renews a lease",
        (Edit(Leases._by_lane, "if self._lease_ms(running) > 0:", "if False:"),),
    ),
    Bug(
        "stubborn_keeps_its_slot",
        "a worker goes on beside a handler that doesn't stop",
        (Edit(Attempts.verdict, "if not obeyed:", "if False:"),),
    ),
)

WORKER_BUGS: Final = (*_OFFSETS, *_MEMOS, *_CLAIMS)
