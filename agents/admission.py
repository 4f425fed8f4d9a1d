"""Letting the model calls of one attempt in: when it is their turn at a limited model, within the budget of the run."""

import asyncio
import math
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from argosy.agents.budget import Cost
from argosy.agents.limiter import Limiter
from argosy.agents.model_client import ModelRequest
from argosy.agents.patience import patiently
from argosy.agents.purse import Purse
from argosy.agents.running import Running
from argosy.agents.turnstile import Call, Party, Turnstile
from argosy.schemas.chat import Usage
from argosy.schemas.errors import (
    ContextOverflow,
    ModelBusy,
    ModelFailed,
    ModelRefused,
)
from argosy.telemetry import metrics

UNKNOWN_OUTPUT_TOKENS: Final = 512
"""Reserved for an answer whose length nobody bounds; what it takes is put right afterwards."""
_LOOK_SECONDS: Final = 0.25
_DOUBLINGS: Final = 8
_SURE_SECONDS: Final = 0.25
_UNDER_WAY: Final = set[asyncio.Task[None]]()
"""Round trips that nobody waits for any more: the loop itself holds no task."""
_BACK_SECONDS: Final = 2.0
"""Whoever waits for others to give back of the budget looks again so much later."""


@dataclass(slots=True)
class Turn:
    """A call that was let in."""

    again: bool = False
    """The server was busy after all: the call is to wait for its turn once more."""
    begun: bool = False
    """Something came of it already: to make it again would repeat that."""
    usage: Usage | None = None
    """What it took, once that is known."""


class Admissions:
    """Lets the model calls of one attempt in, one by one or several at once."""

    def __init__(
        self, limiter: Limiter | None, purse: Purse | None, running: Running, wait_seconds: float
    ) -> None:
        """Nobody waits. Without a limiter no model has limits; without a purse the run has no budget."""
        self._limiter, self._purse, self._running, self._wait_seconds = limiter, purse, running, wait_seconds
        self._numbers = count(1)
        self._places = _Places()
        self._party = Party()
        self._waiting: set[Call] = set()
        self._entered = False
        """A call was let in before: to hand the slot back is to make it again, and so it may never end."""

    async def enter(self, request: ModelRequest) -> "Entered":
        """Wait for a call's turn, and reserve what it may take; the attempt's time stands still.

        Raises ModelBusy if its slot is better used by others; BudgetSpent; Unreachable and Refused of Redis.
        """
        limiter = self._limiter
        turnstile = None if limiter is None else limiter.turnstile(request.provider, request.model)
        until = asyncio.get_running_loop().time() + (math.inf if self._entered else self._wait_seconds)
        with self._running.limit.paused():
            entered = await self._let_in(request, turnstile, until)
        self._entered = True
        return entered

    async def _let_in(self, request: ModelRequest, turnstile: Turnstile | None, until: float) -> "Entered":
        """Wait for the turn, then for the budget. Whose budget others have reserved meanwhile lets its turn go.

        It makes no call until they give back, and a bucket that lets few calls in would let nobody else in either.
        """
        entered, purse = Entered(request, str(next(self._numbers)), purse=self._purse), self._purse
        turned = await self._turned(entered, turnstile)
        if purse is None:
            return turned
        try:
            cost = purse.cost(request, most_of(request))
            if await self._reserve(purse, entered, cost):
                return turned
        except BaseException:
            turned.drop()
            raise
        turned.drop()
        await self._reserve(purse, entered, cost, until)
        try:
            return await self._turned(entered, turnstile)
        except BaseException:
            await _surely(purse.pay(entered.number, Cost(0, 0)))
            raise

    async def _turned(self, entered: "Entered", turnstile: Turnstile | None) -> "Entered":
        """Wait for a turn at a model that has limits."""
        if turnstile is None:
            return entered
        request = entered.request
        call = await self._turn(turnstile, request, next(self._numbers))
        return replace(entered, turnstile=turnstile, call=call, request=replace(request, limited=True))

    async def _turn(self, turnstile: Turnstile, request: ModelRequest, number: int) -> Call:
        running, body = self._running, self._running.order.body
        loop = asyncio.get_running_loop()
        place, began = self._places.take(), loop.time()
        call = Call(
            id=f"{running.fence}:{number}",
            place=f"{body.task_id}#{body.attempt}:{place}",
            agent=request.agent,
            tokens=most_of(request).total_tokens,
            until=loop.time() + self._wait_seconds,  # once one was let in, its party knows no end
            party=self._party,
        )
        self._waiting.add(call)
        if len(self._waiting) > 1:
            # Their turns may be at different times, of different models: each delivery waits longer for both.
            patience = self._wait_seconds * 2 ** min(running.waits, _DOUBLINGS)
            for one in self._waiting:
                one.until = max(one.until, loop.time() + patience)
        try:
            await turnstile.enter(call)
        finally:
            self._waiting.discard(call)
            self._places.leave(place)
            metrics.turn_awaited(request.provider, request.model, request.agent, loop.time() - began)
        return call

    async def _reserve(
        self, purse: Purse, entered: "Entered", cost: Cost, until: float | None = None
    ) -> bool:
        """Reserve what a call may take, looking again `until` there is room; without that, once. Raises ModelBusy."""
        running = self._running
        doing = f"reserving for a model call of {running.name}"
        while True:
            # A repeat is the same reservation; another delivery's would come on top of it.
            try:
                said = await patiently(lambda: purse.reserve(entered.number, cost), doing, running)
            except asyncio.CancelledError:
                await _surely(purse.pay(entered.number, Cost(0, 0)))
                raise
            if said == "ok" or until is None:
                return said == "ok"
            if asyncio.get_running_loop().time() >= until:
                why = "others may give back" if said == "wait" else "the lane is not live"
                message = f"the budget of run {running.order.run_id} is reserved for now: {why}"
                raise ModelBusy(message, after_seconds=_BACK_SECONDS)
            await asyncio.sleep(_LOOK_SECONDS)


