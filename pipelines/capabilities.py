"""What an agent may call: the tools that it lists, each known by one name."""

from collections.abc import Sequence
from typing import Any, cast

from argosy.pipelines.mcp import McpServer
from argosy.pipelines.tool import Tool
from argosy.schemas.errors import BuildError


def expanded(tools: Sequence[object]) -> tuple[object, ...]:
    """Put in the place of each MCP server its tools that may be called."""
    return tuple(
        tool
        for given in tools
        for tool in (given.tools.values() if isinstance(given, McpServer) else (given,))
    )


def capabilities(agent: str, tools: Sequence[object]) -> tuple[Tool[..., Any], ...]:
    """Check what an agent lists; BuildError for what is no tool, and for two of one name."""
    listed: dict[str, Tool[..., Any]] = {}
    for given in expanded(tools):
        if not isinstance(given, Tool):
            raise BuildError(
                what=f"agent {agent!r} lists {given!r} among its tools",
                why="a tool is a typed async function under @tool, or comes with an MCP server",
                do="put @tool above it, or name a server with mcp(...)",
            )
        found = cast("Tool[..., Any]", given)
        if listed.setdefault(found.name, found) is not found:
            raise BuildError(
                what=f"agent {agent!r} has two tools named {found.name!r}",
                why="a model asks for a tool by its name",
                do="name one of them otherwise: @tool(name='...')",
            )
    return tuple(listed.values())
