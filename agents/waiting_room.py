"""What waits at a desk: records that get a slot next, decoded, and those that are parked until they may ask again."""

import asyncio
from collections.abc import Callable, Iterator
from typing import assert_never

from argosy.agents import dead
from argosy.agents.claim import Busy, Exhausted, NotYet, Over, Refusal, Settled, Suspect
from argosy.agents.claiming import Begin
from argosy.agents.intake import Intake, Waiting
from argosy.agents.order import Order, decode
from argosy.agents.parking import Parking, Why, seconds_of
from argosy.agents.running import NO_USAGE, Running
from argosy.agents.services import Services
from argosy.agents.unclaimed import Unclaimed
from argosy.broker.deadletters import Reason
from argosy.broker.log import Record
from argosy.broker.topics import OVERHEAD_BYTES
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.telemetry import logs, metrics


class WaitingRoom:
    """The records of one desk that hold no slot. `brought` is told when one may be due."""

    def __init__(
        self,
        intake: Intake,
        agent: str,
        services: Services,
        brought: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """Nothing waits yet; `clock` is monotonic, in seconds."""
        self._intake, self._agent, self._brought = intake, agent, brought
        self._services, self._clock = services, clock
        self._unclaimed = Unclaimed(services)
        self._parking: Parking[Waiting] = Parking(services.settings.worker.parked_most)
        self._most_bytes = services.settings.kafka.max_message_bytes + OVERHEAD_BYTES
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        """Count what is parked."""
        return len(self._parking)

    def __iter__(self) -> Iterator[Waiting]:
        """Look at what is parked, in no order."""
        return iter(self._parking)

    def clear(self) -> None:
        """Forget what is parked."""
        self._parking.clear()

    def close(self) -> None:
        """Give out nothing more."""
        self._closed = True
        self._intake.close()
        self._parking.clear()
        if self._alarm is not None:
            self._alarm.cancel()

    # -- what gets a slot

    def next(self, begin: Begin) -> tuple[Waiting, Order] | None:
        """Give out the one to be claimed next, decoded; None if there is none. What can't be read is buried beside."""
        while len(self._intake):
            waiting = self._intake.next()
            order = waiting.order or self._decode(waiting, begin)
            if order is not None:
                return waiting, order
        return None

    def let_in(self) -> None:
        """Let those wait for a slot that were parked until now."""
        for waiting in self._parking.due(self._clock()):
            self._intake.back(waiting)
        if self._parking.full != self._intake.full:
            self._intake.full = self._parking.full
            self._intake.regulate()
        due = self._parking.next_due()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if due is not None:
            wait = max(0.0, due - self._clock())
            self._alarm = asyncio.get_running_loop().call_later(wait, self._brought)

    def _decode(self, waiting: Waiting, begin: Begin) -> Order | None:
        record = waiting.record
        if record is None:
            return None
        try:
            if len(record.value or b"") > self._most_bytes:
                error = BadMessage(f"is over {self._most_bytes} bytes")
                begin(self._bury(waiting, record, "oversize", error), "bury")
                return None
            order = decode(record)
            _check_lane(order.body.lane, self._services.settings.fleet.lanes)
        except NewerVersion as error:
            logs.get("argosy.worker").warning(
                "work of a newer release waits for the roll-out", error=str(error)
            )
            self.park(waiting, "newer")
        except BadMessage as error:
            begin(self._bury(waiting, record, dead.reason_of(error), error), "bury")
        else:
            if order.body.agent != self._agent:
                wrong = BadMessage(f"is work for agent {order.body.agent!r}", field="agent")
                begin(self._bury(waiting, record, "wrong_agent", wrong), "bury")
            else:
                # The raw bytes go: a waiting handler must not hold them as well.
                waiting.order, waiting.record = order, None
                return order
        return None

    async def _bury(self, waiting: Waiting, record: Record, reason: Reason, error: BadMessage) -> None:
        await dead.bury(record, reason, error, self._services)
        self._intake.finish(waiting.copy)

    # -- what isn't granted

    def answer(self, refusal: Refusal, order: Order, waiting: Waiting, begin: Begin) -> None:
        """Do what is to be done with an order that was claimed and not granted."""
        agent = order.body.agent
        match refusal:
            case NotYet():
                self.park(waiting, "not_yet")
            case Suspect():
                self.park(waiting, "suspect")
            case Busy(left_ms):
                metrics.duplicate_caught(agent, "busy")
                self.park(waiting, "busy", left_ms / 1000)
            case Over():
                metrics.duplicate_caught(agent, "over")
                self._intake.finish(waiting.copy)
            case Settled(stored):
                metrics.duplicate_caught(agent, "settled")
                begin(self._republish(order, stored, waiting), "publish again")
            case Exhausted():
                begin(self._poison(order, refusal, waiting), "poison")
            case _:
                assert_never(refusal)

    async def _republish(self, order: Order, stored: bytes, waiting: Waiting) -> None:
        await self._unclaimed.publish_stored(order, stored)
        self._intake.finish(waiting.copy)

    async def _poison(self, order: Order, found: Exhausted, waiting: Waiting) -> None:
        await self._unclaimed.publish_poison(order, found.deliveries, again=found.again)
        self._intake.finish(waiting.copy)

    def park(self, waiting: Waiting, why: Why, seconds: float = 0.0) -> None:
        """Park a record for `seconds` and what is usual for the reason."""
        if self._closed or not self._intake.parked(waiting.copy):
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
        waiting.last = why in {"not_yet", "suspect", "expired"}
        for over in self._parking.park(waiting, why, self._clock() + wait):
            self._intake.finish(over.copy, parked=True)
        self._brought()

    def park_ended(self, running: Running, why: Why, seconds: float) -> None:
        """Park the records of an attempt that has ended without an outcome."""
        usage, parks = running.usage, running.parks if why == "expired" else 0  # it asks less and less often
        waits = running.waits + (why == "waiting")
        for copy in running.copies:
            self.park(Waiting(copy, None, running.order, parks, waits, usage=usage), why, seconds)
            usage = NO_USAGE  # of many copies one has it, so that it is counted once


def _check_lane(lane: int, lanes: int) -> None:
    """Raise BadMessage for a lane that the fleet hasn't.

    Nobody will ever mark it live, and who waits for that holds up the offset of all that came after.
    """
    if not 0 <= lane < lanes:
        raise BadMessage(f"is {str(lane)[:20]}, and this fleet has {lanes} lanes", field="lane")
