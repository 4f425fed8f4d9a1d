"""Claims under way in one desk: all attempts of a lane that may start now, in one call."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from argosy.agents.claim import MOST, Ask, Claim, Granted, Suspect, new_fences
from argosy.agents.intake import Waiting
from argosy.agents.order import Order
from argosy.agents.patience import patiently
from argosy.agents.services import Services
from argosy.agents.suspects import Suspects

Begin = Callable[[Coroutine[Any, Any, None], str], None]
"""Begins something that goes on beside; it must not raise but for defects."""


class Answer(NamedTuple):
    """What was said of an order that asked for its attempt."""

    waiting: Waiting
    order: Order
    fence: str
    said: Claim


@dataclass(slots=True)
class Claiming:
    """Asks for attempts, and remembers what was asked until it is answered."""

    services: Services
    suspects: Suspects
    begin: Begin
    answered: Callable[[list[Answer]], None]
    """Told what was said of attempts of one lane."""
    closed: bool = False
    """Set when nothing more is to be asked."""
    _asking: dict[int, list[tuple[Waiting, Order]]] = field(
        default_factory=dict[int, "list[tuple[Waiting, Order]]"]
    )
    _under_way: dict[int, Sequence[Ask]] = field(default_factory=dict[int, "Sequence[Ask]"])

    def __iter__(self) -> Iterator[Ask]:
        """List what was asked and not answered: it may have been granted."""
        return (ask for asks in self._under_way.values() for ask in asks)

    def ask(self, waiting: Waiting, order: Order) -> None:
        """Ask soon: with all others of the lane in this turn, or when the call under way for it is back."""
        lane = order.body.lane
        asking = self._asking.get(lane)
        if asking is not None:
            asking.append((waiting, order))
        else:
            self._asking[lane] = [(waiting, order)]
            self.begin(self._ask_all(lane), "claims of a lane")

    async def _ask_all(self, lane: int) -> None:
        asking = self._asking[lane]
        while asking and not self.closed:
            some = asking[:MOST]
            del asking[:MOST]
            claims = await self.claim(lane, [order for _, order in some])
            self.answered([Answer(*of, *said) for of, said in zip(some, claims, strict=True)])
        del self._asking[lane]

    async def claim(self, lane: int, orders: Sequence[Order]) -> list[tuple[str, Claim]]:
        """Claim attempts of one lane; give the fence and the answer of each. Waits for Redis as long as it takes."""
        fences = new_fences(len(orders), self.services.name)
        asks = list(zip(orders, fences, strict=True))
        may = self.suspects.may_claim()
        self._under_way[id(asks)] = asks
        granted_suspect = False
        try:
            claims = await patiently(
                lambda: self.services.claims.claim(lane, asks, suspects=may),
                f"claiming {len(asks)} attempts of lane {lane}",
            )
            granted = [n for n, one in enumerate(claims) if isinstance(one, Granted) and one.deliveries]
            # One was granted, that answer was lost, and when we asked again another one was before it.
            for number in granted[1:]:
                await self._give_back(asks[number])
                claims[number] = Suspect()
            granted_suspect = bool(granted)
        finally:
            if may:
                self.suspects.claimed(suspect=granted_suspect)
        # After a cancellation they stay there.
        del self._under_way[id(asks)]
        return list(zip(fences, claims, strict=True))

    async def _give_back(self, ask: Ask) -> None:
        await patiently(lambda: self.services.hand_back.hand_back([ask]), "handing back a suspect")
