"""Handing claims back that won't be finished here.

The next worker need not wait for their leases, and counts nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from argosy.agents.lanes import Lanes
from argosy.agents.order import Order
from argosy.broker.store import Arg, Script, Store
from argosy.schemas.chat import Usage

_HAND_BACK: Final = Script(__file__, "hand_back")
_MOST: Final = 100
_NOTHING: Final[Mapping[str, Usage]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HandBack:
    """Hands claims back."""

    store: Store
    lanes: Lanes

    async def hand_back(
        self, claims: Iterable[tuple[Order, str]], spent: Mapping[str, Usage] = _NOTHING
    ) -> int:
        """Give up claims by their fences; say how many were still ours. Idempotent.

        `spent`, by fence: what an attempt took so far, which its next delivery is to settle.

        Raises Unreachable, Refused.
        """
        by_lane: dict[int, list[tuple[str, str]]] = {}
        for order, fence in claims:
            key = self.lanes.keys(order.body.lane).task(order.body.task_id)
            by_lane.setdefault(order.body.lane, []).append((key, fence))
        count = 0
        for pairs in by_lane.values():
            for first in range(0, len(pairs), _MOST):
                some = pairs[first : first + _MOST]
                args: list[Arg] = []
                for _, fence in some:
                    usage = spent.get(fence)
                    args += (fence, "" if usage is None else f"{usage.input_tokens} {usage.output_tokens}")
                said = await self.store.run(_HAND_BACK, [key for key, _ in some], args)
                count += said if isinstance(said, int) else 0
        return count
