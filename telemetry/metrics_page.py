"""`/metrics` of one process, for Prometheus: what the SDK has collected and the distributions of our own.

Served by threads of its own, a few at most; a text is made once a second at most, whoever asks. What goes wrong here is
told in the log, and is no matter for the work: a port that is taken is left to who has it, and another one used.
"""

import ipaddress
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6, socket
from socketserver import TCPServer
from typing import Final, cast

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from argosy.telemetry.tallies import Distribution
from argosy.telemetry.tally_reader import together

PATH: Final = "/metrics"
ASKING: Final = 8
"""Connections at once; what is more is closed."""
CALLER_SECONDS: Final = 5.0
"""How long a caller may take to say what it wants, and to take it."""
FRESH_SECONDS: Final = 1.0
_FORMS: Final = (
    "text/plain; version=0.0.4;",
    "text/plain; version=1.0.0;",
    "application/openmetrics-text; version=1.0.0;",
)
_LOG: Final = logging.getLogger("argosy.metrics")


class PageReader(PrometheusMetricReader):
    """Collects when the page is asked for. Told beside any exporter."""

    def __init__(self, resource: Resource, beside: Iterable[Distribution]) -> None:
        """`resource` is the provider's."""
        self._resource, self._beside = resource, tuple(beside)
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        super().__init__(scope_info_enabled=False, registry=self.registry)

    def _receive_metrics(
        self, metrics_data: MetricsData | None, timeout_millis: float = 10_000, **kwargs: object
    ) -> None:
        data = together(metrics_data or MetricsData([]), self._resource, self._beside)
        super()._receive_metrics(data, timeout_millis, **kwargs)  # pyright: ignore[reportUnknownMemberType]


@dataclass(slots=True)
class Page:
    """The text that is served: made anew after a second, by one thread at a time."""

    registry: CollectorRegistry
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: dict[str, tuple[float, bytes]] = field(default_factory=dict[str, tuple[float, bytes]])

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return the page and its content type, as the caller's `Accept` asks for it."""
        encode, content_type = _form(accept)
        with self._lock:
            at, text = self._made.get(content_type, (0.0, b""))
            if not text or self.clock() - at >= FRESH_SECONDS:
                text = encode(self.registry)
                self._made[content_type] = self.clock(), text
        return text, content_type


def _form(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Choose one of the few forms there are: the library makes one for each version that anybody thinks of."""
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:  # of a version that is no number
        return choose_encoder("")
    return (encode, content_type) if content_type.startswith(_FORMS) else choose_encoder("")


class MetricsServer:
    """Serves one page until `close`."""

    def __init__(self, page: Page, host: str, port: int) -> None:
        """Listen. Raises OSError where `host` can't be had, or `port` is another's."""
        self._server = _Server((host, port), page)
        where, number = self._server.server_address[:2]
        name = f"[{where!s}]" if ":" in str(where) else str(where)
        self.url = f"http://{name}:{number}{PATH}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more; repeats do nothing."""
        self._server.shutdown()
        self._server.server_close()


def listen(page: Page, host: str, port: int) -> MetricsServer | None:
    """Serve a page, on another port if this one is taken; None, with a line in the log, if that can't be either."""
    try:
        return MetricsServer(page, host, port)
    except OSError as error:
        first = error
    try:
        server = MetricsServer(page, host, 0)
    except OSError:
        _LOG.error("no /metrics: can't listen on %s:%s: %s", host, port, first)
        return None
    _LOG.warning("port %s is taken (%s): /metrics is at %s", port, first.strerror or first, server.url)
    return server


_Request = socket | tuple[bytes, socket]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, address: tuple[str, int], page: Page) -> None:
        self.page, self._room = page, threading.BoundedSemaphore(ASKING)
        if ":" in address[0]:
            self.address_family = AF_INET6
        self.local = _is_loopback(address[0])
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Listen; what the library does here too, to ask for this machine's name, may take a name server's time."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: _Request, client_address: object) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: _Request, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: _Request, client_address: object) -> None:  # noqa: ARG002 - the library's
        """Tell of it, if anybody wants to know."""
        _LOG.debug("a caller of /metrics left", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout = CALLER_SECONDS
    server_version = "argosy"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with the page, at its one path."""
        server = cast("_Server", self.server)
        if self.path.partition("?")[0] != PATH:
            self._answer(404, b"not found: there is /metrics\n", "text/plain; charset=utf-8")
        elif server.local and not _is_loopback(_host_of(self.headers.get("Host", ""))):
            # A page of the web that had its own name point here would read it.
            self._answer(403, b"this address is for this machine\n", "text/plain; charset=utf-8")
        else:
            text, content_type = server.page.text(self.headers.get("Accept", ""))
            self._answer(200, text, content_type)

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
        """Say nothing: a scrape is no event."""


def _host_of(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
