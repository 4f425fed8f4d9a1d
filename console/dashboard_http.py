"""The dashboard's routes: pages, what changes in them, static files, signing in, actions."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Send

from argosy.console.dashboard_acting import Acting
from argosy.console.dashboard_desk import Desk
from argosy.console.dashboard_frame import around_of, error_page, unforeseen
from argosy.console.dashboard_guard import Guard
from argosy.console.dashboard_live import Seen, frames
from argosy.console.dashboard_page import Action, Asked, Page, View
from argosy.console.dashboard_pen import draw_page, static
from argosy.console.dashboard_session import Session, Sessions
from argosy.schemas.errors import ArgosyError, NotFound

Endpoint = Callable[[Request], Awaitable[Response]]

SEND_SECONDS: Final = 60.0
"""A browser takes what it is sent; who doesn't would keep a place among those that watch."""
_STREAM_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_FOREVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_NOT_FOUND: Final = 404
_AWAY: Final = 503
_LEFT: Final = 499
"""What proxies log of who closed the connection before the answer."""


def build(
    desk: Desk, sessions: Sessions, pages: Sequence[Page], actions: Sequence[Action], cookie: str
) -> ASGIApp:
    """Make the application. `cookie` names the session for browsers."""
    routes = Routes(desk, sessions)
    acting = Acting(desk, sessions, {action.name: action for action in actions}, cookie)
    served: list[Route] = []
    for page in pages:
        served.append(Route(page.path, routes.page(page), methods=["GET"]))
        if page.live:
            served.append(Route(f"/live{page.path}", routes.live(page), methods=["GET"]))
    served += [
        Route("/static/{name}", routes.static, methods=["GET"]),
        Route("/health", routes.health, methods=["GET"]),
        Route("/login", acting.login_page, methods=["GET"]),
        Route("/login", acting.login, methods=["POST"]),
        Route("/logout", acting.logout, methods=["POST"]),
        Route("/do/{name}", acting.act, methods=["POST"]),
    ]
    locked = desk.settings.dashboard.token is not None
    app = Starlette(
        routes=served,
        exception_handlers={
            ArgosyError: routes.error,
            HTTPException: routes.none,
            ClientDisconnect: routes.left,
            Exception: unforeseen,
        },
    )
    return Guard(app, sessions, locked=locked, cookie=cookie)  # outside of all: errors have its headers too


class Stream(StreamingResponse):
    """Events; what makes them is closed with it, whoever leaves first."""

    def __init__(self, told: AsyncGenerator[bytes], send_seconds: float = SEND_SECONDS) -> None:
        """`told` is sent as it comes; who takes nothing for so long is left."""
        super().__init__(told, media_type="text/event-stream", headers=_STREAM_HEADERS)
        self._told, self._send_seconds = told, send_seconds

    async def stream_response(self, send: Send) -> None:
        """Send all."""

        async def in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(self._send_seconds):
                    await send(message)
            except TimeoutError:
                raise ClientDisconnect from None

        async with aclosing(self._told):
            with suppress(ClientDisconnect):
                await super().stream_response(in_time)


class Routes:
    """What is looked at."""

    def __init__(self, desk: Desk, sessions: Sessions) -> None:
        """`desk` is what pages look at."""
        self._desk, self._sessions = desk, sessions
        self._locked = desk.settings.dashboard.token is not None
        self._seen = Seen()
        self._watchers = asyncio.Semaphore(desk.settings.dashboard.watchers)

    def page(self, page: Page) -> Endpoint:
        """Make the endpoint of a page."""

        async def shown(request: Request) -> Response:
            looking = self._look(page, _asked(request))
            view = await (looking if page.live else _unless_left(request, looking))
            query = f"?{request.url.query}" if request.url.query else ""
            around = {
                **around_of(request, page.nav),
                "live": f"/live{request.url.path}{query}" if page.live else "",
                "seen": self._seen.keep(view) if page.live else "",
            }
            return HTMLResponse(draw_page(page.template, view, around))

        return shown

    def live(self, page: Page) -> Endpoint:
        """Make the endpoint of what changes in a page."""

        async def streamed(request: Request) -> Response:
            if self._watchers.locked():
                return PlainTextResponse("too many watch\n", _AWAY, {"Retry-After": "5"})
            asked = _asked(request)
            again = "last-event-id" in request.headers
            before = None if again else self._seen.take(request.query_params.get("seen", ""))
            seconds = self._desk.settings.dashboard.refresh_seconds

            session: Session | None = request.state.session

            async def told() -> AsyncGenerator[bytes]:
                async with (
                    self._watchers,
                    aclosing(
                        frames(lambda: self._look(page, asked), before, seconds, self._desk.stop)
                    ) as found,
                ):
                    async for frame in found:
                        if not self._may_look(session):
                            return
                        yield frame

            return Stream(told())

        return streamed

    def _may_look(self, session: Session | None) -> bool:
        """Say whether who watches is still signed in, where that is needed."""
        return not self._locked or (session is not None and self._sessions.find(session.name) is session)

    async def _look(self, page: Page, asked: Asked) -> View:
        view = await page.look(self._desk, asked)
        return View(view.title, (*view.regions, self._desk.notes()), view.facts)

    async def static(self, request: Request) -> Response:
        """GET /static/{name}: of a fixed table."""
        found = static().get(request.path_params["name"])
        if found is None:
            raise HTTPException(_NOT_FOUND)
        data, kind, _ = found
        return Response(data, media_type=kind, headers=_FOREVER)

    async def health(self, _: Request) -> Response:
        """GET /health: the process serves."""
        return PlainTextResponse("ok\n")

    async def error(self, request: Request, error: Exception) -> Response:
        """Say what is wrong, on a page."""
        assert isinstance(error, ArgosyError)  # noqa: S101 - what it is registered for
        return error_page(request, error)

    async def left(self, _request: Request, _error: Exception) -> Response:
        """Answer nobody."""
        return Response(status_code=_LEFT)

    async def none(self, request: Request, error: Exception) -> Response:
        """Say that there is no such page."""
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        if error.status_code != _NOT_FOUND:
            return PlainTextResponse(f"{error.detail}\n", error.status_code)
        return error_page(
            request,
            NotFound(
                f"there is no page {request.url.path[:200]}", do="the words above lead to those there are"
            ),
        )


async def _unless_left(request: Request, looking: Coroutine[Any, Any, View]) -> View:
    """Stop a look that may take long when who asked for it leaves. Raises ClientDisconnect."""
    working = asyncio.create_task(looking, name="a long look")
    leaving = asyncio.create_task(_left(request), name="who looks leaves")
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait({working, leaving})


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _asked(request: Request) -> Asked:
    query = {name: value for name, value in request.query_params.items() if name != "seen"}
    params: Mapping[str, str] = request.path_params
    return Asked(dict(params), query)
