"""Tools that a model asks for: told to it, and called on its behalf.

What a model says is untrusted: an unknown tool or arguments that don't fit are answered to the model, not
raised.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import orjson
from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.agents.model_client import ToolCall, ToolResult, ToolSpec
from argosy.pipelines.context import Tools
from argosy.pipelines.tool import Tool
from argosy.schemas.contract import JsonSchema
from argosy.schemas.errors import InvalidInput

_ARGUMENTS: Final[TypeAdapter[dict[str, JsonValue]]] = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True)
class ToolBelt:
    """The tools that one `ask` offers."""

    offered: tuple[Tool[..., Any], ...]
    tools: Tools
    """Calls them: with their spans, and as memos where they may not be repeated."""

    @cached_property
    def specs(self) -> tuple[ToolSpec, ...]:
        """Describe the tools for the model."""
        return tuple(ToolSpec(tool.name, tool.description, _parameters(tool)) for tool in self.offered)

    async def call_all(self, calls: tuple[ToolCall, ...]) -> tuple[ToolResult, ...]:
        """Call what the model asks for, at once; results in its order. What a tool raises is raised."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._call(call), name=f"tool {call.name}") for call in calls]
        return tuple(task.result() for task in tasks)

    async def _call(self, call: ToolCall) -> ToolResult:
        tool = next((offered for offered in self.offered if offered.name == call.name), None)
        if tool is None:
            known = ", ".join(offered.name for offered in self.offered)
            return _told(call, f"there is no tool {call.name!r}; there are {known}")
        try:
            arguments = _decoded(tool, _ARGUMENTS.validate_json(call.arguments or "{}"))
        except (InvalidInput, ValidationError) as error:
            return _told(call, f"these arguments don't fit: {error}")
        result = await self.tools.call(tool, **arguments)
        return ToolResult(call.id, tool.output.encode(result).decode())


def _decoded(tool: Tool[..., Any], given: Mapping[str, JsonValue]) -> dict[str, Any]:
    missing = [name for name in tool.inputs if name not in given and name not in tool.defaults]
    unknown = [name for name in given if name not in tool.inputs]
    if missing or unknown:
        raise InvalidInput(
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    return {name: tool.inputs[name].decode(value, name=name) for name, value in given.items()}


def _parameters(tool: Tool[..., Any]) -> JsonSchema:
    """Put the tool's models where JSON Schema has them by itself: argosy's own table is elsewhere."""
    schema = dict(tool.schema())
    models = schema.pop("schemas", None)
    if models is None:
        return schema
    moved: JsonSchema = orjson.loads(
        orjson.dumps({**schema, "$defs": models}).replace(b'"#/schemas/', b'"#/$defs/')
    )
    return moved


def _told(call: ToolCall, error: str) -> ToolResult:
    return ToolResult(call.id, orjson.dumps({"error": error}).decode())
