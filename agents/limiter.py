"""The limits of models as one worker process keeps them: a turnstile for each model that has any."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from argosy.agents.bucket import bucket_of
from argosy.agents.model_client import ModelRequest
from argosy.agents.running import Running
from argosy.agents.turnstile import Call, Turnstile
from argosy.broker.store import Store
from argosy.schemas.chat import Usage
from argosy.schemas.errors import ContextOverflow, ModelBusy, ModelFailed, ModelRefused
from argosy.schemas.settings import Settings
from argosy.telemetry import metrics

UNKNOWN_OUTPUT_TOKENS: Final = 512
"""Reserved for an answer whose length nobody bounds; what it takes is put right afterwards."""


class Limiter:
    """One per process. `run` must go on as long as calls are made."""

    def __init__(self, store: Store, settings: Settings) -> None:
        """Nothing is asked yet."""
        self._store, self._settings = store, settings
        self._turnstiles: dict[tuple[str, str], Turnstile | None] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self, leave: asyncio.Event) -> None:
        """Serve until `leave`; then tell what calls took last."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for turnstile in self._turnstiles.values():
                self._begin(turnstile)
            await leave.wait()
            self._tasks = None
            for turnstile in self._turnstiles.values():
                if turnstile is not None:
                    turnstile.close()

    def turnstile(self, provider: str, model: str) -> Turnstile | None:
        """Give the turnstile of a model; None if it has no limits."""
        which = (provider, model)
        if which not in self._turnstiles:
            settings = self._settings
            bucket = bucket_of(self._store, settings.redis.key_prefix, settings.model, provider, model)
            self._turnstiles[which] = turnstile = None if bucket is None else Turnstile(bucket)
            self._begin(turnstile)
        return self._turnstiles[which]

    def _begin(self, turnstile: Turnstile | None) -> None:
        if turnstile is not None and self._tasks is not None:
            self._tasks.create_task(turnstile.run(), name=f"turnstile {turnstile.bucket.keys.model}")

    def admissions(self, running: Running) -> "Admissions":
        """Give what lets the calls of one attempt in."""
        return Admissions(self, running, self._settings.model.limit_wait_seconds)


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

    def __init__(self, limiter: Limiter, running: Running, wait_seconds: float) -> None:
        """Nobody waits."""
        self._limiter, self._running, self._wait_seconds = limiter, running, wait_seconds
        self._numbers = count(1)
        self._places = _Places()

    async def enter(self, request: ModelRequest) -> "Entered":
        """Wait for a call's turn; the attempt's time stands still.

        Raises ModelBusy if its slot is better used by others; Unreachable and Refused of Redis.
        """
        turnstile = self._limiter.turnstile(request.provider, request.model)
        if turnstile is None:
            return Entered(None, None, request)
        running, body = self._running, self._running.order.body
        loop = asyncio.get_running_loop()
        number = self._places.take()
        began = loop.time()
        call = Call(
            id=f"{running.fence}:{next(self._numbers)}",
            place=f"{body.task_id}#{body.attempt}:{number}",
            agent=request.agent,
            tokens=request.prompt_tokens + (request.max_output_tokens or UNKNOWN_OUTPUT_TOKENS),
            until=began + self._wait_seconds,
        )
        try:
            with running.limit.paused():
                await turnstile.enter(call)
        finally:
            self._places.leave(number)
            metrics.turn_awaited(request.provider, request.model, request.agent, loop.time() - began)
        return Entered(turnstile, call, replace(request, limited=True))


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
    """A call whose turn it is. Of a model without limits nothing is told."""

    turnstile: Turnstile | None
    call: Call | None
    request: ModelRequest

    @contextmanager
    def calling(self) -> Generator[Turn]:
        """Make the call inside; whichever way it ends, the bucket is told once what it took.

        A server that was busy all the same makes it `again`, and nothing is raised, unless something came of it.
        """
        turn = Turn()
        used: int | None = self.request.prompt_tokens + (
            self.request.max_output_tokens or UNKNOWN_OUTPUT_TOKENS
        )
        try:
            yield turn
            if turn.usage is not None:
                used = turn.usage.total_tokens
        except ModelBusy as error:
            if self.turnstile is None or self.call is None:
                raise
            used = None
            metrics.model_limited(self.request.provider, self.request.model)
            self.turnstile.busy(self.call, error.after_seconds)
            if turn.begun:
                raise
            turn.again = True
        except (ModelRefused, ContextOverflow):
            used = 0
            raise
        except ModelFailed:
            used = self.request.prompt_tokens if turn.usage is None else turn.usage.total_tokens
            raise
        finally:
            # Cancelled, or worse: nobody knows what it took, so all that it reserved is spent.
            if used is not None and self.turnstile is not None and self.call is not None:
                self.turnstile.ended(self.call, used)
