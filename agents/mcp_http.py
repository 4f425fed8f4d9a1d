"""An MCP server at a URL: its token, and a bound to what is read of one answer."""

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx2
from mcp.client.streamable_http import streamable_http_client

from argosy.pipelines.mcp import McpServer
from argosy.schemas.errors import ConfigurationError

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

_OVERHEAD_BYTES: Final = 64 * 1024


@asynccontextmanager
async def reached(server: McpServer) -> "AsyncGenerator[TransportStreams]":
    """Talk with the server at its URL. Raises ConfigurationError if its token isn't in the environment."""
    limit = server.most_bytes * 6 + _OVERHEAD_BYTES
    headers = {"Accept-Encoding": "identity"}
    if server.token_env:
        token = os.environ.get(server.token_env)
        if not token:
            raise ConfigurationError(
                f"MCP server {server.name} needs the variable {server.token_env}",
                "its token comes from the environment",
                f"set {server.token_env} where the workers run",
            )
        headers["Authorization"] = f"Bearer {token}"
    timeout = httpx2.Timeout(server.start_seconds, read=max(server.timeout_seconds, server.start_seconds))
    async with (
        httpx2.AsyncClient(
            headers=headers, timeout=timeout, transport=_Bounded(limit), follow_redirects=False
        ) as http,
        streamable_http_client(server.url, http_client=http, max_sse_event_size=limit) as streams,
    ):
        yield streams


class _Bounded(httpx2.AsyncHTTPTransport):
    """Reads no more of an answer than may be; a stream of events has no end, and its reader bounds each of them.

    What is counted is what is read: an answer that is compressed, though nobody asked for that, is not read.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        encoding = response.headers.get("content-encoding", "identity")
        if encoding.strip().lower() not in {"", "identity"}:
            await response.aclose()
            message = (
                f"an MCP server sent an answer in the encoding {encoding[:40]!r}, which nobody asked for"
            )
            raise httpx2.ReadError(message)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            stream = response.stream
            if isinstance(stream, httpx2.AsyncByteStream):
                response.stream = _Counted(stream, self._limit)
        return response


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, left: int) -> None:
        self._stream, self._left = stream, left

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                message = "the answer of an MCP server is larger than a result may be"
                raise httpx2.ReadError(message)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
