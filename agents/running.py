"""What runs here: one object per granted attempt, from its grant until its outcome is settled."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from argosy.agents.order import Copy, Order
from argosy.agents.time_limit import TimeLimit

Stop = Literal["over", "loss", "limit", "drain"]
"""Why an attempt is to stop: it is over; another has the claim; its time is up; the worker leaves."""

_SOON_SECONDS: Final = 0.001


@dataclass(slots=True, eq=False)
class Running:
    """A granted attempt. The event loop's own; the lease thread reads `order`, `fence` and `limit` only."""

    order: Order
    fence: str
    deliveries: int
    limit: TimeLimit
    copies: list[Copy]
    """The records that order this attempt: all are finished when it is settled."""
    suspect: bool = False
    ordinal: int = 0
    """Of the last record that it appended to the run log: (cause, ordinal) sorts what a worker did."""
    stopped: Stop | None = None
    """The first reason to stop."""
    _waiter: "asyncio.Future[None] | None" = field(init=False, default=None)

    @property
    def name(self) -> str:
        """Name it for people: `<task>#<attempt>`."""
        return f"{self.order.body.task_id}#{self.order.body.attempt}"

    def stop(self, why: Stop) -> None:
        """Ask it to stop; the first reason counts. Nothing happens to an attempt that is being settled."""
        if self.stopped is None:
            self.stopped = why
            self._wake()

    async def until_done(self, handler: "asyncio.Future[Any]") -> bool:
        """Wait until the handler is done (True), or until there is a reason to stop."""
        loop = asyncio.get_running_loop()
        handler.add_done_callback(self._wake)
        timer = loop.call_later(max(0.0, self.limit.left()), self._look_at_clock)
        try:
            while not handler.done() and self.stopped is None:
                self._waiter = loop.create_future()
                await self._waiter
                # The limit may have stood still meanwhile: then there is time left.
                if timer.when() <= loop.time() and self.stopped is None:
                    timer = loop.call_later(max(_SOON_SECONDS, self.limit.left()), self._look_at_clock)
        finally:
            timer.cancel()
            self._waiter = None
        return handler.done()

    def _look_at_clock(self) -> None:
        if self.limit.left() <= 0:
            self.stop("limit")
        else:
            self._wake()

    def _wake(self, _handler: object = None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
