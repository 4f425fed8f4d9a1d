"""A scripted model server on loopback: its socket and its uvicorn."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Generator
from typing import Final

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from argosy.schemas.errors import ConfigurationError
from argosy.testing.model_app import build
from argosy.testing.model_service import ModelService

LOOPBACK: Final = "127.0.0.1"
_LOGGER: Final = logging.getLogger("argosy.testing.model_server")
_LOGGER.addFilter(
    lambda record: "without completing response" not in record.getMessage()
)  # a cut, as ordered


class _Protocol(H11Protocol):
    """Has a logger of its own."""

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type]
        self.logger = _LOGGER


class ModelServer(Server):
    """Ends by `stop` alone, and then at once: open connections are reset."""

    def __init__(self, service: ModelService, started: Callable[[], None] = lambda: None) -> None:
        """Serve with `serve([socket])`; `started` is called when it listens."""
        super().__init__(
            Config(
                build(service),
                access_log=False,
                date_header=False,
                http=_Protocol,
                lifespan="off",
                log_config=None,
                proxy_headers=False,
                server_header=False,
                ws="none",
            )
        )
        self._tell_started = started

    def stop(self) -> None:
        """End, within a moment. May be called from a signal's handler or another thread."""
        self.should_exit = self.force_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and tell so."""
        await super().startup(sockets)
        self._tell_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Reset what is open: a script may hold an answer for an hour."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - they end by themselves now
            await asyncio.sleep(0)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to whoever starts the server."""
        yield


def listen(port: int) -> socket.socket:
    """Open a port of loopback, 0 = any free one. Raises ConfigurationError where it can't be had."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise ConfigurationError(
            f"can't listen on {LOOPBACK}:{port}",
            error.strerror or str(error),
            "give another --port (0 = any free one), or stop who has it",
        ) from None


def address_of(sock: socket.socket) -> str:
    """Name the address that a socket listens on."""
    return f"http://{LOOPBACK}:{sock.getsockname()[1]}"
