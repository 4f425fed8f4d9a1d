"""Bugs about tools, taint and streams: what a later attempt asks again, what washes a value, whose text is shown."""

# ruff: noqa: SLF001 - what is edited is private
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.agents.mcp_link import McpLink
from argosy.agents.model import TaskModel
from argosy.agents.step import Steps
from argosy.agents.success import Success
from argosy.agents.tools import ToolCalls
from argosy.client.streamed import Streams
from argosy.coordinator import outcome
from bugs.bug import Bug
from bugs.planting import Edit

TOOL_BUGS: Final = (
    Bug(
        "turns_not_recorded",
        "a later attempt asks its model anew, though a tool that can't be repeated was called",
        (Edit(TaskModel._records, "return not belt.repeatable", "return False"),),
    ),
    Bug(
        "undeclared_tool_called",
        "an agent calls a tool that it doesn't list",
        (Edit(ToolCalls.check, "if tool not in self.agent.tools:", "if False:"),),
    ),
    Bug(
        "memo_forgets_taint",
        "what an earlier attempt saw leaves no mark on a later one that takes its memo",
        (Edit(Steps._record, "tainted(payload, self.running.taint)", "payload"),),
    ),
    Bug(
        "plain_result_washes",
        "a small result carries no taint",
        (Edit(Success.body, "or running.taint ", ""),),
    ),
    Bug(
        "list_washes",
        "the list that a map makes carries no taint",
        (Edit(outcome._listed, "united(*(item.taint for item in items))", "()"),),
    ),
    Bug(
        "late_pieces_shown",
        "pieces of an attempt that was given up are shown among those of the newer one",
        (Edit(Streams.take, "whose < known.whose or", ""),),
    ),
    Bug(
        "hung_server_kept",
        "an MCP server that gave no answer is asked again",
        (Edit(McpLink.dead, "self.retired or ", ""), Edit(McpLink.retire, "self._leave.set()", "pass")),
    ),
)
