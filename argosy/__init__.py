"""Argosy's public face: names are loaded from their rooms at first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argosy.client.run import Run
    from argosy.client.script import run
    from argosy.client.streamed import Piece, Streams
    from argosy.console.connection import Argosy
    from argosy.pipelines.agent import Agent, agent
    from argosy.pipelines.app import App
    from argosy.pipelines.context import Context, Payload
    from argosy.pipelines.join import all_ended, all_of, any_of, by_deadline, quorum
    from argosy.pipelines.mcp import mcp
    from argosy.pipelines.pipeline import Pipeline
    from argosy.pipelines.recorder import exists, size
    from argosy.pipelines.ref import Ref, const
    from argosy.pipelines.schedule import Schedule
    from argosy.pipelines.tool import Tool, tool
    from argosy.schemas.approval import Approval
    from argosy.schemas.chat import Message, Reply
    from argosy.schemas.errors import (
        ArgosyError,
        BadArgument,
        BuildError,
        Busy,
        ContextRefused,
        InvalidInput,
        Reject,
        ResultTimeout,
        Retry,
        RunCancelled,
        RunConflict,
        RunExpired,
        RunFailed,
        RunRefused,
        ToolError,
        Unreachable,
    )
    from argosy.schemas.hole import Hole
    from argosy.schemas.planning import Plan, PlannedTask, PlanResult, result_of

__all__ = [
    "Agent",
    "App",
    "Approval",
    "Argosy",
    "ArgosyError",
    "BadArgument",
    "BuildError",
    "Busy",
    "Context",
    "ContextRefused",
    "Hole",
    "InvalidInput",
    "Message",
    "Payload",
    "Piece",
    "Pipeline",
    "Plan",
    "PlanResult",
    "PlannedTask",
    "Ref",
    "Reject",
    "Reply",
    "ResultTimeout",
    "Retry",
    "Run",
    "RunCancelled",
    "RunConflict",
    "RunExpired",
    "RunFailed",
    "RunRefused",
    "Schedule",
    "Streams",
    "Tool",
    "ToolError",
    "Unreachable",
    "agent",
    "all_ended",
    "all_of",
    "any_of",
    "by_deadline",
    "const",
    "exists",
    "mcp",
    "quorum",
    "result_of",
    "run",
    "size",
    "tool",
]

_ROOM_OF: Final = {
    "Agent": "argosy.pipelines.agent",
    "App": "argosy.pipelines.app",
    "Approval": "argosy.schemas.approval",
    "Argosy": "argosy.console.connection",
    "ArgosyError": "argosy.schemas.errors",
    "BadArgument": "argosy.schemas.errors",
    "BuildError": "argosy.schemas.errors",
    "Busy": "argosy.schemas.errors",
    "Context": "argosy.pipelines.context",
    "ContextRefused": "argosy.schemas.errors",
    "Hole": "argosy.schemas.hole",
    "InvalidInput": "argosy.schemas.errors",
    "Message": "argosy.schemas.chat",
    "Payload": "argosy.pipelines.context",
    "Piece": "argosy.client.streamed",
    "Pipeline": "argosy.pipelines.pipeline",
    "Plan": "argosy.schemas.planning",
    "PlanResult": "argosy.schemas.planning",
    "PlannedTask": "argosy.schemas.planning",
    "Ref": "argosy.pipelines.ref",
    "Reject": "argosy.schemas.errors",
    "Reply": "argosy.schemas.chat",
    "ResultTimeout": "argosy.schemas.errors",
    "Retry": "argosy.schemas.errors",
    "Run": "argosy.client.run",
    "RunCancelled": "argosy.schemas.errors",
    "RunConflict": "argosy.schemas.errors",
    "RunExpired": "argosy.schemas.errors",
    "RunFailed": "argosy.schemas.errors",
    "RunRefused": "argosy.schemas.errors",
    "Schedule": "argosy.pipelines.schedule",
    "Streams": "argosy.client.streamed",
    "Tool": "argosy.pipelines.tool",
    "ToolError": "argosy.schemas.errors",
    "Unreachable": "argosy.schemas.errors",
    "agent": "argosy.pipelines.agent",
    "all_ended": "argosy.pipelines.join",
    "all_of": "argosy.pipelines.join",
    "any_of": "argosy.pipelines.join",
    "by_deadline": "argosy.pipelines.join",
    "const": "argosy.pipelines.ref",
    "exists": "argosy.pipelines.recorder",
    "mcp": "argosy.pipelines.mcp",
    "quorum": "argosy.pipelines.join",
    "result_of": "argosy.schemas.planning",
    "run": "argosy.client.script",
    "size": "argosy.pipelines.recorder",
    "tool": "argosy.pipelines.tool",
}

if not TYPE_CHECKING:  # else type checkers would accept any name

    def __getattr__(name: str) -> object:
        """Load a public name from its room, once."""
        if name not in _ROOM_OF:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = globals()[name] = getattr(import_module(_ROOM_OF[name]), name)
        return value

    def __dir__() -> list[str]:
        """Show the public names before they are loaded."""
        return sorted({*globals(), *__all__})
