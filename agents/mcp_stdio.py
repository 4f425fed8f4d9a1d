"""An MCP server as a child process: lines of JSON over stdin and stdout, bounded, and an end that comes for sure."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from argosy.pipelines.mcp import McpServer
from argosy.telemetry import logs

Streams = tuple[ObjectReceiveStream[SessionMessage | Exception], ObjectSendStream[SessionMessage]]
INHERITED: Final = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER")
"""What every server is given of the environment; the rest may hold secrets of others."""
LEAVE_SECONDS: Final = 2.0
"""A server whose stdin is closed has this long to end; then it, and all that it started, is killed."""
_OVERHEAD_BYTES: Final = 64 * 1024
"""Of a line, beside the result that it carries."""


@asynccontextmanager
async def started(server: McpServer, ended: asyncio.Event) -> AsyncGenerator[Streams]:
    """Start a server, and talk with it; `ended` is set once it says no more. Raises OSError.

    A line that is no message is left out, and logged: many servers print one thing or another. One that is longer than
    a result may be ends the connection: what follows can't be told from it.
    """
    environment = {name: os.environ[name] for name in (*INHERITED, *server.env) if name in os.environ}
    limit = server.most_bytes * 6 + _OVERHEAD_BYTES  # each byte may be escaped
    process = await asyncio.create_subprocess_exec(
        *server.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
        limit=limit,
    )
    came, read = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    write, to_send = anyio.create_memory_object_stream[SessionMessage](16)
    try:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(_read(server, process, came, ended), name=f"read {server.name}")
            writing = tasks.create_task(_write(process, to_send), name=f"write {server.name}")
            try:
                yield read, write
            finally:
                ended.set()
                reading.cancel()
                writing.cancel()
    finally:
        for stream in (came, read, write, to_send):
            stream.close()
        await asyncio.shield(_end(process))


async def _read(
    server: McpServer,
    process: asyncio.subprocess.Process,
    came: ObjectSendStream[SessionMessage | Exception],
    ended: asyncio.Event,
) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    log = logs.get("argosy.mcp")
    try:
        while line := await process.stdout.readline():
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                log.warning("an MCP server said what is no message", server=server.name, bytes=len(line))
                continue
            await came.send(SessionMessage(message))
    except ValueError:  # asyncio's word for a line over the limit
        log.warning("an MCP server said more than a result may have", server=server.name)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, ConnectionError):
        pass
    finally:
        ended.set()
        await came.aclose()


async def _write(process: asyncio.subprocess.Process, to_send: ObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None  # noqa: S101 - it was asked for
    with suppress(ConnectionError, anyio.ClosedResourceError, anyio.EndOfStream):
        async for message in to_send:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode() + b"\n")
            await process.stdin.drain()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    draining = asyncio.create_task(_drain(process), name="drain an MCP server")
    with suppress(TimeoutError):
        async with asyncio.timeout(LEAVE_SECONDS):
            await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its group: what it started may live on
    with suppress(TimeoutError):  # what left its group may hold the pipe for ever
        async with asyncio.timeout(LEAVE_SECONDS):
            await process.wait()
            await draining
    draining.cancel()


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Read what it still says: it may hang in a write, and asyncio tells of its end only after the last byte."""
    while process.stdout is not None and await process.stdout.read(65_536):
        pass
