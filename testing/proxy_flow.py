"""One connection through the proxy: two flows of bytes that obey their link's weather."""

import asyncio
import random
import socket
import struct
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from argosy.testing.weather import Way, Weather

_QUEUED_MOST: Final = 1_000_000
"""Bytes that wait in a flow before its sender is made to wait."""

_NO_GOODBYE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of nothing: the system sends a reset."""


@dataclass(slots=True)
class Figures:
    """What a link has done: a fault that changed none of these has not fired."""

    connections: int = 0
    resets: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    lost_bytes: int = 0
    lost_replies: int = 0


class Road(Protocol):
    """What a connection needs of its link."""

    target: int
    weather: Weather
    figures: Figures
    chance: random.Random
    connections: "set[Connection]"


class Connection:
    """A client's connection and ours to the service behind it."""

    def __init__(self, link: Road) -> None:
        """Wait for the client."""
        self.link = link
        self.tainted = False
        """Bytes of it were lost: no protocol survives that."""
        self.client, self.server = _End(self, up=True), _End(self, up=False)
        self._connecting: asyncio.Task[None] | None = None

    def opened(self) -> None:
        """Connect to the service, once the client is there."""
        self.link.connections.add(self)
        self.link.figures.connections += 1
        if self.link.weather.cut:
            self.abort()
        elif self.link.weather.up == "lost" or self.link.weather.down == "lost":
            self.tainted = True  # not even the handshake gets through
        else:
            self._connecting = asyncio.create_task(self._connect(), name="connect")

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self.server, "127.0.0.1", self.link.target)
        except OSError:
            self.abort()
        else:
            self.client.pump()

    def turn(self) -> None:
        """Obey another weather."""
        weather = self.link.weather
        if weather.cut or (self.tainted and "lost" not in (weather.up, weather.down)):
            self.abort()
            return
        self.client.pump()
        self.server.pump()

    def abort(self) -> None:
        """Reset both ends."""
        if self in self.link.connections:
            self.link.connections.discard(self)
            self.link.figures.resets += 1
        self.client.abort()
        self.server.abort()

    def lost(self) -> None:
        """Hear that an end is gone: what it had sent goes to the other, then that one is closed too."""
        self.client.pump()
        self.server.pump()
        if self.client.gone and (self.server.gone or self.server.transport is None):
            self.link.connections.discard(self)


class _End(asyncio.Protocol):
    """One end: what it sends goes to the other."""

    def __init__(self, connection: Connection, *, up: bool) -> None:
        self._connection, self._up = connection, up
        self.transport: asyncio.Transport | None = None
        self.gone = False
        self._queue: deque[tuple[float, bytes]] = deque()
        self._queued = 0
        self._free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def _other(self) -> "_End":
        return self._connection.server if self._up else self._connection.client

    @property
    def _way(self) -> Way:
        weather = self._connection.link.weather
        return weather.up if self._up else weather.down

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's, by create_server's contract
        self.transport = transport
        if self._up:
            self._connection.opened()

    def data_received(self, data: bytes) -> None:
        link, now = self._connection.link, asyncio.get_running_loop().time()
        weather, figures = link.weather, link.figures
        if self._way == "lost" or self._connection.tainted:
            self._connection.tainted = True
            figures.lost_bytes += len(data)
            return
        if not self._up and weather.lost_replies and link.chance.random() < weather.lost_replies:
            figures.lost_replies += 1
            self._connection.abort()
            return
        due = now + weather.latency_seconds
        if weather.jitter_seconds:
            due += link.chance.uniform(0, weather.jitter_seconds)
        if self._queue:
            due = max(due, self._queue[-1][0])
        self._queue.append((due, data))
        self._queued += len(data)
        self.pump()

    def pump(self) -> None:
        """Send on what may go by now, and ask to be called when more may."""
        now = asyncio.get_running_loop().time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        other = self._other.transport
        if other is not None and not self._other.gone and self._way == "open":
            while self._queue and max(self._queue[0][0], self._free_at) <= now:
                self._forward(other, now)
            if self._queue:
                at = max(self._queue[0][0], self._free_at)
                self._timer = asyncio.get_running_loop().call_at(at, self.pump)
            elif self.gone and not self._connection.tainted:
                other.close()
        self._throttle(full=self._queued > _QUEUED_MOST)

    def _forward(self, other: asyncio.Transport, now: float) -> None:
        link = self._connection.link
        _, data = self._queue.popleft()
        self._queued -= len(data)
        other.write(data)
        if self._up:
            link.figures.bytes_up += len(data)
        else:
            link.figures.bytes_down += len(data)
        if link.weather.bytes_per_second:
            self._free_at = now + len(data) / link.weather.bytes_per_second

    def pause_writing(self) -> None:
        if self._other.transport is not None and not self._other.gone:
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other.transport is not None and not self._other.gone:
            self._other.transport.resume_reading()

    def _throttle(self, *, full: bool) -> None:
        if self.transport is None or self.gone:
            return
        if full:
            self.transport.pause_reading()
        elif not self.transport.is_reading() and not self._queue:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.gone = True
        self._connection.lost()

    def abort(self) -> None:
        """Reset this end."""
        self._queue.clear()
        self._queued = 0
        if self.transport is not None and not self.gone:
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _NO_GOODBYE
            )
            self.transport.abort()
