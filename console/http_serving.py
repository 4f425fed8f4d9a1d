"""An HTTP server inside of a process of ours: signals stay with the process, and who waits for the address is told."""

import contextlib
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp
from uvicorn import Config, Server

from argosy.console.http_patience import Patient

STARTED_SECONDS: Final = 0.01
_HEADER_BYTES: Final = 64 * 1024


class HttpServer(Server):
    """Ends by `should_exit` alone: signals belong to the process, which tells us by the stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals as they are."""
        yield


def server_of(app: ASGIApp, drain_seconds: int, most: int | None = None) -> HttpServer:
    """Make a server; at its end requests under way have `drain_seconds`. `most` connections; None: the app counts."""
    return HttpServer(
        Config(
            app,
            access_log=False,
            date_header=False,
            h11_max_incomplete_event_size=_HEADER_BYTES,
            http=Patient,
            lifespan="off",
            limit_concurrency=most,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=drain_seconds,
            ws="none",
        )
    )


def open_port(host: str, port: int) -> socket.socket:
    """Open it. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), port), family=family)


def url_of(sock: socket.socket) -> str:
    """Name the address that a socket listens on."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def write_whole(file: Path, text: str) -> None:
    """Write at once: who waits for the file reads what is in it."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)
