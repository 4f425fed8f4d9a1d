"""Who may come in, and what an answer may do in a browser."""

import asyncio
from collections.abc import Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from argosy.console.dashboard_session import Session, Sessions
from argosy.console.gateway_guard import is_loopback
from argosy.schemas.dashboard_settings import DashboardSettings
from argosy.schemas.errors import ConfigurationError

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: it has browsers send `Origin: null` with our own forms, and the origin is what we check.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
MOST_TARGET: Final = 4_096
MOST_BODY: Final = 64 * 1024
MOST_FIELDS: Final = 64
FORM_SECONDS: Final = 20.0
"""A form comes whole within this, or is none."""
OPEN: Final = ("/static/", "/login", "/health")
_SAFE: Final = frozenset({"GET", "HEAD"})


def check_exposure(settings: DashboardSettings) -> None:
    """Raise ConfigurationError where anybody in the network could read what runs hold."""
    if settings.token is None and not is_loopback(settings.host):
        raise ConfigurationError(
            f"a dashboard on {settings.host} needs a token",
            why="whoever reaches it could read the inputs and results of runs",
            do="set ARGOSY_DASHBOARD__TOKEN (16 characters or more), or listen on 127.0.0.1",
        )


class Guard:
    """An ASGI middleware. Without a token in the settings it answers to loopback names only, and all may look."""

    def __init__(self, app: ASGIApp, sessions: Sessions, *, locked: bool, cookie: str) -> None:
        """`locked`: who looks must have signed in. `cookie` is the session's name for browsers."""
        self._app, self._sessions, self._locked, self._cookie = app, sessions, locked, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        session = self._sessions.find(request.cookies.get(self._cookie))
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["session"] = session

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._judge(request, session)
        await (self._app if answer is None else answer)(scope, receive, safely)

    def _judge(  # noqa: PLR0911 - a test each
        self, request: Request, session: Session | None
    ) -> Response | None:
        path: str = request.scope["path"]
        if len(path) + len(request.scope["query_string"]) > MOST_TARGET:
            return PlainTextResponse("the address is too long\n", 414)
        if not _is_host(request):
            return PlainTextResponse("the Host header names no host\n", 400)
        if not self._locked and not is_loopback(host_of(request)):
            # A page of somebody's may have its own name point here: without a token the name is the only guard.
            return PlainTextResponse(
                "this dashboard answers to loopback names only, as it has no token: ask http://127.0.0.1, "
                "or set ARGOSY_DASHBOARD__TOKEN\n",
                421,
            )
        if _is_for_another_page(request):
            return PlainTextResponse("only pages of this dashboard may ask for this\n", 403)
        if request.method not in _SAFE:
            if request.method != "POST":
                return PlainTextResponse("this method is not served here\n", 405)
            if not same_origin(request):
                return PlainTextResponse("forms of another origin are not taken\n", 403)
        if path.startswith(OPEN) or not self._locked or (session is not None and session.signed_in):
            return None
        if path.startswith("/live/") or request.method not in _SAFE:
            return PlainTextResponse("sign in first: /login\n", 401)
        target = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(target, safe='')}", 303)


def host_of(request: Request) -> str:
    """Return the host's name, without the port."""
    host = request.headers.get("host", "")
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _is_host(request: Request) -> bool:
    """Say whether addresses can be made of the Host header."""
    try:
        urlsplit(f"//{request.headers.get('host', '')}")
    except ValueError:
        return False
    return True


def _is_for_another_page(request: Request) -> bool:
    """Say whether a page of somebody's has this fetched behind it: it could read nothing, but make us work for it."""
    site, mode = (request.headers.get(f"sec-fetch-{name}", "") for name in ("site", "mode"))
    return site in {"cross-site", "same-site"} and mode != "navigate"


def same_origin(request: Request) -> bool:
    """Say whether a form comes from a page of ours: browsers name it with each POST."""
    origin = request.headers.get("origin")
    try:
        return origin is not None and urlsplit(origin).netloc == request.headers.get("host", "")
    except ValueError:
        return False


def over_tls(request: Request) -> bool:
    """Say whether a browser came by TLS, to a proxy before us: its page's origin says so, or the proxy does.

    Nobody gains by lying here: it is the liar's own cookie that plain HTTP is then refused.
    """
    proxy = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return proxy == "https" or request.headers.get("origin", "").startswith("https://")


def here(target: str) -> str:
    """Return where to go on, if it is a page of ours; else the first one."""
    ours = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if ours and target.isprintable() and len(target) <= MOST_TARGET else "/"


async def read_form(request: Request) -> dict[str, str] | None:
    """Read a form, the last of each name; None: it is too large, too slow, or none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return None
    body = bytearray()
    try:
        async with asyncio.timeout(FORM_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BODY:
                    return None
        return dict(
            parse_qsl(
                body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MOST_FIELDS
            )
        )
    except (ValueError, ClientDisconnect, TimeoutError):
        return None