def most_of(request: ModelRequest) -> Usage:
    """Say what a call may take at most, as far as that is known."""
    return Usage(
        input_tokens=request.prompt_tokens, output_tokens=request.max_output_tokens or UNKNOWN_OUTPUT_TOKENS
    )


async def _surely(work: Coroutine[None, None, None]) -> None:
    """See a round trip through for a handler that is being cancelled, if it is cancelled again too.

    A handler that was told to stop has little time to: where Redis is away or slow, the round trip goes on without it.
    """
    task = asyncio.create_task(work, name="put a cancelled call right")
    _UNDER_WAY.add(task)
    task.add_done_callback(_UNDER_WAY.discard)
    await asyncio.wait([task], timeout=_SURE_SECONDS)
    if task.done():
        task.result()


@dataclass(slots=True)
class _Places:
    """Numbers of the calls of one attempt that wait at once: the next delivery has the same, and takes their places."""

    taken: set[int] = field(default_factory=set[int])

    def take(self) -> int:
        number = next(number for number in count() if number not in self.taken)
        self.taken.add(number)
        return number

    def leave(self, number: int) -> None:
        self.taken.discard(number)


@dataclass(frozen=True, slots=True)
class Entered:
    """A call that was let in. Where there are neither limits nor a budget, nobody is told anything."""

    request: ModelRequest
    number: str = ""
    turnstile: Turnstile | None = None
    call: Call | None = None
    purse: Purse | None = None

    def drop(self) -> None:
        """Give the turn back: the call is not made, or not yet."""
        if self.turnstile is not None and self.call is not None:
            self.turnstile.dropped(self.call)

    @asynccontextmanager
    async def calling(self) -> AsyncGenerator[Turn]:
        """Make the call inside; whichever way it ends, bucket and budget are told once what it took.

        A server that was busy all the same makes it `again`, and nothing is raised, unless something came of it.
        """
        turn, prompt = Turn(), Usage(input_tokens=self.request.prompt_tokens)
        try:
            yield turn
        except ModelBusy as error:
            if self.turnstile is not None and self.call is not None:
                metrics.model_limited(self.request.provider, self.request.model)
                self.turnstile.busy(self.call, error.after_seconds, over_limit=error.over_limit)
                turn.again = not turn.begun
            await self._paid(prompt if turn.begun else Usage())
            if not turn.again:
                raise
        except (ModelRefused, ContextOverflow):
            await self._ended(Usage())
            raise
        except ModelFailed:
            await self._ended(turn.usage or prompt)
            raise
        except BaseException:
            # Cancelled, or left early: what came of a stream is known, and of any other call what it took at most.
            await self._ended(turn.usage or most_of(self.request), surely=True)
            raise
        else:
            await self._ended(turn.usage or prompt)

    async def _ended(self, usage: Usage, *, surely: bool = False) -> None:
        if self.turnstile is not None and self.call is not None:
            self.turnstile.ended(self.call, usage.total_tokens)
        await (_surely(self._paid(usage)) if surely and self.purse is not None else self._paid(usage))

    async def _paid(self, usage: Usage) -> None:
        if self.purse is not None:
            await self.purse.pay(self.number, self.purse.cost(self.request, usage))
