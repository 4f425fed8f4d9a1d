"""HTTP connections on which no request comes are closed: whoever holds many open would keep all others out."""

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 20.0
"""From the opening of a connection, or from a request's first byte, until its head is whole."""


class Patient(H11Protocol):
    """The server's protocol, with a limit to its patience. Answers may take as long as they do."""

    _limit: asyncio.TimerHandle | None = None
    _begun: object = None
    """The last request that came."""
    _answering = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base's
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came; wait on, or have a request."""
        super().data_received(data)
        if self.cycle is not self._begun:
            self._begun, self._answering = self.cycle, True
            self._have()
        elif not self._answering and self._limit is None:
            self._wait()

    def on_response_complete(self) -> None:
        """Have answered: what comes now is another request."""
        self._answering = False
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._have()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._limit = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _have(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
