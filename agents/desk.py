"""The desk of one agent in one worker: what waits gets a slot, a claim and a verdict; what is granted runs.

Claims are made only for what can start now, and those of one turn of the loop go out in one write.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from argosy.agents import dead
from argosy.agents.attempt import Attempts, Drained, Ended, Finished, Parked
from argosy.agents.claim import Busy, Claim, Exhausted, Granted, NotYet, Over, Settled, Suspect, new_fence
from argosy.agents.in_hand import in_hand
from argosy.agents.intake import Intake, Waiting
from argosy.agents.lease import Leases
from argosy.agents.order import Copy, Order, TaskKey, decode
from argosy.agents.parking import Parking, Why, seconds_of
from argosy.agents.patience import patiently
from argosy.agents.running import Running
from argosy.agents.services import Services
from argosy.agents.settle import Settles, poison
from argosy.agents.slots import Slot, Slots
from argosy.agents.suspects import Suspects
from argosy.agents.time_limit import TimeLimit
from argosy.broker.presence import InHand
from argosy.broker.topics import OVERHEAD_BYTES
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.telemetry import logs, metrics


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
        self._attempts, self._shared = attempts, shared
        self._services = shared.services
        self._concurrency = concurrency
        self._slots = Slots(concurrency, self.brought)
        self._settles = Settles(shared.services)
        self._parking: Parking[Waiting] = Parking(shared.services.settings.worker.parked_most)
        self._running: dict[TaskKey, Running] = {}
        self._claiming: dict[str, Order] = {}
        self._left: dict[str, Order] = {}
        self._handles: set[asyncio.Task[None]] = set()
        self._some = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = False
        self.intake = open_intake(self)

    def brought(self) -> None:
        """Look again: something waits, or a slot is free."""
        self._some.set()

    def gone(self) -> None:
        """Forget what is parked: the partitions went, whoever gets them reads it again."""
        self._parking.clear()

    @property
    def running(self) -> int:
        """How many attempts run or are being settled."""
        return len(self._running)

    def in_hand(self) -> InHand:
        """Say what is in hand here, for people who look."""
        return in_hand(self._running.values(), self._parking, self._concurrency)

    @property
    def parked(self) -> int:
        """How many records are parked."""
        return len(self._parking)

    async def run(self) -> None:
        """Hand out slots until `close`; then wait for what was begun."""
        async with asyncio.TaskGroup() as tasks:
            while not self._closed:
                self._fill(tasks)
                await self._some.wait()
                self._some.clear()

    def close(self) -> None:
        """Begin nothing more: what waits or is parked is left to other workers."""
        self._closed = True
        self.intake.close()
        self._parking.clear()
        self._some.set()

    async def finish(self, seconds: float) -> None:
        """Let handlers go on for so long after `close`, then stop them."""
        await self._quiet(seconds)
        for running in list(self._running.values()):
            running.stop("drain")
        await self._quiet(self._services.settings.worker.grace_seconds + 1)
        for handle in self._handles:
            handle.cancel()
        await self._quiet(1)

    async def hand_back(self) -> None:
        """Hand back what `finish` left: nobody need wait for its leases. Raises Unreachable, Refused."""
        claims = [*self._left.items(), *self._claiming.items()]
        await self._services.hand_back.hand_back((order, fence) for fence, order in claims)

    async def _quiet(self, seconds: float) -> None:
        if self._handles:
            await asyncio.wait(self._handles, timeout=seconds)

    def _fill(self, tasks: asyncio.TaskGroup) -> None:
        for waiting in self._parking.due(self._shared.clock()):
            self.intake.back(waiting)
        self._regulate()
        while self._slots.free > 0 and len(self.intake):
            handle = tasks.create_task(self._handle(self.intake.next(), self._slots.take()), name="order")
            self._handles.add(handle)
            handle.add_done_callback(self._handles.discard)
        due = self._parking.next_due()
        if self._alarm is not None:
            self._alarm.cancel()
        if due is not None:
            wait = max(0.0, due - self._shared.clock())
            self._alarm = asyncio.get_running_loop().call_later(wait, self._some.set)

    def _regulate(self) -> None:
        full = self._parking.full
        if full != self.intake.full:
            self.intake.full = full
            self.intake.regulate()

    # -- one record

    async def _handle(self, waiting: Waiting, slot: Slot) -> None:
        try:
            order = waiting.order or await self._decoded(waiting)
            if order is None or self._attach(order, waiting.copy):
                return
            claim = await self._claim(order)
            if isinstance(claim, Granted):
                await self._run(order, waiting, claim, slot)
            elif not self._attach(order, waiting.copy):  # a copy may have been granted here meanwhile
                await self._answer(claim, order, waiting, slot)
        finally:
            slot.release()

    async def _decoded(self, waiting: Waiting) -> Order | None:
        record = waiting.record
        if record is None:
            return None
        most = self._services.settings.kafka.max_message_bytes + OVERHEAD_BYTES
        try:
            if len(record.value or b"") > most:
                await dead.bury(record, "oversize", BadMessage(f"is over {most} bytes"), self._services)
            elif (order := decode(record)).body.agent != self._attempts.agent.name:
                error = BadMessage(f"is work for agent {order.body.agent!r}", field="agent")
                await dead.bury(record, "wrong_agent", error, self._services)
            else:
                # The raw bytes go: a waiting handler must not hold them as well.
                waiting.order, waiting.record = order, None
                return order
        except NewerVersion as error:
            logs.get("argosy.worker").warning(
                "work of a newer release waits for the roll-out", error=str(error)
            )
            self._park(waiting, "newer")
            return None
        except BadMessage as error:
            await dead.bury(record, dead.reason_of(error), error, self._services)
        self.intake.finish(waiting.copy)
        return None

    def _attach(self, order: Order, copy: Copy) -> bool:
        running = self._running.get(order.key)
        if running is None:
            return False
        running.copies.append(copy)
        metrics.duplicate_caught(order.body.agent, "attached")
        return True

    async def _claim(self, order: Order) -> Claim:
        fence, suspects = new_fence(self._services.name), self._shared.suspects
        may = suspects.may_claim()
        self._claiming[fence] = order
        granted_suspect = False
        try:
            claim = await patiently(
                lambda: self._services.claims.claim(order, fence, suspects=may),
                f"claiming {order.body.task_id}#{order.body.attempt}",
            )
            granted_suspect = isinstance(claim, Granted) and claim.deliveries > 0
        finally:
            if may:
                suspects.claimed(suspect=granted_suspect)
        # After a cancellation it stays there: it may have been granted.
        del self._claiming[fence]
        return claim

    async def _run(self, order: Order, waiting: Waiting, granted: Granted, slot: Slot) -> None:
        body = order.body
        limit = TimeLimit(body.contract.timeout_seconds, (body.deadline_ms - granted.now_ms) / 1000)
        suspect = granted.deliveries > 0
        running = Running(order, granted.fence, granted.deliveries, limit, [waiting.copy], suspect)
        earlier = self._running.get(order.key)
        if earlier is not None:  # its lease ran out while we stood still, and this copy was asking already
            earlier.stop("loss")
        self._running[order.key] = running
        self._shared.leases.add(running)
        ended: Ended = Drained()
        try:
            ended = await self._attempts.run(running, granted, slot.release)
        finally:
            self._shared.leases.remove(running)
            if self._running.get(order.key) is running:
                del self._running[order.key]
            if suspect:
                self._shared.suspects.ended()
            if isinstance(ended, Drained):
                self._left[running.fence] = order
        await self._ended(ended, running)

    async def _ended(self, ended: Ended, running: Running) -> None:
        match ended:
            case Finished():
                for copy in running.copies:
                    self.intake.finish(copy)
            case Parked(why, seconds):
                if why == "waiting":
                    await patiently(
                        lambda: self._services.hand_back.hand_back([(running.order, running.fence)]),
                        f"handing back {running.name}",
                    )
                for copy in running.copies:
                    self._park(Waiting(copy, None, running.order), why, seconds)
            case Drained():
                pass
            case _:
                assert_never(ended)

    async def _answer(
        self,
        claim: NotYet | Over | Settled | Busy | Suspect | Exhausted,
        order: Order,
        waiting: Waiting,
        slot: Slot,
    ) -> None:
        agent = order.body.agent
        match claim:
            case NotYet():
                self._park(waiting, "not_yet")
            case Suspect():
                self._park(waiting, "suspect")
            case Busy(left_ms):
                metrics.duplicate_caught(agent, "busy")
                self._park(waiting, "busy", left_ms / 1000)
            case Over():
                metrics.duplicate_caught(agent, "over")
                self.intake.finish(waiting.copy)
            case Settled(stored):
                slot.release()
                metrics.duplicate_caught(agent, "settled")
                await self._settles.republish(order, stored)
                self.intake.finish(waiting.copy)
            case Exhausted(deliveries):
                slot.release()
                await self._settles.without_claim(order, poison(order, deliveries, self._services.source))
                self.intake.finish(waiting.copy)
            case _:
                assert_never(claim)

    def _park(self, waiting: Waiting, why: Why, seconds: float = 0.0) -> None:
        if self._closed or not self.intake.parked(waiting.copy):
            return
        wait = seconds + seconds_of(why, waiting.parks)
        if waiting.parks == 0 and waiting.order is not None:
            body = waiting.order.body
            logs.handoff(
                "parked",
                traceparent=waiting.order.trace.traceparent,
                run_id=waiting.order.run_id,
                task_id=body.task_id,
                agent=body.agent,
                attempt=body.attempt,
                reason=why,
                seconds=round(wait, 3),
            )
        waiting.parks += 1
        for over in self._parking.park(waiting, why, self._shared.clock() + wait):
            self.intake.finish(over.copy, parked=True)
        self._some.set()
