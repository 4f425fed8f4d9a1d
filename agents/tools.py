"""Calls of tools: each has its span; one that can't be repeated is a memo; what isn't declared is refused."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar, cast

from argosy.agents.mcp_servers import McpServers
from argosy.agents.model_client import ToolSpec
from argosy.agents.running import Running
from argosy.agents.step import Steps
from argosy.agents.within import apart
from argosy.pipelines.agent import Agent
from argosy.pipelines.mcp import McpTool
from argosy.pipelines.tool import Tool
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.errors import Tainted, ToolNotAllowed
from argosy.schemas.taint import of_tool
from argosy.telemetry import calls, metrics, names
from argosy.telemetry.spans import error_type_of

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class ToolCalls:
    """`ctx.tools` of one attempt."""

    memos: Steps
    running: Running
    agent: Agent[..., Any]
    servers: McpServers
    _seen: Counter[str] = field(default_factory=Counter[str])

    async def call(self, tool: Tool[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a tool with its own parameters. What it raises is the handler's to catch.

        Raises ToolNotAllowed for a tool that the agent doesn't declare, Tainted for a dangerous one where content of
        strangers came before.
        """
        self.permit(tool)
        arguments = tool.arguments(args, kwargs)
        began, error_type = time.perf_counter(), None
        try:
            with calls.of_tool(tool.name, arguments) as span:
                result = await self._called(tool, arguments, self._effect(tool, args, kwargs))
                if span.recording:
                    span.set_content(names.TOOL_RESULT, tool.output.encode(result))
                return result
        except BaseException as error:
            error_type = error_type_of(error)
            raise
        finally:
            seconds = time.perf_counter() - began
            metrics.tool_called(self.agent.name, tool.name, seconds, error_type=error_type)

    def check(self, tool: Tool[..., object], /) -> None:
        """Raise ToolNotAllowed for a tool that the agent doesn't declare."""
        if tool not in self.agent.tools:
            raise ToolNotAllowed(
                f"agent {self.agent.name} doesn't declare the tool {tool.name}: nothing was called"
            )

    def permit(self, tool: Tool[..., object], /) -> None:
        """Raise ToolNotAllowed or Tainted for what `call` would not call just now."""
        self.check(tool)
        if tool.dangerous and self.agent.refuse_tainted:
            # What it gave itself before is no reason: a second call would need another agent.
            found = [mark for mark in self.running.taint if mark != of_tool(tool.name)]
            if found:
                raise Tainted(f"{tool.name} is dangerous, and this task has seen {', '.join(found)}")

    async def describe(self, tool: McpTool, /) -> ToolSpec | None:
        """Ask its server what a tool takes; None if the server doesn't have it. Raises ToolFailed."""
        return (await self.servers.describe(tool.home)).get(tool.remote)

    def _effect(
        self, tool: Tool[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[], Awaitable[T]]:
        if isinstance(tool, McpTool):
            return cast("Callable[[], Awaitable[T]]", lambda: self.servers.call(tool, kwargs))
        return lambda: tool.function(*args, **kwargs)

    def seen(self, tool: Tool[..., object], /) -> None:
        """Mark what the task makes from now on: it has seen what a tool gave."""
        if not tool.trusted:
            self.running.see((of_tool(tool.name),))

    def skipped(self, tool: Tool[..., object], arguments: bytes, /) -> None:
        """Count a call that an earlier attempt made, and whose result is at hand: a later one like it is another."""
        if not tool.repeatable:
            self._memo_name(tool.name, arguments)

    async def _called(self, tool: Tool[..., T], arguments: bytes, effect: Callable[[], Awaitable[T]]) -> T:
        self.seen(tool)  # at first: the memo carries the mark too
        if tool.repeatable:
            return await effect()
        return await self.memos.memoised(self._memo_name(tool.name, arguments), tool.output, effect)

    def _memo_name(self, tool: str, arguments: bytes) -> str:
        """Name a call by its arguments and how often they came before.

        A changed order of calls finds its own memos.
        """
        name = apart(f"tool:{tool}:{sha256_hex(arguments)[:24]}")
        self._seen[name] += 1
        return f"{name}:{self._seen[name]}"
