"""Settling successes, a turn of the loop at a time: results of a lane in one script, records in one call.

The same order as everywhere: store the result under the fence, append `task.settled`, then finish the offset. What
is not plain (a payload to store, facts to find) is stored and found first, and then settles with what is there.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from argosy.agents.attempt import Attempts
from argosy.agents.claiming import Begin
from argosy.agents.ending import Ended, Endings, Finished, Parked, tell_settled
from argosy.agents.hold import MOST, Held, Holding
from argosy.agents.patience import patiently
from argosy.agents.result import Result, result_of
from argosy.agents.running import Running
from argosy.agents.services import Services
from argosy.agents.settle import LETTERS, Settles, fits, record
from argosy.agents.success import Success
from argosy.agents.verdict import Failed
from argosy.broker.log import Outgoing
from argosy.schemas.errors import MessageTooLarge, Refused, Unreachable
from argosy.telemetry import logs, metrics, steps
from argosy.telemetry.spans import Traced

_MOST_BYTES: Final = 1_000_000
"""Of results in one call."""
_LATE_SECONDS: Final = 0.02
"""So long outcomes wait at most for calls to Redis and Kafka that are under way."""
_ENOUGH: Final = 256
"""Outcomes that are worth a call to Kafka by themselves."""
_FINISHED: Final = Finished()


@dataclass(slots=True, eq=False)
class _Settling:
    running: Running
    body: bytes
    sending: Traced
    said: Held = "ok"
    record: Outgoing | None = None
    """Once it was made: sent again, it is the same."""


class Settling:
    """Settles what `add` takes at the next `flush`; `ended` is told of each that is settled."""

    def __init__(self, services: Services, begin: Begin, ended: Callable[[Running, Ended], None]) -> None:
        """Nothing is done yet."""
        self._services, self._begin, self._ended = services, begin, ended
        self._success = Success(services.source, services.count_tokens)
        self._added: dict[int, list[_Settling]] = {}
        self._storing: set[int] = set()
        self._stored: list[_Settling] = []
        self._publishing = 0
        self._soon = False
        self._late: asyncio.TimerHandle | None = None

    def add(self, running: Running, data: bytes) -> None:
        """Take a success by the JSON of its value."""
        body = self._success.body(running, data)
        if body is None:
            self._begin(self._find(running, data), "find a result")
        else:
            self._take(running, body)

    async def _find(self, running: Running, data: bytes) -> None:
        with running.log_context():
            found = await result_of(
                data, running.order.body, self._services, running.taint, running.payloads.values()
            )
        if isinstance(found, Result):
            self._take(running, self._success.body_of(running, found))
            if not self._soon:  # what was put by one thread is found in one turn
                self._soon = True
                asyncio.get_running_loop().call_soon(self.flush)
        else:
            self._ended(running, await Endings(self._services).end(running, Failed(found)))

    def _take(self, running: Running, body: bytes) -> None:
        sending = span = running.span
        if span.recording:
            steps.invoked(span, "succeeded", running.usage, running.seconds)
            sending = steps.settle(self._services.topics.runs, Attempts.work(running), "succeeded", span)
        one = _Settling(running, body, sending)
        if fits(len(body), self._services):
            self._added.setdefault(running.order.body.lane, []).append(one)
        else:
            running.ordinal += 1
            self._begin(self._shrink(one), "settle a small failure")

    def flush(self) -> None:
        """Begin to settle what was added: what comes while a lane's call is under way goes into its next one."""
        self._soon = False
        for lane in self._added.keys() - self._storing:
            self._storing.add(lane)
            self._begin(self._store_all(lane), "store results")

    async def _store_all(self, lane: int) -> None:
        while some := self._added.pop(lane, None):
            for chunk in _chunks(some):
                await self._store(lane, chunk)
                self._publish_soon()
        self._storing.discard(lane)
        self._publish_soon()

    async def _store(self, lane: int, some: list[_Settling]) -> None:
        holds = self._services.holds
        holdings = [
            Holding(one.running.order, one.running.fence, holds.lease_ms, LETTERS["succeeded"] + one.body)
            for one in some
        ]
        held = await patiently(
            lambda: holds.store_results(self._services.store, lane, holdings),
            f"storing {len(some)} results of lane {lane}",
        )
        over: list[_Settling] = []
        for one, said in zip(some, held, strict=True):
            one.said = said
            if said == "over":
                over.append(one)
            else:  # a superseded success is published all the same: fold takes one of any attempt
                self._stored.append(one)
        self._done(over)

    def _publish_soon(self) -> None:
        """Publish what is stored: with what is being stored just now, or when a call to Kafka under way is back.

        But not much later: that one may wait for one partition only, and one lane follows the other.
        """
        if not self._publishing and (not self._storing or len(self._stored) >= _ENOUGH):
            self._publish_now()
        elif self._stored and self._late is None:
            self._late = asyncio.get_running_loop().call_later(_LATE_SECONDS, self._publish_now)

    def _publish_now(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if not self._stored:
            return
        self._publishing += 1
        self._begin(self._publish(), "publish results")

    async def _publish(self) -> None:
        left, self._stored = self._stored, []
        await self._send(left)
        self._publishing -= 1
        self._publish_soon()

    async def _send(self, left: list[_Settling]) -> None:
        now_ms = time.time_ns() // 1_000_000

        async def send() -> None:
            nonlocal left
            sent = await self._services.producer.send_many(
                [one.record or self._record(one, now_ms) for one in left]
            )
            done: list[_Settling] = []
            again: list[_Settling] = []
            first: Unreachable | Refused | None = None
            for one, said in zip(left, sent, strict=True):
                match said:
                    case (_, _):
                        done.append(one)
                    case MessageTooLarge():
                        self._begin(self._shrink(one), "settle a small failure")
                    case Unreachable() | Refused():
                        again.append(one)
                        first = first or said
                    case _:
                        raise said
            left = again
            self._done(done)
            if first is not None:
                raise first

        await patiently(send, f"publishing {len(left)} outcomes")

    def _record(self, one: _Settling, now_ms: int) -> Outgoing:
        running = one.running
        running.ordinal += 1
        order, trace = running.order, running.span.trace
        one.record = sent = record(order, one.body, trace, running.ordinal, self._services, now_ms)
        return sent

    async def _shrink(self, one: _Settling) -> None:
        running = one.running
        one.said = await Settles(self._services).settle_small(running, one.body, one.said, running.span.trace)
        self._done((one,))

    def _done(self, some: Sequence[_Settling]) -> None:
        if not some:
            return
        told = logs.told()
        for one in some:
            running, said = one.running, one.said
            one.sending.end()
            running.span.end()
            if told:
                tell_settled(running, "succeeded", said)
            self._ended(running, Parked("lost", 0.0) if said == "loss" else _FINISHED)
        agent = some[0].running.order.body.agent  # all are of one desk
        metrics.tasks_settled(agent, "succeeded", [one.running.seconds for one in some])


def _chunks(some: list[_Settling]) -> Iterator[list[_Settling]]:
    chunk: list[_Settling] = []
    size = 0
    for one in some:
        if chunk and (len(chunk) >= MOST or size + len(one.body) > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(one)
        size += len(one.body)
    if chunk:
        yield chunk
