"""Side effects that are made once: look the memo up, make the effect if it is absent, record its outcome."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.agents.memo import Absent, Found, NotLive
from argosy.agents.order import Order
from argosy.agents.patience import patiently
from argosy.agents.running import Running
from argosy.agents.services import Services
from argosy.agents.within import inside
from argosy.broker.log import Outgoing
from argosy.broker.values import decode_value, encode_value, load, to_payload
from argosy.pipelines.annotation import Annotation, signature_of
from argosy.pipelines.port import Port, adapter_of, port_of
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadMessage, BuildError, ClaimLost
from argosy.schemas.late import LATE
from argosy.schemas.payload import Payload, tainted
from argosy.schemas.runlog import StepRecorded
from argosy.telemetry import propagation

T = TypeVar("T")

NAME_CHARACTERS: Final = 200
_ASK_AGAIN_SECONDS: Final = 0.025
_APPEND_AGAIN_SECONDS: Final = 30.0
"""Doubled each time; a lane that is only slow folds a repeat of a record to nothing."""
_NOT_LIVE_SECONDS: Final = 0.15
_PAYLOAD: Final[TypeAdapter[Payload]] = TypeAdapter(Payload, config=LATE)


@dataclass(slots=True)
class Steps:
    """The memos of one attempt. A memo is the payload of its value's JSON.

    A large one lies in the payload store.
    """

    running: Running
    services: Services
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])

    async def step(
        self, name: str, function: Callable[..., Awaitable[T]], args: tuple[object, ...], *, log: bool
    ) -> T:
        """Make the effect `function(*args)` once under this name; see `Context.step`."""
        port: Port[T] = output_of(function)

        async def effect() -> T:
            with inside(name):
                return await function(*args)

        return await self.memoised(name, port, effect, log=log)

    async def memoised(
        self, name: str, port: Port[T], effect: Callable[[], Awaitable[T]], *, log: bool = False
    ) -> T:
        """Return the memo's value, or make the effect and record it.

        Two calls of one name at once make one effect.
        """
        if not 0 < len(name) <= NAME_CHARACTERS:
            what, do = (
                f"a step named {name[:40]!r}… ({len(name)} characters)",
                "name it in 1 to 200 characters",
            )
            raise BuildError(what, "the name is the key of its memo", do)
        async with self._locks.setdefault(name, asyncio.Lock()):
            found = await self._look(name)
            if found is None:
                found = await self._record(name, port.encode(await effect()), log=log)
            elif log and found.offset is None:
                # Recorded before its author made it a logged one: the same value now goes into the log too.
                found = await self._append(name, found.value)
            return await self._value(found, port, name)

    async def _look(self, name: str) -> Found | None:
        """Look a memo up until the answer means something.

        Only under a live mark does absence say "not done".
        """
        order, fence = self.running.order, self.running.fence
        while True:
            self._check()
            found = await patiently(
                lambda: self.services.memos.look(order, fence, name),
                f"looking up memo {name!r} of {self.running.name}",
                self.running,
            )
            match found:
                case Found():
                    return found
                case Absent():
                    return None
                case NotLive():
                    await self._until_later()

    async def _record(self, name: str, value: bytes, *, log: bool) -> Found:
        payload = await self._patiently(
            lambda: to_payload(value, self.services.count_tokens, self.services.payloads), name
        )
        # A later attempt that takes the memo makes no call: it would not know what this one has seen.
        memo = _PAYLOAD.dump_json(tainted(payload, self.running.taint))
        if log:
            return await self._append(name, memo)
        order, fence = self.running.order, self.running.fence
        while True:
            self._check()
            found = await self._patiently(lambda: self.services.memos.set(order, fence, name, memo), name)
            if isinstance(found, Found):
                return found
            await self._until_later()

    async def _append(self, name: str, memo: bytes) -> Found:
        """Append the record, and wait until the commit that folds it has made the memo readable.

        The first record in the log wins, ours or another's; we write nothing ourselves, so that a zombie, a
        rebuild and we agree.
        """
        self._check()
        self.running.ordinal += 1
        record = self._recorded(self.running.order, name, decode_value(memo))
        clock, wait = asyncio.get_running_loop().time, _APPEND_AGAIN_SECONDS
        while True:
            await self._patiently(lambda: self.services.producer.send(record), name)
            found = await self._folded(name, clock() + wait)
            if found is not None:
                return found
            # Kafka may have lost what it acknowledged (an unclean election): nobody else would say it again.
            wait *= 2

    async def _folded(self, name: str, until: float) -> Found | None:
        """Wait until a memo was folded; None: it wasn't in time."""
        while True:
            found = await self._look(name)
            if found is not None and found.offset is not None:
                return found
            if asyncio.get_running_loop().time() >= until:
                return None
            with self.running.limit.paused():
                await asyncio.sleep(_ASK_AGAIN_SECONDS)

    def _recorded(self, order: Order, name: str, value: JsonValue) -> Outgoing:
        body = StepRecorded(task_id=order.body.task_id, attempt=order.body.attempt, name=name, value=value)
        trace = propagation.current()
        envelope = Envelope(
            kind=StepRecorded.KIND,
            id=f"{self.running.name}/{self.running.fence}/{self.running.ordinal}",
            source=self.services.source,
            subject=order.run_id,
            cause=order.cause,
            ordinal=self.running.ordinal,
            traceparent=trace.traceparent,
            tracestate=trace.tracestate,
        )
        return Outgoing(
            self.services.topics.runs,
            order.run_id.encode(),
            encode_body(body),
            envelope.headers(),
            order.body.lane,
        )

    async def _value(self, found: Found, port: Port[T], name: str) -> T:
        try:
            payload = _PAYLOAD.validate_json(found.value)
        except ValidationError:
            message = f"memo {name!r} of {self.running.name} is no payload"
            raise BadMessage(message) from None
        self.running.see(payload.taint)
        value = await self._patiently(lambda: load(payload, self.services.payloads), name)
        return port.decode(encode_value(value), name=f"memo {name!r}")

    async def _patiently(self, call: Callable[[], Awaitable[T]], name: str) -> T:
        return await patiently(call, f"memo {name!r} of {self.running.name}", self.running)

    async def _until_later(self) -> None:
        with self.running.limit.paused():
            await asyncio.sleep(_NOT_LIVE_SECONDS)

    def _check(self) -> None:
        if self.running.stopped in {"over", "loss"}:
            message = f"{self.running.name} is not ours any more"
            raise ClaimLost(message)


def output_of(function: Callable[..., Any]) -> Port[Any]:
    """Return the codec of what a step function gives, by its annotation; BuildError if there is none."""
    plain = function
    while isinstance(plain, functools.partial):
        plain = plain.func
    name = getattr(plain, "__name__", type(plain).__name__)
    do = f"annotate it: `async def {name}(...) -> int`, or whatever JSON type it gives"
    signature = signature_of(plain)
    if signature.return_annotation is signature.empty:
        what = f"step function {name!r} has no type for its result"
        raise BuildError(what, "a memo is read back by that type", do)
    return _port(signature.return_annotation, name, do)


@functools.lru_cache(maxsize=1024)
def _port(annotation: Annotation, name: str, do: str) -> Port[Any]:
    what = f"step function {name!r} has no JSON type for its result"
    return port_of(annotation, adapter_of(annotation, what=what, why="a memo is JSON", do=do))
