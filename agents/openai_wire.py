"""Between our requests and the OpenAI SDK's: chat completions, whole or streamed, and its errors."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final, assert_never, cast

from argosy.agents.model_client import Completion, ModelRequest, ToolCall, ToolCalls, ToolResult, Turn
from argosy.agents.openai_errors import Answered
from argosy.schemas.chat import Message, Reply, Stop, Usage
from argosy.schemas.errors import ModelFailed

if TYPE_CHECKING:
    import openai
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionMessageParam

_STOPS: Final[dict[str, Stop]] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


async def complete(sdk: "openai.AsyncOpenAI", request: ModelRequest, *, modern: bool) -> Completion:
    """Send one request; the SDK's errors pass. ModelFailed if the answer has no choice, ValueError if it is none."""
    answer = await sdk.chat.completions.create(
        model=request.model,
        messages=[_turn(turn) for turn in request.turns],
        stream=False,
        **_options(request, modern=modern),
    )
    _check(answer)
    if not answer.choices:
        raise _no_choice(request)
    choice = answer.choices[0]
    if cast("object", choice.message) is None:
        raise _no_choice(request)
    refused = choice.message.refusal
    calls = tuple(
        ToolCall(call.id, call.function.name, call.function.arguments)
        for call in choice.message.tool_calls or ()
        if call.type == "function"
    )
    reply = Reply(
        text=refused or choice.message.content or "",
        usage=_usage(answer.usage),
        stop="content_filter" if refused else _STOPS.get(choice.finish_reason or "", "other"),
        model=answer.model or "",
    )
    return Completion(reply, calls)


async def stream(
    sdk: "openai.AsyncOpenAI", request: ModelRequest, *, modern: bool
) -> AsyncIterator[str | Reply]:
    """Send one request; return, once the server has begun to answer, what it gives, and at last the Reply.

    What it gives may raise as `complete` does.
    """
    chunks = await sdk.chat.completions.create(
        model=request.model,
        messages=[_turn(turn) for turn in request.turns],
        stream=True,
        stream_options={"include_usage": True},
        **_options(request, modern=modern),
    )

    async def pieces() -> AsyncIterator[str | Reply]:
        texts: list[str] = []
        usage, stop, model, chosen = Usage(), "other", "", False
        async with chunks:
            async for chunk in chunks:
                _check(chunk)
                model = chunk.model or model
                usage = _usage(chunk.usage) if chunk.usage else usage
                for choice in chunk.choices[:1]:
                    chosen = True
                    stop = choice.finish_reason or stop
                    if cast("object", choice.delta) is not None and choice.delta.content:
                        texts.append(choice.delta.content)
                        yield choice.delta.content
        if not chosen:
            raise _no_choice(request)
        yield Reply(text="".join(texts), usage=usage, stop=_STOPS.get(stop, "other"), model=model)

    return pieces()


def answered(error: Exception) -> Answered | None:
    """Take the server's answer out of an error of the SDK; None if there was none: the connection failed."""
    import openai  # noqa: PLC0415 (loaded already, or there would be no error of its)

    if not isinstance(error, openai.APIError):
        return None
    body = cast("dict[str, object]", error.body) if isinstance(error.body, dict) else {}
    code = str(error.code or "")
    if isinstance(error, openai.APIStatusError):
        status, headers = error.status_code, dict(error.response.headers)
    elif body:
        # An error event inside a stream: the status was sent long ago, and was 200.
        status, headers = int(code) if code.isdigit() else 500, {}
    else:
        return None
    tokens = body.get("n_prompt_tokens")
    return Answered(
        status,
        headers,
        code=code if code and not code.isdigit() else str(error.type or ""),
        text=str(body.get("message") or error.message),
        prompt_tokens=tokens if isinstance(tokens, int) else None,
    )


def is_timeout(error: Exception) -> bool:
    """Say whether the SDK gave up waiting."""
    import openai  # noqa: PLC0415 (see answered)

    return isinstance(error, openai.APITimeoutError)


def _check(answer: object) -> None:
    # The SDK believes whatever it is sent, even a proxy's page with status 200.
    if not isinstance(getattr(answer, "choices", None), list):
        message = f"{str(answer)[:200]!r} is no chat completion"
        raise ValueError(message)  # noqa: TRY004 - as is what else can't be read of an answer


def _no_choice(request: ModelRequest) -> ModelFailed:
    # An empty text would pass for what the model said.
    return ModelFailed(f"the server of {request.model} gave an answer without a choice")


def _turn(turn: Turn) -> "ChatCompletionMessageParam":
    match turn:
        case Message(role="system"):
            return {"role": "system", "content": turn.content}
        case Message(role="user"):
            return {"role": "user", "content": turn.content}
        case Message():
            return {"role": "assistant", "content": turn.content}
        case ToolCalls():
            return {
                "role": "assistant",
                "content": turn.text or None,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": call.name, "arguments": call.arguments},
                    }
                    for call in turn.calls
                ],
            }
        case ToolResult():
            return {"role": "tool", "tool_call_id": turn.call_id, "content": turn.content}
        case _:
            assert_never(turn)


def _options(request: ModelRequest, *, modern: bool) -> dict[str, Any]:
    """Build what not every request has; absent is not the same as null to many servers."""
    options: dict[str, Any] = {}
    if request.max_output_tokens is not None:
        options["max_completion_tokens" if modern else "max_tokens"] = request.max_output_tokens
    if request.answer is not None:
        options["response_format"] = {
            "type": "json_schema",
            "json_schema": {
                "name": request.answer.name,
                "schema": request.answer.schema,
                "strict": request.answer.strict,
            },
        }
    if request.tools:
        options["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in request.tools
        ]
    return options


def _usage(usage: "CompletionUsage | None") -> Usage:
    if usage is None:
        return Usage()
    return Usage(input_tokens=max(0, usage.prompt_tokens), output_tokens=max(0, usage.completion_tokens))
