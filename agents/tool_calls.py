"""Tools that a model asks for: told to it, and called on its behalf.

What a model says is untrusted: an unknown tool, arguments that don't fit, a call that may not be are answered to the
model, not raised. So is a result that has no room: nothing of it is cut in silence.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast

import orjson
from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.agents.model_client import ToolCall, ToolResult, ToolSpec
from argosy.agents.prompt import TOKENS_PER_TURN
from argosy.agents.verdict import Raised, Returned, outcome_of
from argosy.broker import tokens
from argosy.pipelines.capabilities import expanded
from argosy.pipelines.mcp import McpTool
from argosy.pipelines.tool import Tool
from argosy.schemas.contract import JsonSchema
from argosy.schemas.errors import InvalidInput, Tainted, ToolError, ToolResultTooLarge
from argosy.schemas.late import LATE
from argosy.telemetry import logs

P = ParamSpec("P")
T = TypeVar("T")

MOST_CALLS: Final = 32
"""In one turn: a model that asks for more is told so."""
_ARGUMENTS: Final[TypeAdapter[dict[str, JsonValue]]] = TypeAdapter(dict[str, JsonValue], config=LATE)


class Calls(Protocol):
    """`ctx.tools`, and what else a model's calls need of it."""

    async def call(self, tool: Tool[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a tool with its own parameters."""
        ...

    def check(self, tool: Tool[..., Any], /) -> None:
        """Raise ToolNotAllowed for a tool that the agent doesn't declare."""
        ...

    async def describe(self, tool: McpTool, /) -> ToolSpec | None:
        """Ask its server what a tool takes; None if the server doesn't have it. Raises ToolFailed."""
        ...

    def permit(self, tool: Tool[..., Any], /) -> None:
        """Raise what `call` would raise just now before it calls anything."""
        ...

    def skipped(self, tool: Tool[..., Any], arguments: bytes, /) -> None:
        """Hear of a call that an earlier attempt made, whose result is at hand."""
        ...


@dataclass(frozen=True, slots=True)
class ToolBelt:
    """The tools that one `ask` offers."""

    offered: tuple[Tool[..., Any], ...]
    tools: Calls
    """Calls them: with their spans, and as memos where they may not be repeated."""
    specs: tuple[ToolSpec, ...]
    """The tools as the model is told of them, in the same order."""
    at_once: int
    declared: tuple[Tool[..., Any], ...]
    """Those offered, and those that their server doesn't have just now: the same in each attempt."""

    @property
    def repeatable(self) -> bool:
        """Whether all of them may be called again by a later attempt."""
        return all(tool.repeatable for tool in self.declared)

    def skip(self, calls: Sequence[ToolCall]) -> None:
        """Tell of calls that an earlier attempt made: of those that `call_all` would have come to make."""
        for call in calls[:MOST_CALLS]:
            tool = next((known for known in self.declared if known.name == call.name), None)
            if tool is not None and not tool.repeatable:
                with suppress(InvalidInput, ValidationError):
                    arguments = tool.decode(_ARGUMENTS.validate_json(call.arguments or "{}"))
                    self.tools.skipped(tool, tool.arguments((), arguments))

    async def call_all(self, calls: Sequence[ToolCall], left: int | None) -> tuple[ToolResult, ...]:
        """Call what the model asks for, a few at once; results in its order, those that fit into the tokens `left`.

        What tools raise is raised once all have ended: a call that is cut off on the way would not be recorded, and be
        made again.
        """
        slots = asyncio.Semaphore(self.at_once)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(outcome_of(self._call(call, slots)), name=f"tool {call.name}")
                for call in calls[:MOST_CALLS]
            ]
        outcomes = [task.result() for task in tasks]
        errors = [outcome.error for outcome in outcomes if isinstance(outcome, Raised)]
        if errors:
            raise errors[0] if len(errors) == 1 else BaseExceptionGroup("several tools failed", errors)
        results = [outcome.value for outcome in outcomes if isinstance(outcome, Returned)]
        more = f"at most {MOST_CALLS} tools can be asked for at once: ask for this one again"
        results += [_told(call, more) for call in calls[MOST_CALLS:]]
        return fitted(results, left)

    async def _call(self, call: ToolCall, slots: asyncio.Semaphore) -> ToolResult:
        tool = next((offered for offered in self.offered if offered.name == call.name), None)
        if tool is None:
            known = ", ".join(offered.name for offered in self.offered)
            return _told(call, f"there is no tool {call.name!r}; there are {known}")
        try:
            arguments = tool.decode(_ARGUMENTS.validate_json(call.arguments or "{}"))
        except (InvalidInput, ValidationError) as error:
            return _told(call, f"these arguments don't fit: {error}")
        async with slots:
            try:
                self.tools.permit(tool)
                result = await self.tools.call(tool, **arguments)
            except Tainted as error:
                logs.get("argosy.worker").warning(
                    "a model asked for a dangerous tool", tool=tool.name, why=str(error)
                )
                return _told(call, f"refused: {error}")
            except ToolResultTooLarge as error:
                return _told(call, f"it was called, but {error}: ask for less")
            except ToolError as error:
                return _told(call, str(error))
        return ToolResult(call.id, tool.output.encode(result).decode())


async def opened(tools: Sequence[object], calls: Calls, at_once: int) -> ToolBelt:
    """Put together what one `ask` offers: of a server's tools those that it has.

    Raises ToolNotAllowed if one of them isn't the agent's; ToolFailed if a server can't be asked.
    """
    declared = cast("tuple[Tool[..., Any], ...]", expanded(tools))
    offered: list[Tool[..., Any]] = []
    specs: list[ToolSpec] = []
    for tool in declared:
        calls.check(tool)
        if isinstance(tool, McpTool):
            spec = await calls.describe(tool)
        else:
            spec = ToolSpec(tool.name, tool.description, _parameters(tool))
        if spec is not None:
            offered.append(tool)
            specs.append(spec)
    return ToolBelt(tuple(offered), calls, tuple(specs), at_once, declared)


def fitted(results: Sequence[ToolResult], left: int | None) -> tuple[ToolResult, ...]:
    """Give the results that have room in so many tokens, smallest first; in the place of the others, say so."""
    if left is None:
        return tuple(results)
    sizes = [TOKENS_PER_TURN + tokens.count(result.content) for result in results]
    kept = list(results)
    for number in sorted(range(len(results)), key=lambda number: (sizes[number], number)):
        left -= sizes[number]
        if left < 0:
            left += sizes[number]
            error = (
                f"it was called, but its result has {sizes[number]} tokens and may have {left}: ask for less"
            )
            kept[number] = ToolResult(results[number].call_id, _error(error))
            left = max(0, left - TOKENS_PER_TURN - tokens.count(kept[number].content))
    return tuple(kept)


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
    return ToolResult(call.id, _error(error))


def _error(text: str) -> str:
    return orjson.dumps({"error": text}).decode()
