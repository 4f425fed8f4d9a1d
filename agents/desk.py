"""The desk of one agent in one worker: what waits gets a slot, a claim and a verdict; what is granted runs.

Work goes by turns of the loop: one call per lane claims all that can start now, one settles all that ended.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

from argosy.agents.attempt import Attempts
from argosy.agents.claim import Ask, Granted, Refusal
from argosy.agents.claiming import Answer, Claiming
from argosy.agents.ending import Ended, Endings, Finished, Parked
from argosy.agents.in_hand import in_hand
from argosy.agents.intake import Intake
from argosy.agents.lease import Leases
from argosy.agents.order import Copy, Order, TaskKey
from argosy.agents.parking import Why
from argosy.agents.patience import patiently
from argosy.agents.running import Running
from argosy.agents.services import Services
from argosy.agents.settling import Settling
from argosy.agents.supervise import Supervisor
from argosy.agents.suspects import Suspects
from argosy.agents.ticking import Ticking
from argosy.agents.time_limit import AFTER_DEADLINE_SECONDS, TimeLimit
from argosy.agents.verdict import Drained, Verdict
from argosy.agents.waiting_room import WaitingRoom
from argosy.broker.presence import InHand
from argosy.telemetry import logs, metrics

if TYPE_CHECKING:
    from argosy.schemas.chat import Usage


@dataclass(frozen=True, slots=True)
class Shared:
    """What the desks of one process share."""

    services: Services
    leases: Leases
    suspects: Suspects
    clock: Callable[[], float] = time.monotonic


class Desk:
    """Works on what an intake brings. `run` hands out slots; `drain` ends it."""

    def __init__(
        self, attempts: Attempts, shared: Shared, concurrency: int, open_intake: Callable[["Desk"], Intake]
    ) -> None:
        """`open_intake` makes the intake whose owner this is."""
        services = shared.services
        self._attempts, self._shared, self._services = attempts, shared, services
        self._concurrency, self._taken = concurrency, 0
        self._endings, self._settling = Endings(services), Settling(services, self._begin, self._close)
        self._supervisor = Supervisor(services.settings.worker.grace_seconds, self._handled)
        self._claiming = Claiming(services, shared.suspects, self._begin, self._answered)
        self._by_key: dict[TaskKey, Running] = {}
        self._running: dict[Running, None] = {}
        self._ticking = Ticking(self._running, attempts.tell_running)
        self._done: list[Running] = []
        self._left: list[Ask] = []
        self._spent: dict[str, Usage] = {}
        """By the fence of what is left: what its attempt took."""
        self._tasks: asyncio.TaskGroup | None = None
        self._handles: set[asyncio.Task[None]] = set()
        self._some, self._quiet = asyncio.Event(), asyncio.Event()
        self._closed = self._given_up = False
        self.intake = open_intake(self)
        self._room = WaitingRoom(self.intake, attempts.agent.name, services, self.brought, shared.clock)

    # -- what others see and say

    def brought(self) -> None:
        """Look again: something waits, or a slot is free."""
        self._some.set()

    def gone(self) -> None:
        """Forget what is parked: the partitions went, whoever gets them reads it again."""
        self._room.clear()

    @property
    def running(self) -> int:
        """How many attempts run or are being settled."""
        return len(self._running)

    @property
    def parked(self) -> int:
        """How many records are parked."""
        return len(self._room)

    def in_hand(self) -> InHand:
        """Say what is in hand here, for people who look."""
        return in_hand(self._running, self._room, self._concurrency, self.intake.progress())

    async def run(self) -> None:
        """Hand out slots until `close`; then wait for what was begun."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                try:
                    while not (self._closed and self._is_quiet()):
                        self._turn()
                        await self._some.wait()
                        self._some.clear()
                finally:
                    self._given_up = True
                self._quiet.set()
        finally:
            self._ticking.stop()
            for running in self._running:  # cancelled ourselves: the worker ends in an emergency
                if running.handler is not None:
                    running.handler.cancel()

    def close(self) -> None:
        """Begin nothing more: what waits or is parked is left to other workers."""
        self._closed = self._claiming.closed = True
        self._room.close()
        self._some.set()

    async def finish(self, seconds: float) -> None:
        """Let handlers go on for so long after `close`, then stop them."""
        await self._until_quiet(seconds)
        for running in tuple(self._running):
            running.stop("drain")
        await self._until_quiet(self._services.settings.worker.grace_seconds + 1)
        for handle in self._handles:
            handle.cancel()
        self._given_up = True
        self._some.set()
        await self._until_quiet(1)
        for running in self._running:
            if running.handler is not None and running.outcome is None:  # it would keep the loop from closing
                self._attempts.stuck(f"the handler of {running.name} still runs at the end of the drain")

    async def hand_back(self) -> None:
        """Hand back what `finish` left: nobody need wait for its leases. Raises Unreachable, Refused."""
        for running in self._running:
            self._leave(running)
        await self._services.hand_back.hand_back([*self._left, *self._claiming], self._spent)

    def _leave(self, running: Running) -> None:
        self._left.append((running.order, running.fence))
        if running.usage.total_tokens:
            self._spent[running.fence] = running.usage

    async def _until_quiet(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._quiet.wait()

    def _is_quiet(self) -> bool:
        return self._given_up or not (self._handles or self._running or self._done)

    # -- one turn of the loop

    def _turn(self) -> None:
        done, self._done = self._done, []
        self._taken -= len(done)
        if not self._closed:
            self._fill()
        for running in done:
            self._conclude(running)
        self._settling.flush()

    def _fill(self) -> None:
        self._room.let_in()
        while self._taken < self._concurrency and (found := self._room.next(self._begin)) is not None:
            waiting, order = found
            if not self._attach(order, waiting.copy):
                self._taken += 1
                self._claiming.ask(waiting, order)

    def _attach(self, order: Order, copy: Copy) -> bool:
        running = self._by_key.get(order.key)
        if running is None:
            return False
        running.copies.append(copy)
        metrics.duplicate_caught(order.body.agent, "attached")
        return True

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if self._tasks is None or self._given_up:
            work.close()
            return
        handle = self._tasks.create_task(work, name=name)
        self._handles.add(handle)
        handle.add_done_callback(self._begun_ended)

    def _begun_ended(self, handle: "asyncio.Task[None]") -> None:
        self._handles.discard(handle)
        if self._closed:
            self._some.set()

    # -- claims

    def _answered(self, answers: list[Answer]) -> None:
        now, told = time.monotonic(), logs.told()  # once for all: it adds up
        refused: list[tuple[Answer, Refusal]] = []
        back: list[Ask] = []
        waited: list[float] = []
        for answer in answers:
            said = answer.said
            if not isinstance(said, Granted):
                refused.append((answer, said))
            elif self._closed:
                back.append((answer.order, answer.fence))
                if said.deliveries:
                    self._shared.suspects.ended()
            elif (seconds := self._start(answer, said, now, told=told)) is not None:
                waited.append(seconds)
        metrics.handed_off(self._attempts.agent.name, waited)
        for (waiting, order, _, _), said in refused:
            if not self._attach(order, waiting.copy):  # a copy may have been granted here
                self._room.answer(said, order, waiting, self._begin)
        self._taken -= len(refused) + len(back)
        if refused:
            self._some.set()
        if back:
            self._left += back
            self._begin(self._give_back(back), "hand back what can't begin")

    async def _give_back(self, claims: list[Ask]) -> None:
        await patiently(
            lambda: self._services.hand_back.hand_back(claims), f"handing back {len(claims)} claims"
        )

    def _start(self, answer: Answer, granted: Granted, now: float, *, told: bool) -> float | None:
        waiting, order, fence, _ = answer
        body = order.body
        until_deadline = (body.deadline_ms - granted.now_ms) / 1000
        limit = TimeLimit(body.contract.timeout_seconds, until_deadline + AFTER_DEADLINE_SECONDS, began=now)
        left = min(limit.seconds, limit.hard_seconds)
        usage = waiting.usage if waiting.usage.total_tokens else granted.spent  # the former holds the latter
        running = Running(order, fence, granted.deliveries, limit, [waiting.copy], granted.lost, usage=usage)
        running.parks, running.waits = waiting.parks, waiting.waits
        if earlier := self._by_key.get(order.key):  # its lease ran out as we stood still, and this copy asked
            earlier.stop("loss")
        self._by_key[order.key] = running
        self._running[running] = None
        if granted.deliveries:
            metrics.lease_lost(body.agent, "taken_over")
        self._shared.leases.add(running)
        if until_deadline <= 0:  # asked again and again: no span, no handoff tells of it
            self._handled(running)
            return None
        waited = self._attempts.begin(running, granted.now_ms, told=told)
        deadline = granted.now_ms / 1000 + min(left, until_deadline)
        self._supervisor.start(running, partial(self._attempts.handle, running, deadline))
        self._ticking.started(running, left)
        return waited

    # -- what ended

    def _handled(self, running: Running) -> None:
        self._done.append(running)
        self._some.set()

    def _conclude(self, running: Running) -> None:
        # While services are waited for, the lease must not run out and count as a lost one.
        running.limit.lift()
        verdict = self._attempts.verdict(running)
        if isinstance(verdict, bytes):
            self._settling.add(running, verdict)
        else:
            self._begin(self._end(running, verdict), "end an attempt")

    async def _end(self, running: Running, verdict: Verdict | Drained) -> None:
        self._close(running, await self._endings.end(running, verdict))

    def _close(self, running: Running, ended: Ended) -> None:
        self._shared.leases.remove(running)
        self._running.pop(running, None)
        if self._by_key.get(running.order.key) is running:
            del self._by_key[running.order.key]
        if running.suspect:
            self._shared.suspects.ended()
        match ended:
            case Finished():
                for copy in running.copies:
                    self.intake.finish(copy)
            case Parked("waiting" | "expired") if self._closed:  # what is begun now may never be done
                self._leave(running)
            case Parked("waiting" | "expired" as why, seconds):
                self._begin(self._hand_back(running, why, seconds), "hand back")
            case Parked(why, seconds):
                self._room.park_ended(running, why, seconds)
            case Drained():
                self._leave(running)
            case _:
                assert_never(ended)
        if self._closed:
            self._some.set()

    async def _hand_back(self, running: Running, why: Why, seconds: float) -> None:
        claims = [(running.order, running.fence)]
        await patiently(lambda: self._services.hand_back.hand_back(claims), f"handing back {running.name}")
        self._room.park_ended(running, why, seconds)
