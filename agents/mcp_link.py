"""One connection to one MCP server, in a task of its own; and what its answers come to."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, cast

from mcp import MCPError
from mcp.client import Client
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    REQUEST_TIMEOUT,
    CallToolResult,
    TextContent,
)
from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.agents.mcp_http import reached
from argosy.agents.mcp_stdio import started
from argosy.agents.model_client import ToolSpec
from argosy.agents.verdict import Raised, outcome_of
from argosy.broker.values import encode_value
from argosy.pipelines.mcp import McpServer, McpTool
from argosy.schemas.errors import ArgosyError, ToolError, ToolFailed, ToolResultTooLarge
from argosy.telemetry import logs

_JSON: Final[TypeAdapter[JsonValue]] = TypeAdapter(JsonValue)
_MOST_PAGES: Final = 32
_MOST_DESCRIPTION: Final = 4096
_SAID: Final = 500


@dataclass(frozen=True, slots=True)
class _Ready:
    client: Client
    specs: Mapping[str, ToolSpec]


class McpLink:
    """Open from `open` to `leave`; dead once the server said its last."""

    def __init__(self, server: McpServer) -> None:
        """Nothing is started yet."""
        self._server = server
        self._ended, self._leave = asyncio.Event(), asyncio.Event()
        self._ready: asyncio.Future[_Ready] = asyncio.get_running_loop().create_future()
        self._calls = 0
        self.retired = False
        """No new call is to go this way."""
        self.task = asyncio.create_task(self._hold(), name=f"mcp {server.name}")

    @property
    def dead(self) -> bool:
        """Whether it can't be used any more."""
        return self.retired or self._ended.is_set() or self.task.done()

    async def specs(self) -> Mapping[str, ToolSpec]:
        """Describe the allowed tools that the server has, by the server's names. Raises ToolFailed."""
        return (await asyncio.shield(self._ready)).specs

    async def call(self, tool: McpTool, arguments: Mapping[str, Any]) -> JsonValue:
        """Call a tool. Raises ToolFailed, ToolError (the tool's own word), ToolResultTooLarge. Not idempotent."""
        ready = await asyncio.shield(self._ready)
        if tool.remote not in ready.specs:
            raise ToolFailed(f"MCP server {self._server.name} has no tool {tool.remote!r}")
        self._calls += 1
        seconds = self._server.timeout_seconds
        try:
            async with asyncio.timeout(seconds + 1):
                result = await ready.client.call_tool(
                    tool.remote, dict(arguments), read_timeout_seconds=seconds
                )
        except TimeoutError:
            self.retire()
            raise self._failed(f"gave no answer within {seconds:g} s") from None
        except MCPError as error:
            if error.code == REQUEST_TIMEOUT:
                self.retire()
                raise self._failed(f"gave no answer within {seconds:g} s") from None
            if error.code == INVALID_PARAMS and not self._ended.is_set():
                raise ToolError(f"{tool.name}: {_cut(error.message, _SAID)}") from None
            self.retire()  # a session that its server forgot stays so
            if error.code == CONNECTION_CLOSED or self._ended.is_set():
                raise self._failed("died, or hung up, in the middle of the call") from None
            raise self._failed(f"answered with an error: {_cut(error.message, _SAID)}") from None
        except ValidationError:
            raise self._failed("gave what is no result of a tool") from None
        finally:
            self._calls -= 1
            if self.retired and not self._calls:
                self._leave.set()
        return _value(self._server, tool, result)

    def retire(self) -> None:
        """Let the calls under way end, and then the connection."""
        self.retired = True
        if not self._calls:
            self._leave.set()

    async def close(self) -> None:
        """End it now, whatever is under way."""
        self.retired = True
        self._leave.set()
        await asyncio.wait([self.task])

    async def _hold(self) -> None:
        outcome = await outcome_of(self._open())
        self._ended.set()
        error = outcome.error if isinstance(outcome, Raised) else None
        if not self._ready.done():
            failed = (
                error
                if isinstance(error, ArgosyError)
                else self._failed(f"does not start: {_said(error)}{self._where(error)}")
            )
            self._ready.set_exception(failed)
            self._ready.exception()  # nobody may be asking any more
        elif error is not None:
            logs.get("argosy.mcp").warning(
                "the connection to an MCP server broke", server=self._server.name, why=_said(error)
            )

    def _where(self, error: BaseException | None) -> str:
        """Say where to look for why a process ended at once: its own words are a stranger's, and not for the fault."""
        if not self._server.command or not _hung_up(error):
            return ""
        return f"; {self._server.command[0]} ended at once, and what it printed is in the log of the worker"

    async def _open(self) -> None:
        server = self._server
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(server.start_seconds):
                streams = started(server, self._ended) if server.command else reached(server)
                client = await stack.enter_async_context(
                    Client(streams, message_handler=self._heard, cache=None)
                )
                specs = await _listed(server, client)
            self._ready.set_result(_Ready(client, specs))
            ended = asyncio.create_task(self._ended.wait(), name=f"mcp {server.name} ended")
            leave = asyncio.create_task(self._leave.wait(), name=f"mcp {server.name} leave")
            await asyncio.wait({ended, leave}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            leave.cancel()

    async def _heard(self, message: object) -> None:
        """Leave a connection whose server changed its tools: whoever asks next asks over a new one."""
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self.retire()

    def _failed(self, what: str) -> ToolFailed:
        return ToolFailed(f"MCP server {self._server.name} {what}")


async def _listed(server: McpServer, client: Client) -> dict[str, ToolSpec]:
    found: dict[str, ToolSpec] = {}
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            allowed = server.tools.get(tool.name)
            if allowed is not None:
                parameters = _JSON.validate_python(tool.input_schema)
                assert isinstance(parameters, dict)  # noqa: S101 - the library says so
                description = _cut(tool.description or "", _MOST_DESCRIPTION)
                found[tool.name] = ToolSpec(allowed.name, description, parameters)
        cursor = page.next_cursor
        if cursor is None:
            break
    missing = [name for name in server.tools if name not in found]
    if missing:
        logs.get("argosy.mcp").warning(
            "an MCP server lacks tools that are allowed", server=server.name, tools=missing
        )
    return found


def _value(server: McpServer, tool: McpTool, result: CallToolResult) -> JsonValue:
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    if result.is_error:
        raise ToolError(f"{tool.name}: {_cut(' '.join(texts), _SAID) or 'it says that it failed'}")
    value: JsonValue
    if result.structured_content is not None:
        value = _JSON.validate_python(result.structured_content)
    elif len(texts) == len(result.content):
        value = "\n".join(texts)
    else:
        value = [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]
    size = len(encode_value(value))
    if size > server.most_bytes:
        raise ToolResultTooLarge(
            f"the result of {tool.name} has {size} bytes, at most {server.most_bytes} may be"
        )
    return value


def _cut(text: str, most: int) -> str:
    """Shorten what a server says, and say so: a model is told of it."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def _first(error: BaseException | None) -> BaseException | None:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def _hung_up(error: BaseException | None) -> bool:
    found = _first(error)
    return isinstance(found, MCPError) and found.code == CONNECTION_CLOSED


def _said(error: BaseException | None) -> str:
    """Say what went wrong in a group of errors: the first of them, shortly."""
    found = _first(error)
    if isinstance(found, TimeoutError):
        return "it took too long"
    return "it ended" if found is None else f"{type(found).__name__}: {str(found)[:_SAID]}"
