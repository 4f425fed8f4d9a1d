"""Settling an attempt: store the result under the fence, append `task.settled`, then finish the offset.

Every gap is safe to repeat: what is stored is published again, byte for byte, by whoever claims the task
next; fold takes
an attempt's outcome once.
"""

import time
from dataclasses import dataclass
from typing import Final

from argosy.agents.hold import Held, Holding
from argosy.agents.order import Order
from argosy.agents.patience import patiently
from argosy.agents.running import Running
from argosy.agents.services import Services
from argosy.broker.log import Outgoing
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import HEADERS_BYTES, encoded
from argosy.schemas.errors import MessageTooLarge
from argosy.schemas.fault import Fault
from argosy.schemas.runlog import TaskSettled
from argosy.telemetry.propagation import Trace

LETTERS: Final = {"succeeded": b"k", "failed": b"f", "overflow": b"o", "poison": b"p"}
"""What a stored result begins with, so that nobody needs to decode it to know."""


@dataclass(frozen=True, slots=True)
class Settles:
    """Settles attempts, with endless patience for Redis and Kafka."""

    services: Services

    async def settle(self, running: Running, settled: TaskSettled, trace: Trace) -> Held:
        """Store and publish an outcome.

        `over`: nothing was published, the run needs no answer. `loss`: another has the claim; a success was
        published all
        the same (fold takes a success of any attempt), a failure was not.
        """
        data = self._fitting(settled)
        said = await self._store(running, settled.outcome, data)
        if said == "over" or (said == "loss" and settled.outcome != "succeeded"):
            return said
        running.ordinal += 1
        try:
            await self._publish(running.order, data, trace, running.ordinal)
        except MessageTooLarge:
            return await self.settle_small(running, data, said, trace)
        return said

    async def settle_small(self, running: Running, data: bytes, said: Held, trace: Trace) -> Held:
        """Settle as a small failure what Kafka would not take; `said` of the result when it was stored."""
        small = _too_large(TaskSettled.model_validate_json(data), len(data))
        data = encode_body(small)
        if said == "ok":
            said = await self._store(running, small.outcome, data)
        if said == "ok":
            await self._publish(running.order, data, trace, running.ordinal)
        return said

    async def republish(self, order: Order, stored: bytes, trace: Trace) -> None:
        """Publish a stored result again, as it is; one that Kafka takes no more is a small failure."""
        try:
            await self._publish(order, stored[1:], trace, 1)
        except MessageTooLarge:
            settled = TaskSettled.model_validate_json(stored[1:])
            await self._publish(order, encode_body(_too_large(settled, len(stored) - 1)), trace, 1)

    async def without_claim(self, order: Order, settled: TaskSettled, trace: Trace) -> None:
        """Publish an outcome that no claim stands behind: poison."""
        await self._publish(order, encode_body(settled), trace, 1)

    async def _store(self, running: Running, outcome: str, data: bytes) -> Held:
        holds, lane = self.services.holds, running.order.body.lane
        holding = Holding(running.order, running.fence, holds.lease_ms, LETTERS[outcome] + data)
        (said,) = await patiently(
            lambda: holds.store_results(self.services.store, lane, (holding,)),
            f"storing the result of {running.name}",
        )
        return said

    def _fitting(self, settled: TaskSettled) -> bytes:
        data = encode_body(settled)
        if fits(len(data), self.services):
            return data
        return encode_body(_too_large(settled, len(data)))

    async def _publish(self, order: Order, data: bytes, trace: Trace, ordinal: int) -> None:
        sent = record(order, data, trace, ordinal, self.services, time.time_ns() // 1_000_000)
        what = f"publishing {order.name}"
        await patiently(lambda: self.services.producer.send(sent), what)


def fits(size: int, services: Services) -> bool:
    """Say whether a body of so many bytes surely fits into a record."""
    return size <= services.settings.kafka.max_message_bytes - HEADERS_BYTES


def record(  # noqa: PLR0913, PLR0917 - what one differs in; by name each costs a tenth of a microsecond more, for every task
    order: Order, data: bytes, trace: Trace, ordinal: int, services: Services, now_ms: int
) -> Outgoing:
    """Build the record of the run log that answers an order; `now_ms`: epoch milliseconds."""
    body, run_id = order.body, order.run_id
    headers = encoded(
        TaskSettled.KIND, order.name, services.source, run_id, now_ms, order.cause, ordinal, *trace
    )
    return Outgoing(services.topics.runs, run_id.encode(), data, headers, body.lane)


def poison(order: Order, deliveries: int, worker: str) -> TaskSettled:
    """Make the outcome of a task whose deliveries are used up: whoever ran it died or lost its lease."""
    fault = Fault(
        code="poison",
        message=f"{deliveries} workers in turn died, or lost their lease, while they ran this task",
        figures={"deliveries": deliveries},
    )
    return TaskSettled(
        task_id=order.body.task_id,
        attempt=order.body.attempt,
        outcome="poison",
        fault=fault,
        worker=worker,
        deliveries=deliveries,
    )


def _too_large(settled: TaskSettled, size: int) -> TaskSettled:
    """Make the small failure that stands for a record which Kafka would never take."""
    fault = Fault(
        code="result_too_large",
        message=f"the record of this {settled.outcome} attempt has {size} bytes: more than Kafka takes here",
        figures={"bytes": size},
    )
    return TaskSettled(
        task_id=settled.task_id,
        attempt=settled.attempt,
        outcome="failed",
        fault=fault,
        usage=settled.usage,
        worker=settled.worker,
        deliveries=settled.deliveries,
        duration_ms=settled.duration_ms,
    )
