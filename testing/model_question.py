"""A request for a chat completion, read from the wire into argosy's own words and counted as argosy counts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, Field, JsonValue, NonNegativeInt, ValidationError

from argosy.agents.model_client import (
    AnswerSchema,
    ModelRequest,
    ToolCall,
    ToolCalls,
    ToolResult,
    ToolSpec,
    Turn,
)
from argosy.agents.prompt import prompt_tokens
from argosy.schemas.chat import Message
from argosy.schemas.contract import JsonSchema
from argosy.testing.model_script import findings

Role = Literal["system", "user", "assistant", "tool"]
_ROLES: Final[dict[str, Role]] = {"developer": "system"}


class BadQuestion(ValueError):
    """The request is none that a server of chat completions takes; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request. `fingerprint` is the same for the same model and conversation."""

    model: str
    role: Role
    """Of the last message."""
    last: str
    everything: str
    """The texts of all messages, a line each."""
    prompt_tokens: int
    most_tokens: int | None
    answer: AnswerSchema | None
    tools: tuple[ToolSpec, ...]
    stream: bool
    tells_usage: bool
    """Whether a stream ends with its usage."""
    fingerprint: str


def read_question(body: bytes) -> Question:
    """Read a request's body; BadQuestion if it is none. What has no bearing on the answer is ignored."""
    try:
        wire = _Wire.model_validate_json(body)
    except ValidationError as error:
        raise BadQuestion(findings(error)) from None
    turns = tuple(_turn(message) for message in wire.messages)
    answer = wire.response_format.answer() if wire.response_format else None
    tools = tuple(
        ToolSpec(tool.function.name, tool.function.description or "", tool.function.parameters)
        for tool in wire.tools or ()
    )
    request = ModelRequest(
        provider="openai",
        model=wire.model,
        agent="",
        turns=turns,
        prompt_tokens=0,
        answer=answer if wire.schema_given else None,
        tools=tools,
    )
    texts = [message.text() for message in wire.messages]
    said = orjson.dumps(
        [wire.model, [[message.role, text] for message, text in zip(wire.messages, texts, strict=True)]]
    )
    last = wire.messages[-1]
    return Question(
        model=wire.model,
        role=_ROLES.get(last.role) or last.role,  # type: ignore[arg-type]
        last=texts[-1],
        everything="\n".join(texts),
        prompt_tokens=prompt_tokens(request),
        most_tokens=wire.max_completion_tokens if wire.max_completion_tokens is not None else wire.max_tokens,
        answer=answer,
        tools=tools,
        stream=bool(wire.stream),
        tells_usage=wire.stream_options is not None and wire.stream_options.include_usage,
        fingerprint=hashlib.sha256(said).hexdigest(),
    )


class _TextPart(BaseModel):
    type: Literal["text"]
    text: str


class _Function(BaseModel):
    name: str
    arguments: str


class _ToolCall(BaseModel):
    id: str
    function: _Function


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Sequence[_TextPart] | None = None
    tool_calls: Sequence[_ToolCall] | None = None
    tool_call_id: str = ""

    def text(self) -> str:
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "".join(part.text for part in self.content)


class _ToolFunction(BaseModel):
    name: str
    description: str | None = None
    parameters: JsonSchema = {}


class _Tool(BaseModel):
    type: Literal["function"]
    function: _ToolFunction


class _Format(BaseModel):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, JsonValue] | None = None

    def answer(self) -> AnswerSchema | None:
        if self.type == "text":
            return None
        given = self.json_schema or {}
        schema = given.get("schema")
        return AnswerSchema(
            str(given.get("name", "")),
            schema if isinstance(schema, dict) else {"type": "object"},
            strict=given.get("strict") is True,
        )


class _StreamOptions(BaseModel):
    include_usage: bool = False


class _Wire(BaseModel):
    """As far as it matters here; https://platform.openai.com/docs/api-reference/chat/create has all of it."""

    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[Sequence[_Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: NonNegativeInt | None = None
    max_completion_tokens: NonNegativeInt | None = None
    response_format: _Format | None = None
    tools: Sequence[_Tool] | None = None
    n: Literal[1] | None = None

    @property
    def schema_given(self) -> bool:
        """Whether a schema is sent, which costs tokens."""
        return self.response_format is not None and self.response_format.type == "json_schema"


def _turn(message: _Message) -> Turn:
    match message.role:
        case "tool":
            return ToolResult(message.tool_call_id, message.text())
        case "assistant" if message.tool_calls:
            calls = (
                ToolCall(call.id, call.function.name, call.function.arguments) for call in message.tool_calls
            )
            return ToolCalls(tuple(calls), message.text())
        case "developer":
            return Message(role="system", content=message.text())
        case role:
            return Message(role=role, content=message.text())
