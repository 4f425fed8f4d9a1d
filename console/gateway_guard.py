"""Who may come in: a token, a host name that isn't another's, bodies of a bounded size and time."""

import asyncio
import hashlib
import hmac
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from argosy.console.gateway_problem import Problem
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.gateway_settings import GatewaySettings

_PATIENCE: Final = 4
OPEN: Final = frozenset({"/", "/openapi.json", "/health", "/ready"})
"""Paths that tell nothing of any run."""


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a host name or address."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def check_exposure(settings: GatewaySettings) -> None:
    """Raise ConfigurationError where anybody in the network could submit runs."""
    if settings.token is None and not is_loopback(settings.host):
        raise ConfigurationError(
            f"a gateway on {settings.host} needs a token",
            why="whoever reaches it could submit runs and read their results",
            do="set ARGOSY_GATEWAY__TOKEN (16 characters or more), or listen on 127.0.0.1",
        )


class Guard:
    """An ASGI middleware."""

    def __init__(self, app: ASGIApp, settings: GatewaySettings, stop: asyncio.Event) -> None:
        """After `stop` new requests are sent away."""
        self._app, self._stop = app, stop
        token = settings.token
        self._expected = None if token is None else _digest(token.get_secret_value().encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] != "http":
            return
        problem = self._judge(scope)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problem.response()(scope, receive, send)

    def _judge(self, scope: Scope) -> Problem | None:
        request = Request(scope)
        if self._expected is None and not is_loopback(_host_of(request)):
            # A page of somebody's may have its own name point here: without a token the name is the only guard.
            return Problem(
                421,
                "wrong_host",
                "this gateway answers to loopback names only",
                why="it has no token, and the request's Host header names another host",
                do="ask http://127.0.0.1, or set ARGOSY_GATEWAY__TOKEN",
            )
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
            return Problem(
                403,
                "wrong_origin",
                "pages of another origin may not ask",
                why="a browser would do so with whoever sits before it none the wiser",
                do="ask from a server, or put the page behind the gateway's own address",
            )
        if scope["path"] in OPEN:
            return None
        if not self._knows(request.headers.get("authorization", "")):
            return Problem(
                401,
                "unauthorized",
                "the token is wrong"
                if request.headers.get("authorization")
                else "the request brings no token",
                why="this gateway answers only to who knows the token that it was started with",
                do="send the header `Authorization: Bearer TOKEN`; TOKEN is the gateway's ARGOSY_GATEWAY__TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if self._stop.is_set():
            return Problem(
                503,
                "draining",
                "this gateway is stopping",
                why="it was told to, and lets only what is under way finish",
                do="ask again, or another one",
                headers={"Connection": "close"},
            )
        return None

    def _knows(self, authorization: str) -> bool:
        if self._expected is None:
            return True
        scheme, _, token = authorization.partition(" ")
        given = _digest(token.strip().encode("latin-1", errors="replace"))
        return hmac.compare_digest(given, self._expected) and scheme.lower() == "bearer"


async def read_body(request: Request, settings: GatewaySettings) -> bytes:
    """Read a JSON body. Raises Problem 408, 413, 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # Also what keeps pages of others out: a browser asks before it sends this type to another origin.
        raise Problem(
            415,
            "unsupported_media_type",
            "the body must be JSON",
            why=f"its Content-Type is {kind[:60]!r}" if kind else "it has no Content-Type",
            do="send `Content-Type: application/json`",
        )
    most = settings.max_body_bytes
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for part in request.stream():
                size += len(part)
                # Who is cut off while it sends never reads why: a little too much is read, and thrown away.
                if size > most * _PATIENCE:
                    break
                if size > most:
                    parts.clear()
                else:
                    parts.append(part)
    except TimeoutError:
        raise Problem(
            408,
            "too_slow",
            f"the body did not come within {settings.body_seconds:g} s",
            why="ARGOSY_GATEWAY__BODY_SECONDS bounds it, so that a slow caller holds no connection for ever",
            do="send it again",
        ) from None
    except ClientDisconnect:
        raise Problem(400, "disconnected", "the caller left before its body was read") from None
    if size > most:
        raise _too_large(most)
    return b"".join(parts)


def _too_large(most: int) -> Problem:
    return Problem(
        413,
        "too_large",
        f"the body is over {most} bytes",
        why="ARGOSY_GATEWAY__MAX_BODY_BYTES bounds it",
        do="send less, or use the Python client, which puts large inputs into the payload store",
        headers={"Connection": "close"},
    )


def _host_of(request: Request) -> str:
    host = request.headers.get("host", "")
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _digest(secret: bytes) -> bytes:
    """Of equal length whatever was given: comparing then tells nothing of the token's length either."""
    return hashlib.sha256(secret).digest()
