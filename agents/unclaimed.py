"""Outcomes that are published here though no handler ran here: one that was stored already, and poison.

Told as what they are: the span of a result that an earlier delivery stored says so, for that one's own spans may have
died with its process.
"""

from dataclasses import dataclass
from typing import Final

from argosy.agents.order import Order
from argosy.agents.services import Services
from argosy.agents.settle import LETTERS, Settles, poison
from argosy.telemetry import logs, metrics, names, steps
from argosy.telemetry.steps import Work

_OUTCOMES: Final = {letter: outcome for outcome, letter in LETTERS.items()}


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """Publishes outcomes of orders that nobody was granted here. Safe to repeat."""

    services: Services

    async def publish_stored(self, order: Order, stored: bytes) -> None:
        """Publish what an earlier delivery has stored: who did may have died before it was in the log."""
        outcome = _OUTCOMES.get(stored[:1], "unknown")
        with steps.settle(self.services.topics.runs, _work(order), outcome, order.trace) as span:
            span.set({names.DUPLICATE: "settled"})
            await Settles(self.services).republish(order, stored, span.trace)
        _tell(order, outcome, span.trace.traceparent, again=True)

    async def publish_poison(self, order: Order, deliveries: int, *, again: bool) -> None:
        """Give a task up whose deliveries are used up; `again`: of another copy of its order, and counted there."""
        with steps.settle(self.services.topics.runs, _work(order, deliveries), "poison", order.trace) as span:
            span.fail("poison", f"{deliveries} deliveries lost their lease")
            settled = poison(order, deliveries, self.services.source)
            await Settles(self.services).without_claim(order, settled, span.trace)
        if again:
            metrics.duplicate_caught(order.body.agent, "settled")
        else:
            metrics.poisoned(order.body.agent)
        _tell(order, "poison", span.trace.traceparent, again=again)


def _work(order: Order, delivery: int = 0) -> Work:
    body = order.body
    return Work(order.run_id, body.task_id, body.agent, body.attempt, delivery, body.step)


def _tell(order: Order, outcome: str, traceparent: str | None, *, again: bool) -> None:
    logs.handoff(
        "settled",
        traceparent=traceparent,
        run_id=order.run_id,
        task_id=order.body.task_id,
        agent=order.body.agent,
        attempt=order.body.attempt,
        outcome=outcome,
        again=again,
    )
