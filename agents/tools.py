"""Calls of tools: each has its span; one that can't be repeated is a memo."""

import inspect
from collections import Counter
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from argosy.agents.step import Steps
from argosy.pipelines.tool import Tool
from argosy.schemas.canonical import sha256_hex
from argosy.telemetry import names, steps

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class ToolCalls:
    """`ctx.tools` of one attempt."""

    memos: Steps
    _seen: Counter[str] = field(default_factory=Counter[str])

    async def call(self, tool: Tool[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a tool with its own parameters. What it raises is the handler's to catch."""
        arguments = _arguments(tool, args, kwargs)
        with steps.tool_call(tool.name, arguments) as span:
            if tool.repeatable:
                result = await tool.function(*args, **kwargs)
            else:
                name = self._memo_name(tool.name, arguments)
                result = await self.memos.memoised(name, tool.output, lambda: tool.function(*args, **kwargs))
            if span.recording:
                span.set_content(names.TOOL_RESULT, tool.output.encode(result))
            return result

    def _memo_name(self, tool: str, arguments: bytes) -> str:
        """Name a call by its arguments and how often they came before.

        A changed order of calls finds its own memos.
        """
        name = f"tool:{tool}:{sha256_hex(arguments)[:24]}"
        self._seen[name] += 1
        return f"{name}:{self._seen[name]}"


def _arguments(tool: Tool[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> bytes:
    bound = inspect.signature(tool.function).bind(*args, **kwargs)
    pairs = (
        f'"{name}":'.encode() + tool.inputs[name].encode(value) for name, value in bound.arguments.items()
    )
    return b"{" + b",".join(pairs) + b"}"
