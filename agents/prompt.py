"""What is sent to a model: made of what the author gave, counted, and shown to telemetry."""

from typing import Final

import orjson

from argosy.agents.model_client import ModelRequest, ToolCalls, Turn
from argosy.broker import tokens
from argosy.pipelines.context import Prompt
from argosy.schemas.chat import Message

TOKENS_PER_TURN: Final = 4
"""What a server puts around each message: its role and its limits."""
TOKENS_PER_PROMPT: Final = 3


def prompt_tokens(request: ModelRequest) -> int:
    """Count all that a request sends: turns, the answer's schema, the tools' schemas."""
    found = TOKENS_PER_PROMPT
    for turn in request.turns:
        found += TOKENS_PER_TURN + tokens.count(_text_of(turn))
    if request.answer is not None:
        found += tokens.count(orjson.dumps(request.answer.schema).decode())
    for tool in request.tools:
        found += TOKENS_PER_TURN + tokens.count(
            tool.name + tool.description + orjson.dumps(tool.parameters).decode()
        )
    return found


def turns_of(prompt: Prompt, system: str | None) -> tuple[Message, ...]:
    """Make turns of a prompt, with the system prompt first."""
    asked = (Message(role="user", content=prompt),) if isinstance(prompt, str) else tuple(prompt)
    return asked if system is None else (Message(role="system", content=system), *asked)


def _text_of(turn: Turn) -> str:
    match turn:
        case ToolCalls():
            return turn.text + "".join(call.name + call.arguments for call in turn.calls)
        case _:
            return turn.content


def shown(turns: tuple[Turn, ...]) -> bytes:
    """Write turns as OpenTelemetry's GenAI conventions have messages."""
    roles = [turn.role if isinstance(turn, Message) else "tool" for turn in turns]
    shown = [
        {"role": role, "parts": [{"type": "text", "content": _text_of(turn)}]}
        for role, turn in zip(roles, turns, strict=True)
    ]
    return orjson.dumps(shown)
