"""The MCP servers of one process: started when one is first asked for, started again when one died."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import JsonValue

from argosy.agents.model_client import ToolSpec
from argosy.pipelines.mcp import McpServer, McpTool
from argosy.pipelines.tool import Tool
from argosy.schemas.errors import ArgosyError, ConfigurationError, ToolFailed

if TYPE_CHECKING:
    from argosy.agents.mcp_link import McpLink

AGAIN_SECONDS: Final = 1.0
"""A server that failed to start isn't started again before."""


@dataclass(slots=True)
class McpServers:
    """All attempts of a process share one connection to each server. `close` ends them all."""

    _links: dict[McpServer, "McpLink"] = field(default_factory=dict["McpServer", "McpLink"])
    _old: set["McpLink"] = field(default_factory=set["McpLink"])
    _failed: dict[McpServer, tuple[float, str]] = field(default_factory=dict["McpServer", tuple[float, str]])
    _closed: bool = False

    async def describe(self, server: McpServer) -> Mapping[str, ToolSpec]:
        """Describe the allowed tools that a server has, by its own names. Raises ToolFailed, ConfigurationError."""
        return await self._asked(server)

    async def call(self, tool: McpTool, arguments: Mapping[str, Any]) -> JsonValue:
        """Call a tool. Raises ToolFailed (another attempt may do), ToolError, ToolResultTooLarge, ConfigurationError.

        A server that died before is started again first. A call in whose middle it dies isn't repeated here: whether it
        did what it was to do, nobody knows.
        """
        await self._asked(tool.home)
        return await self._links[tool.home].call(tool, arguments)

    async def close(self) -> None:
        """End all; nothing may be called afterwards. Started servers that don't leave are killed."""
        self._closed = True
        links = [*self._links.values(), *self._old]
        await asyncio.gather(*(link.close() for link in links))

    async def _asked(self, server: McpServer) -> Mapping[str, ToolSpec]:
        link = self._link(server)
        try:
            return await link.specs()
        except ArgosyError as error:
            self._failed[server] = time.monotonic(), str(error)
            raise

    def _link(self, server: McpServer) -> "McpLink":
        link = self._links.get(server)
        if link is not None and not link.dead:
            return link
        if self._closed:
            raise ToolFailed(f"MCP server {server.name}: this worker is leaving")
        failed_at, why = self._failed.get(server, (-AGAIN_SECONDS, ""))
        if time.monotonic() - failed_at < AGAIN_SECONDS:
            raise ToolFailed(f"{why} (a moment ago)")
        if link is not None:
            link.retire()
            self._old = {old for old in (*self._old, link) if not old.task.done()}
        made = self._links[server] = _link_to(server)
        return made


def load_library(tools: Iterable[Tool[..., Any]]) -> None:
    """Load the library of MCP if one of the tools is a server's: it takes seconds, in which nothing else goes on.

    Raises ConfigurationError if it isn't there.
    """
    for tool in tools:
        if isinstance(tool, McpTool):
            _library(tool.home)
            return


def _link_to(server: McpServer) -> "McpLink":
    return _library(server)(server)


def _library(server: McpServer) -> "type[McpLink]":
    try:
        from argosy.agents.mcp_link import McpLink  # noqa: PLC0415 - an extra: only who uses it needs it
    except ImportError as error:
        raise ConfigurationError(
            f"MCP server {server.name} needs the library of MCP",
            f"it isn't installed here ({error.name})",
            "pip install 'argosy[mcp]'",
        ) from error
    return McpLink
