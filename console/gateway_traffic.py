"""Every request on its way through: counted, measured, and turned away where there are too many."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from argosy.console.gateway_guard import OPEN
from argosy.console.gateway_problem import busy
from argosy.telemetry import gateway_metrics

STALLED_SECONDS: Final = 60.0
"""A caller that has taken nothing of its answer for so long is cut off: it holds a place for nothing."""
_GONE: Final = 499
"""Of a request whose answer never began: its caller left."""


class Traffic:
    """An ASGI middleware, before all others."""

    def __init__(
        self, app: ASGIApp, most: int, connected: Callable[[], int], routes: Mapping[object, str]
    ) -> None:
        """`most` connections, by `connected`, and as many requests at once; `routes` names the path of an endpoint."""
        self._app, self._most, self._connected, self._routes = app, most, connected, routes
        self._asking = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            return
        began, method, status = time.monotonic(), str(scope["method"]), _GONE
        full = max(self._asking, self._connected() - 1) >= self._most and scope["path"] not in OPEN

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            async with asyncio.timeout(STALLED_SECONDS):
                await send(message)

        self._asking += 1
        gateway_metrics.asking(method, 1)
        try:
            if full:
                await busy("too many ask at once", "connections").closing().response()(scope, receive, sent)
            else:
                await self._app(scope, receive, sent)
        except TimeoutError:
            pass  # the server closes the connection of an answer that isn't whole
        finally:
            self._asking -= 1
            gateway_metrics.asking(method, -1)
            route = self._routes.get(scope.get("endpoint"), "")
            gateway_metrics.answered(method, route, status, time.monotonic() - began)
