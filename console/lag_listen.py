"""`argosy lag --listen`: the fleet's lag over HTTP, for autoscalers and Prometheus, measured by one process.

It is read only, and tells names of agents and numbers, as `/metrics` of every process does. Nobody needs it to live.
"""

import asyncio
import ipaddress
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic_core import to_jsonable_python
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from argosy.console.gateway_guard import is_loopback
from argosy.console.http_serving import STARTED_SECONDS, open_port, server_of, url_of, write_whole
from argosy.console.lag_measure import LagReport, Watch, measure, must_be_whole
from argosy.console.lag_metrics import metrics_text
from argosy.console.lag_scale import scale
from argosy.console.output import note
from argosy.console.process_life import Services
from argosy.schemas.errors import ArgosyError, ConfigurationError
from argosy.telemetry import logs

EVERY_SECONDS: Final = 5.0
STALE_SECONDS: Final = 60.0
"""An older measure is told no more: an autoscaler must not act on a fleet of a minute ago."""
DRAIN_SECONDS: Final = 5
MOST: Final = 64
"""Connections at once."""


@dataclass(slots=True)
class Latest:
    """The last measure, and why there is none since."""

    report: LagReport | None = None
    at: float = 0.0
    error: str = "nothing was measured yet"

    @property
    def fresh(self) -> LagReport | None:
        """The measure, if it is fresh enough to act on."""
        return self.report if time.monotonic() - self.at < STALE_SECONDS else None


@dataclass(frozen=True, slots=True)
class Routes:
    """One method per route."""

    local: bool
    """Only this machine can reach it: then it answers to no other name, which a page of the web might have."""
    goal_seconds: float
    slots: int
    latest: Latest = field(default_factory=Latest)

    def app(self) -> Starlette:
        """Make the application."""
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/lag", self.lag),
                Route("/scale/{agent}", self.scale),
                Route("/metrics", self.metrics),
            ]
        )

    async def health(self, _request: Request) -> Response:
        """GET /health: 200 while measures are fresh."""
        return PlainTextResponse("ok\n") if self.latest.fresh else self._none()

    async def lag(self, request: Request) -> Response:
        """GET /lag: all of it."""
        report = self._asked(request)
        return report if isinstance(report, Response) else _json(report)

    async def scale(self, request: Request) -> Response:
        """GET /scale/AGENT: how many workers it needs; `?goal=` and `?slots=` as on the command line."""
        report = self._asked(request)
        if isinstance(report, Response):
            return report
        found = report.of(request.path_params["agent"])
        if found is None:
            return _problem(404, f"no agent {request.path_params['agent'][:64]} has a topic")
        try:
            goal = float(request.query_params.get("goal", self.goal_seconds))
            slots = int(request.query_params.get("slots", self.slots))
        except ValueError:
            return _problem(400, "goal and slots are numbers")
        if not (goal >= 1 and slots >= 1):  # not a number is neither
            return _problem(400, "goal and slots are 1 at least")
        try:
            must_be_whole(report)
        except ArgosyError as error:
            return _problem(503, str(error))
        return _json(scale(found, goal_seconds=goal, slots=slots))

    async def metrics(self, request: Request) -> Response:
        """GET /metrics."""
        report = self._asked(request)
        if isinstance(report, Response):
            return report
        text = metrics_text(report, self.goal_seconds)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    def _asked(self, request: Request) -> LagReport | Response:
        if self.local and not is_loopback(request.url.hostname or ""):
            return _problem(403, "this address is for this machine")
        return self.latest.fresh or self._none()

    def _none(self) -> Response:
        return _problem(503, f"no fresh measure: {self.latest.error}")


@dataclass(frozen=True, slots=True)
class Served:
    """Where to listen, what a number of workers goes by, and the file that takes the URL."""

    address: tuple[str, int]
    goal_seconds: float
    slots: int
    ready_file: Path | None = None


async def listen(services: Services, served: Served, stop: asyncio.Event) -> None:
    """Measure and serve until `stop`. Raises ConfigurationError where the port can't be had."""
    host, port = served.address
    routes = Routes(is_loopback(host), served.goal_seconds, served.slots)
    try:
        sock = open_port(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"can't listen on {host}:{port}",
            why=error.strerror or str(error),
            do="give another port (0 = any free one), or stop who has it",
        ) from None
    with sock:
        server = server_of(routes.app(), DRAIN_SECONDS, MOST)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve([sock]), name="http")
            measuring = group.create_task(_measure(services, routes.latest), name="measure")
            while not server.started and not serving.done():  # noqa: ASYNC110 - the library has no event for it
                await asyncio.sleep(STARTED_SECONDS)
            note(f"lag: {url_of(sock)}")
            if served.ready_file is not None:
                await asyncio.to_thread(write_whole, served.ready_file, f"{url_of(sock)}\n")
            await stop.wait()
            server.should_exit = True
            await serving
            measuring.cancel()


async def _measure(services: Services, latest: Latest) -> None:
    watch = Watch()
    while True:
        try:
            latest.report, latest.at = await measure(services, watch), time.monotonic()
        except ArgosyError as error:
            latest.error = str(error).partition("\n")[0]
            logs.get("argosy.lag").warning("the fleet's lag was not measured", error=str(error))
        await asyncio.sleep(EVERY_SECONDS)


def address_of(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`, `[HOST]:PORT` or `PORT`. Raises ConfigurationError."""
    host, _, port = text.rpartition(":")
    try:
        number = int(port)
        if host.startswith("["):
            ipaddress.IPv6Address(host.strip("[]"))
    except ValueError:
        number = -1
    if not 0 <= number <= 65_535:  # noqa: PLR2004 - of TCP
        raise ConfigurationError(f"{text} is no address", do="argosy lag --listen 127.0.0.1:9470")
    return host or "127.0.0.1", number


def _json(data: object) -> Response:
    return Response(json.dumps(to_jsonable_python(data)), media_type="application/json")


def _problem(status: int, what: str) -> Response:
    return JSONResponse({"error": what}, status)
