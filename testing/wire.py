"""The connection of a simulated process to a service: calls arrive in order, take a while, and may be lost.

A request that was sent takes effect even if its sender dies or is stopped meanwhile.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from argosy.schemas.errors import ArgosyError, Unreachable
from argosy.testing.virtual_loop import VirtualLoop

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

Fate = Literal["request lost", "reply lost", "late", "slow"]
NETWORK: Final = Context()
"""What is under way belongs to no process."""
_LATE_SECONDS: Final = (0.3, 0.9, 3.0, 6.0)
_SLOW_SECONDS: Final = (0.1, 0.3, 0.9, 2.0)
"""How much longer an answer takes that does come."""


class Network:
    """What all wires share: how long a way takes, and how much is under way."""

    def __init__(self, loop: VirtualLoop, seed: int | str, most_seconds: float) -> None:
        """Let a way take up to `most_seconds`."""
        self.loop, self.most_seconds = loop, most_seconds
        self.under_way = 0
        self.closed = False
        self.chance = random.Random(f"network {seed}")  # noqa: S311 - repeatable, no secret

    def way(self) -> float:
        """Draw how long one way takes."""
        return self.chance.random() * self.most_seconds

    async def travel(self) -> None:
        """Let one way pass."""
        there = self.loop.create_future()
        self.under_way += 1
        self.loop.call_later(self.way(), self._arrived, there, context=NETWORK)
        await there

    def _arrived(self, there: "asyncio.Future[None]") -> None:
        self.under_way -= 1
        if not there.done():
            there.set_result(None)


class Wire:
    """One process's connection to one service."""

    def __init__(self, network: Network, service: str, timeout_seconds: float) -> None:
        """Give a call up, as Unreachable, after `timeout_seconds`."""
        self._network, self._service, self._timeout = network, service, timeout_seconds
        self._last = 0.0
        self.fates: list[Fate | None] = []
        """What becomes of the next calls; without one, a call is answered."""

    async def call(self, what: str, effect: Callable[[], T]) -> T:
        """Let `effect` happen at the service and return what it gives, or raise what it raises."""
        result: T = await self.begin(what, effect)
        return result

    def begin(self, what: str, effect: Callable[[], T]) -> "asyncio.Future[T]":
        """Send the request of a call; the future is its answer."""
        network = self._network
        loop = network.loop
        answer: asyncio.Future[T] = loop.create_future()
        if network.closed:
            answer.set_exception(Unreachable("the simulation is over"))
            return answer
        fate = self.fates.pop(0) if self.fates else None
        # One connection: what was sent before arrives before.
        self._last = arrives = max(self._last, loop.time() + network.way())
        if fate is None or fate == "slow":
            network.under_way += 1
            more = network.chance.choice(_SLOW_SECONDS) if fate == "slow" else 0.0
            loop.call_at(arrives, self._arrive, effect, answer, more, context=NETWORK)
        else:
            loop.call_later(self._timeout, self._fail, what, answer, context=NETWORK)
            if fate != "request lost":
                late = loop.time() + network.chance.choice(_LATE_SECONDS) if fate == "late" else arrives
                loop.call_at(late, self._unheard, effect, context=NETWORK)
        return answer

    def _unheard(self, effect: Callable[[], Any]) -> None:
        with suppress(ArgosyError):
            self._happen(effect)

    def _arrive(self, effect: Callable[[], Any], answer: "asyncio.Future[Any]", more_seconds: float) -> None:
        value, error = None, None
        try:
            value = self._happen(effect)
        except Exception as raised:  # noqa: BLE001 - whatever it is belongs to the caller
            error = raised
        network = self._network
        network.loop.call_later(
            network.way() + more_seconds, self._back, answer, value, error, context=NETWORK
        )

    def _happen(self, effect: Callable[[], T]) -> T | None:
        return None if self._network.closed else effect()

    def _back(self, answer: "asyncio.Future[Any]", value: object, error: Exception | None) -> None:
        self._network.under_way -= 1
        if answer.done():
            return
        if error is not None:
            _raise(answer, error)
        else:
            answer.set_result(value)

    def _fail(self, what: str, answer: "asyncio.Future[Any]") -> None:
        if not answer.done():
            _raise(answer, Unreachable(f"{self._service} didn't answer ({what})"))


def _raise(answer: "asyncio.Future[Any]", error: Exception) -> None:
    answer.set_exception(error)
    answer.exception()  # who asked may be dead: that nobody hears of it is no trouble then
