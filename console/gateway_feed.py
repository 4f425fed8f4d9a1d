"""One reader of the events' topic for all who watch through this gateway: it hands out, each keeps a bounded buffer.

A watcher that is too slow loses its oldest events and is told how many; nobody else notices. The reader runs while
anybody watches, and a while longer. What happened before is taken from what was read lately, or, if that doesn't go
back far enough, read once more from the topic by a reader of the watcher's own, a few at a time.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.log import Follower, Record
from argosy.client.links import RunEvent, read_events
from argosy.console.gateway_recent import Recent, size_of
from argosy.schemas.errors import ArgosyError
from argosy.telemetry import gateway_metrics, logs

MOST_EVENTS: Final = 1_000
MOST_BYTES: Final = 1024 * 1024
"""A watcher's buffer; what a slow one has not taken over this is dropped, oldest first."""
READ_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 60.0
"""So long the reader goes on when nobody watches: who comes back then finds what was missed."""
AGAIN_SECONDS: Final = 1.0
LOOK_BACKS: Final = 4
"""Watchers who read the topic's past at once."""


@dataclass(frozen=True, slots=True)
class Lagged:
    """So many events were dropped here: the watcher was too slow."""

    dropped: int


@dataclass(slots=True, eq=False)
class Watcher:
    """One watcher's buffer."""

    _events: deque[tuple[RunEvent, int]] = field(default_factory=deque[tuple[RunEvent, int]])
    _bytes: int = 0
    _dropped: int = 0
    _error: ArgosyError | None = None
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, event: RunEvent, size: int) -> None:
        """Keep an event; if need be instead of the oldest ones."""
        self._events.append((event, size))
        self._bytes += size
        while len(self._events) > MOST_EVENTS or self._bytes > MOST_BYTES:
            self._bytes -= self._events.popleft()[1]
            self._dropped += 1
        self._some.set()

    def fail(self, error: ArgosyError) -> None:
        """Nothing more will come: `get` raises this."""
        self._error = error
        self._some.set()

    async def get(self) -> RunEvent | Lagged:
        """Return the next event, when there is one. Raises what ended the reader."""
        while not self._events and not self._dropped:
            if self._error is not None:
                raise self._error
            self._some.clear()
            await self._some.wait()
        if self._dropped:
            lagged, self._dropped = Lagged(self._dropped), 0
            gateway_metrics.dropped(lagged.dropped)
            return lagged
        event, size = self._events.popleft()
        self._bytes -= size
        return event


class Feed:
    """Hands out events. `run` must be running."""

    def __init__(self, follower: Callable[[], Follower]) -> None:
        """`follower` makes one of the events' topic, unstarted."""
        self._follower = follower
        self._watchers: dict[str, set[Watcher]] = {}
        self._recent: Recent | None = None
        self._wanted, self._began = asyncio.Event(), asyncio.Event()
        self._look_backs = asyncio.Semaphore(LOOK_BACKS)
        self._error: ArgosyError | None = None
        self._coming = 0
        """Those who wait for the reader to begin: it may not stop before they watch."""

    @property
    def reading(self) -> bool:
        """Say whether the topic is being read now."""
        return self._recent is not None

    @property
    def watchers(self) -> int:
        """Count those who watch."""
        return sum(len(each) for each in self._watchers.values())

    async def run(self) -> None:
        """Read while anybody watches, until cancelled. An error ends those who watch, and reading begins anew."""
        while True:
            await self._wanted.wait()
            try:
                await self._read()
            except ArgosyError as error:
                logs.get("argosy.gateway").warning("events can't be read", error=str(error))
                self._fail(error)
                await asyncio.sleep(AGAIN_SECONDS)

    async def events(
        self, run_id: str, since_ms: int | None, skew_ms: int = 0, looked_back: asyncio.Event | None = None
    ) -> AsyncGenerator[RunEvent | Lagged]:
        """Yield what happened to a run from `since_ms` on (None: all that is kept), then what happens, without end.

        `skew_ms`: how far that time may be off; `looked_back` is set once all that had happened is yielded. Raises
        Unreachable, Refused, ConfigurationError.
        """
        from_ms = None if since_ms is None else max(0, since_ms - skew_ms)
        last = -1, 0
        recent = await self._begun()
        with self._watching(run_id) as watcher:  # from here on nothing is missed
            if from_ms is not None and recent.since_ms <= from_ms:
                for record in recent.of(run_id):
                    for event in read_events(record):
                        last = event.place
                        yield event
            else:
                async with self._look_backs, aclosing(self._past(run_id, from_ms)) as past:
                    async for event in past:
                        last = max(last, event.place)
                        yield event
            if looked_back is not None:
                looked_back.set()
            while True:
                new = await watcher.get()
                if isinstance(new, Lagged) or new.place > last:
                    yield new

    @contextmanager
    def _watching(self, run_id: str) -> Generator[Watcher]:
        watcher = Watcher()
        self._watchers.setdefault(run_id, set()).add(watcher)
        gateway_metrics.watching(1)
        try:
            yield watcher
        finally:
            gateway_metrics.watching(-1)
            left = self._watchers.get(run_id, set())
            left.discard(watcher)
            if not left:
                self._watchers.pop(run_id, None)

    async def _begun(self) -> Recent:
        """Wait until the reader has a position: what comes later is handed out."""
        self._error = None
        self._coming += 1
        self._wanted.set()
        try:
            while self._recent is None:
                await self._began.wait()
                if self._error is not None:
                    raise self._error
        finally:
            self._coming -= 1
        return self._recent

    async def _read(self) -> None:
        follower = self._follower()
        await follower.start()
        self._recent = Recent(time.time_ns() // 1_000_000 + 1)
        self._began.set()
        idle_at = time.monotonic()
        try:
            while self._watchers or self._coming or time.monotonic() - idle_at < IDLE_SECONDS:
                if self._watchers or self._coming:
                    idle_at = time.monotonic()
                for record in await follower.read(READ_SECONDS):
                    self._take(self._recent, record)
            self._wanted.clear()
        finally:
            self._recent = None
            self._began.clear()
            await follower.close()

    def _take(self, recent: Recent, record: Record) -> None:
        run_id = next((value for name, value in record.headers if name == "ce_subject"), b"").decode(
            errors="replace"
        )
        recent.add(run_id, record)
        watchers = self._watchers.get(run_id)
        events = tuple(read_events(record)) if watchers else ()
        for event in events:
            for watcher in watchers or ():
                watcher.put(event, size_of(record) // len(events))

    def _fail(self, error: ArgosyError) -> None:
        self._error = error
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.fail(error)
        self._began.set()
        self._began.clear()
        if not self._watchers and not self._coming:
            self._wanted.clear()

    async def _past(self, run_id: str, from_ms: int | None) -> AsyncGenerator[RunEvent]:
        """Read the topic as it is now."""
        follower, about = self._follower(), ("ce_subject", run_id.encode())
        await follower.start(at_ms=from_ms, beginning=from_ms is None)
        try:
            while True:
                for record in await follower.read(READ_SECONDS):
                    if about in record.headers:
                        for event in read_events(record):
                            yield event
                if await follower.caught_up():
                    return
        finally:
            await follower.close()
