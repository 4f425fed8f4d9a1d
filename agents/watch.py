"""Telling people who watch: progress, streamed text, what runs. Lossy by design.

Nothing correct depends on it.
"""

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.log import Outgoing, Producer
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.watch import WatchMessage

MOST: Final = 2_000
"""Messages that wait to be sent; above it the oldest are dropped."""
_AT_ONCE: Final = 100


@dataclass(slots=True)
class Watchers:
    """What is told waits in a bounded queue, and is sent by `run`; `tell` never waits and never fails."""

    producer: Producer
    topic: str
    source: str
    _queue: deque[Outgoing] = field(default_factory=lambda: deque[Outgoing](maxlen=MOST))
    _some: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def tell(self, run_id: str, message: WatchMessage, traceparent: str | None = None) -> None:
        """Tell it to whoever watches the run."""
        envelope = Envelope(
            kind=message.KIND,
            id=f"{self.source}/{next(self._numbers)}",
            source=self.source,
            subject=run_id,
            traceparent=traceparent,
        )
        self._queue.append(
            Outgoing(self.topic, run_id.encode(), encode_body(message), envelope.headers(), None)
        )
        self._some.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is told until `stop`, and then what is left."""
        stopping = asyncio.create_task(stop.wait(), name="watchers stop")
        try:
            while not stop.is_set():
                waiting = asyncio.create_task(self._some.wait(), name="watchers wait")
                await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                await self._send_all()
        finally:
            stopping.cancel()

    async def _send_all(self) -> None:
        self._some.clear()
        while self._queue:
            some = [self._queue.popleft() for _ in range(min(_AT_ONCE, len(self._queue)))]
            await self.producer.post(some)
