"""The gateway's routes: HTTP in, HTTP out."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, contextmanager
from typing import Final, TypeVar

from opentelemetry import context as otel_context
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from argosy.client.receipt import Receipt
from argosy.console.gateway_bodies import (
    Health,
    RunResult,
    checked_run_id,
    read_answer,
    read_budget,
    read_cancel,
    read_signal,
    read_submit,
)
from argosy.console.gateway_door import Door
from argosy.console.gateway_events import END, Seen, stream
from argosy.console.gateway_guard import Guard, read_body
from argosy.console.gateway_openapi import document, page
from argosy.console.gateway_problem import Problem, problem_of
from argosy.console.gateway_traffic import Traffic
from argosy.schemas.errors import ArgosyError, BadMessage
from argosy.schemas.ids import new_run_id
from argosy.telemetry import logs, propagation

T = TypeVar("T")

_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STREAM_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def build(door: Door, connected: Callable[[], int] = lambda: 0) -> Starlette:
    """Make the application. `connected` counts the connections that are open."""
    routes = Routes(door)
    served = [
        Route("/", routes.page, methods=["GET"]),
        Route("/openapi.json", routes.openapi, methods=["GET"]),
        Route("/health", routes.health, methods=["GET"]),
        Route("/ready", routes.ready, methods=["GET"]),
        Route("/runs", routes.submit, methods=["POST"]),
        Route("/runs/{run_id}", routes.state, methods=["GET"]),
        Route("/runs/{run_id}/result", routes.result, methods=["GET"]),
        Route("/runs/{run_id}/events", routes.events, methods=["GET"]),
        Route("/runs/{run_id}/cancel", routes.cancel, methods=["POST"]),
        Route("/runs/{run_id}/waiting", routes.waiting, methods=["GET"]),
        Route("/runs/{run_id}/budget", routes.budget, methods=["POST"]),
        Route("/runs/{run_id}/signal", routes.signal, methods=["POST"]),
        Route("/runs/{run_id}/approve", routes.approve, methods=["POST"]),
    ]
    return Starlette(
        routes=served,
        middleware=[
            Middleware(
                Traffic,
                most=door.settings.connections,
                connected=connected,
                routes={route.endpoint: route.path for route in served},
            ),
            Middleware(Guard, settings=door.settings, stop=door.stop),
        ],
        exception_handlers={
            Problem: _problem,
            ArgosyError: _error,
            HTTPException: _no_route,
            Exception: _unforeseen,
        },
    )


class _Stream(StreamingResponse):
    """Events; what makes them is closed with it, whoever leaves first."""

    def __init__(self, frames: AsyncGenerator[bytes]) -> None:
        """`frames` are sent as they come."""
        super().__init__(frames, media_type="text/event-stream", headers=_STREAM_HEADERS)
        self._frames = frames

    async def stream_response(self, send: Send) -> None:
        """Send all."""
        async with aclosing(self._frames):
            await super().stream_response(send)


class Routes:
    """One method per route; all of them only translate."""

    def __init__(self, door: Door) -> None:
        """`door` does the work."""
        self._door = door

    async def submit(self, request: Request) -> Response:
        """POST /runs."""
        asked = read_submit(await read_body(request, self._door.settings))
        # The id is made here, so that an answer that says "unknown whether it took effect" can name it.
        run_id = asked.run_id or new_run_id()
        with _caused_by(request):
            try:
                submitted = await self._door.submit(asked, run_id)
            except ArgosyError as error:
                raise problem_of(error, run_id) from error
        return _json(submitted, 202, {"Location": submitted.links.result})

    async def state(self, request: Request) -> Response:
        """GET /runs/{run_id}."""
        return _json(await self._door.state(_run_id(request), _receipt(request)))

    async def result(self, request: Request) -> Response:
        """GET /runs/{run_id}/result?wait=SECONDS."""
        asking = self._door.result(_run_id(request), _receipt(request), _wait(request))
        found = await _unless_gone(request, asking)
        if isinstance(found, RunResult):
            return _json(found)
        return _json(found, 202, {"Retry-After": "1"})

    async def cancel(self, request: Request) -> Response:
        """POST /runs/{run_id}/cancel."""
        run_id = checked_run_id(_run_id(request))
        empty = request.headers.get("content-length") == "0" or not (
            "content-length" in request.headers or "transfer-encoding" in request.headers
        )
        asked = read_cancel(b"" if empty else await read_body(request, self._door.settings))
        await self._door.cancel(run_id, asked.reason)
        return JSONResponse({"run_id": run_id}, 202)

    async def waiting(self, request: Request) -> Response:
        """GET /runs/{run_id}/waiting."""
        return _json(await self._door.waiting(checked_run_id(_run_id(request))))

    async def signal(self, request: Request) -> Response:
        """POST /runs/{run_id}/signal."""
        run_id = checked_run_id(_run_id(request))
        asked = read_signal(await read_body(request, self._door.settings))
        await self._door.signal(run_id, asked)
        return JSONResponse({"run_id": run_id}, 202)

    async def approve(self, request: Request) -> Response:
        """POST /runs/{run_id}/approve."""
        run_id = checked_run_id(_run_id(request))
        asked = read_answer(await read_body(request, self._door.settings))
        await self._door.approve(run_id, asked)
        return JSONResponse({"run_id": run_id}, 202)

    async def budget(self, request: Request) -> Response:
        """POST /runs/{run_id}/budget."""
        run_id = checked_run_id(_run_id(request))
        asked = read_budget(await read_body(request, self._door.settings))
        await self._door.budget(run_id, asked)
        return JSONResponse({"run_id": run_id}, 202)

    async def events(self, request: Request) -> Response:
        """GET /runs/{run_id}/events."""
        last = request.headers.get("last-event-id")
        if last == END:
            return Response(status_code=204)  # it tells a browser not to come again
        run = await self._door.to_watch(_run_id(request), _receipt(request))

        async def told() -> AsyncGenerator[bytes]:
            async with self._door.watchers:
                async for frame in stream(run, self._door.feed, Seen.parse(last), self._door.stop):
                    yield frame

        return _Stream(told())

    async def health(self, _: Request) -> Response:
        """GET /health: the process serves."""
        return _json(Health(status="ok"))

    async def ready(self, _: Request) -> Response:
        """GET /ready: submits could be taken."""
        status = await self._door.health()
        return _json(Health(status=status), 200 if status == "ok" else 503)

    async def openapi(self, _: Request) -> Response:
        """GET /openapi.json."""
        return JSONResponse(document())

    async def page(self, _: Request) -> Response:
        """GET /: what there is, for people."""
        return HTMLResponse(page(), headers=_PAGE_HEADERS)


async def _problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)  # noqa: S101 - what it is registered for
    return problem.response()


async def _error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ArgosyError)  # noqa: S101 - what it is registered for
    return problem_of(error).response()


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    what = f"{request.method} {request.url.path[:200]} is not served here"
    code, why = "no_such_path", "no route has this path"
    if error.status_code == 405:  # noqa: PLR2004 - HTTP's number
        code, why = (
            "method_not_allowed",
            f"this path takes {(error.headers or {}).get('Allow', 'another method')}",
        )
    do = "GET / shows what there is, /openapi.json all of it"
    return Problem(error.status_code, code, what, why=why, do=do, headers=error.headers).response()


async def _unforeseen(request: Request, error: Exception) -> Response:
    logs.get("argosy.gateway").error(
        "request failed", path=request.url.path[:200], error=type(error).__name__
    )
    return Problem(
        500,
        "internal",
        "the gateway failed",
        why=type(error).__name__,
        do="see its log; a repeat is harmless",
    ).response()


@contextmanager
def _caused_by(request: Request) -> Generator[None]:
    """Make the caller's trace context the parent of the run's trace."""
    trace = propagation.checked(request.headers.get("traceparent"), request.headers.get("tracestate"))
    token = otel_context.attach(propagation.parent_context(trace.traceparent, trace.tracestate))
    try:
        yield
    finally:
        otel_context.detach(token)


async def _unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Stop waiting for a caller that left: it would hold a place for nothing."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(_left(request), name="caller leaves")
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Problem(400, "disconnected", "the caller left")
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(model.model_dump_json(), status, headers, "application/json")


def _run_id(request: Request) -> str:
    found: str = request.path_params["run_id"]
    return found


def _receipt(request: Request) -> Receipt | None:
    text = request.query_params.get("receipt")
    return None if text is None else Receipt.parse(text)


def _wait(request: Request) -> float:
    text = request.query_params.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise BadMessage(f"is {text[:40]!r}, must be a number of seconds", field="wait")
    return seconds
