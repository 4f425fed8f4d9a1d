"""What stands between `ctx.model` and a model server: one request, one completion, or a stream of text.

A client is shared by all tasks of a process. The testing kit's FakeModel is one too.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from argosy.schemas.chat import Message, Reply
from argosy.schemas.contract import JsonSchema


@dataclass(frozen=True, slots=True)
class AnswerSchema:
    """What the answer must be; `strict` where the schema keeps to what servers can enforce word by word."""

    name: str
    schema: JsonSchema
    strict: bool


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told of it."""

    name: str
    description: str
    parameters: JsonSchema


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool; `arguments` is JSON by intention, checked by nobody yet."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """A turn in which the model asks for tools instead of answering."""

    calls: tuple[ToolCall, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave, as JSON text."""

    call_id: str
    content: str


Turn = Message | ToolCalls | ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One call of a model, in no provider's own words."""

    provider: str
    model: str
    agent: str
    turns: tuple[Turn, ...]
    prompt_tokens: int
    """Our count of all that is sent."""
    max_output_tokens: int | None = None
    answer: AnswerSchema | None = None
    tools: tuple[ToolSpec, ...] = ()
    limited: bool = False
    """The fleet keeps to limits of this model: a server that is busy all the same is told at once, not waited for."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back: an answer, or calls of tools."""

    reply: Reply
    calls: tuple[ToolCall, ...] = ()


class ModelClient(Protocol):
    """Calls models. Safe to use from all tasks of one event loop.

    Both calls raise ModelBusy (come back in `after_seconds`), ModelFailed (another attempt may do),
    ModelRefused (no attempt will) or ContextOverflow (larger than the model's window).
    """

    async def complete(self, request: ModelRequest) -> Completion:
        """Send one request and wait for the whole answer. Not idempotent: each call costs tokens."""
        ...

    def stream(self, request: ModelRequest) -> AsyncIterator[str | Reply]:
        """Send one request and give the text in pieces; the last item is the whole Reply with its usage."""
        ...

    async def close(self) -> None:
        """Close all connections; nothing may be called afterwards."""
