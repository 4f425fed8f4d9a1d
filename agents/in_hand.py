"""What a worker has in hand of one agent, as its presence tells it to people who look."""

from collections import Counter
from collections.abc import Iterable

from argosy.agents.intake import Waiting
from argosy.agents.order import Copy, Order
from argosy.agents.running import Running
from argosy.broker.presence import Held, InHand, Progress


def in_hand(
    running: Iterable[Running], parked: Iterable[Waiting], slots: int, progress: Progress | None = None
) -> InHand:
    """Count by partition; a task that runs for several copies of its order counts each of them."""
    return InHand(
        running=_held((copy, each.order) for each in running for copy in each.copies),
        parked=_held((each.copy, each.order) for each in parked),
        slots=slots,
        progress=progress,
    )


def _held(of: Iterable[tuple[Copy, Order | None]]) -> Held:
    numbers: Counter[int] = Counter()
    tokens: Counter[int] = Counter()
    since_ms: int | None = None
    for copy, order in of:
        numbers[copy.partition.number] += 1
        if order is None:
            continue
        tokens[copy.partition.number] += order.body.tokens
        if since_ms is None or order.appended_ms < since_ms:
            since_ms = order.appended_ms
    return Held(partitions=dict(numbers), tokens=dict(tokens), since_ms=since_ms)
