"""A network that misbehaves: TCP links between processes and services that can be slowed, narrowed, cut or made deaf.

`with Proxies() as proxies: link = proxies.link(6379)`; clients use `link.port`, tests say `link.set(HALF_OPEN)`. All
links live in one thread with its own event loop, so that they work on whatever the caller's loop does; every method may
be called from any thread, and holds once it returns. Kafka tells its clients where to connect: `LocalStack(doors=…)`.
"""

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Self, TypeVar

from argosy.testing.proxy_flow import Connection, Figures
from argosy.testing.weather import CLEAR, Weather

_T = TypeVar("_T")
_LOOPBACK: Final = "127.0.0.1"
_WAIT_SECONDS: Final = 30.0


class Link:
    """One port that leads to another. Made by `Proxies.link`."""

    def __init__(self, proxies: "Proxies", target: int, seed: int) -> None:
        """`seed` decides which replies are lost and how latency varies."""
        self.target = target
        self.port = 0
        self.figures = Figures()
        self.weather = CLEAR
        self.chance = random.Random(seed)  # noqa: S311 - a reproducible choice, no secret
        self.connections: set[Connection] = set()
        self._proxies = proxies
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Where clients connect, as `host:port`."""
        return f"{_LOOPBACK}:{self.port}"

    def set(self, weather: Weather) -> None:
        """Change the weather, for connections that are open too.

        Who leaves a weather that loses bytes has its connections reset: their bytes are gone.
        """
        self._proxies.call(lambda: self._turn(weather))

    def clear(self) -> None:
        """Let everything pass again."""
        self.set(CLEAR)

    def reset(self) -> int:
        """Reset every open connection once, and return how many; new ones are welcome."""
        return self._proxies.call(self._reset)

    def _turn(self, weather: Weather) -> None:
        self.weather = weather
        for connection in list(self.connections):
            connection.turn()

    def _reset(self) -> int:
        found = list(self.connections)
        for connection in found:
            connection.abort()
        return len(found)

    async def listen(self, port: int) -> None:
        """Begin; called once, by `Proxies`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self).client, _LOOPBACK, port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening and drop all connections; called by `Proxies`."""
        if self._server is not None:
            self._server.close()
        self._reset()


class Proxies:
    """The thread in which links live: use it as a context manager."""

    def __init__(self, seed: int = 1) -> None:
        """Lose the same replies for the same seed, as far as the traffic is the same."""
        self._seed = seed
        self._links: list[Link] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxies", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close all links and end the thread."""
        self.call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WAIT_SECONDS)
        self._loop.close()

    def link(self, target: int, port: int = 0) -> Link:
        """Open a link to a port of this machine; it listens on `port`, 0 = any free one."""
        link = Link(self, target, self._seed + len(self._links))
        asyncio.run_coroutine_threadsafe(link.listen(port), self._loop).result(_WAIT_SECONDS)
        self._links.append(link)
        return link

    def call(self, function: Callable[[], _T]) -> _T:
        """Run a function in the links' thread, and wait for it."""
        done: Future[_T] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(_WAIT_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _close(self) -> None:
        for link in self._links:
            link.close()
