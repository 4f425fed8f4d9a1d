"""The answer of a scripted model: made of its turn, counted, and written as the OpenAI protocol has it."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

import orjson
from pydantic import JsonValue

from argosy.agents.model_client import ToolCall
from argosy.broker import tokens
from argosy.testing.model_faults import EmptyChoices, Filtered, OutOfTokens, WrongUsage
from argosy.testing.model_play import Turn
from argosy.testing.model_question import Question
from argosy.testing.model_script import Say, ToolAsk
from argosy.testing.model_structured import misfit, sample

CREATED: Final = 1_700_000_000
"""Of every answer: what a script says doesn't depend on the time."""
_ECHOED_CHARACTERS: Final = 200
_PIECE: Final = re.compile(r"\s*\S+|\s+\Z")


class Misfit(ValueError):
    """The script's reply is not what the request asks for, and isn't marked as one that may be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `told` is the usage that goes out: wrong, or none, if the script wants it so."""

    id: str
    model: str
    text: str
    refusal: str | None
    calls: tuple[ToolCall, ...]
    finish: str
    prompt_tokens: int
    completion_tokens: int
    told: tuple[int, int] | None
    empty: bool


def answer_of(question: Question, turn: Turn) -> Answer:
    """Make the answer of a turn. Misfit if the script says what the request doesn't allow."""
    say = turn.say or _echo(question)
    mark = hashlib.sha256(f"{question.fingerprint} {turn.rule} {turn.call}".encode()).hexdigest()
    calls = tuple(_called(ask, f"call_{mark[:16]}_{number}") for number, ask in enumerate(say.tool_calls))
    text = say.content()
    if say.fits and say.refusal is None:
        _check(question, text, calls)
    finish = say.finish_reason or ("tool_calls" if calls else "stop")
    room = question.most_tokens
    short = turn.fault(OutOfTokens)
    if short is not None:
        half = tokens.count(text) // 2
        room = min(half if short.tokens is None else short.tokens, half if room is None else room)
    if room is not None and tokens.count(text) > room:
        text, finish = cut(text, room), "length"
    if short is not None:
        finish = "length"
    if turn.fault(Filtered) is not None:
        text, calls, finish = "", (), "content_filter"
    # As prompts are counted, of which an answer becomes a part.
    said = (say.refusal or "") + text + "".join(call.name + call.arguments for call in calls)
    used = question.prompt_tokens, tokens.count(said)
    wrong = turn.fault(WrongUsage)
    return Answer(
        id=f"chatcmpl-{mark[:24]}",
        model=question.model,
        text=text,
        refusal=say.refusal,
        calls=calls,
        finish=finish,
        prompt_tokens=used[0],
        completion_tokens=used[1],
        told=used if wrong is None else _wrong(wrong, used),
        empty=turn.fault(EmptyChoices) is not None,
    )


def completion(answer: Answer) -> bytes:
    """Write the answer whole."""
    message: dict[str, JsonValue] = {
        "role": "assistant",
        "content": None if answer.refusal is not None or (answer.calls and not answer.text) else answer.text,
        "refusal": answer.refusal,
    }
    if answer.calls:
        message["tool_calls"] = [_wire(call) for call in answer.calls]
    choice: JsonValue = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
    body = _head(answer, "chat.completion")
    body["choices"] = [] if answer.empty else [choice]
    if answer.told is not None:
        body["usage"] = _usage(*answer.told)
    return orjson.dumps(body)


def events(answer: Answer, *, tells_usage: bool) -> list[bytes]:
    """Write the answer as a stream's events, word by word, with the usage at last if it was asked for."""
    deltas: list[dict[str, JsonValue]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in _PIECE.findall(answer.text)]
    if answer.refusal is not None:
        deltas += [{"refusal": piece} for piece in _PIECE.findall(answer.refusal)]
    for index, call in enumerate(answer.calls):
        begun: dict[str, JsonValue] = {
            **_wire(call),
            "index": index,
            "function": {"name": call.name, "arguments": ""},
        }
        rest: dict[str, JsonValue] = {"index": index, "function": {"arguments": call.arguments}}
        deltas.append({"tool_calls": [begun]})
        deltas.append({"tool_calls": [rest]})
    choices: list[JsonValue] = [
        {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas
    ]
    choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": answer.finish})
    made: list[bytes] = []
    for choice in choices:
        body = _head(answer, "chat.completion.chunk")
        body["choices"] = [] if answer.empty else [choice]
        if tells_usage:
            body["usage"] = None
        made.append(_event(body))
    if tells_usage and answer.told is not None:
        made.append(
            _event({**_head(answer, "chat.completion.chunk"), "choices": [], "usage": _usage(*answer.told)})
        )
    return [*made, b"data: [DONE]\n\n"]


def error_body(message: str, kind: str, code: str | None = None, param: str | None = None) -> bytes:
    """Write an error in OpenAI's form."""
    return orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


def cut(text: str, room: int) -> str:
    """Cut a text to so many tokens at most."""
    vocabulary = tokens.loaded(tokens.COMMON)
    if vocabulary is None:
        text = text[: room * tokens.BYTES_PER_TOKEN]
    else:
        text = vocabulary.decode(vocabulary.encode_ordinary(text)[:room], errors="ignore")
    while tokens.count(text) > room:  # where a character was cut, or counts are estimates
        text = text[:-1]
    return text


def _echo(question: Question) -> Say:
    if question.answer is not None:
        return Say(value=sample(question.answer.schema))
    return Say(text=f"You said: {question.last[:_ECHOED_CHARACTERS]}")


def _check(question: Question, text: str, calls: tuple[ToolCall, ...]) -> None:
    offered = [tool.name for tool in question.tools]
    for call in calls:
        if call.name not in offered:
            raise Misfit(
                f"the script calls the tool {call.name}; the request offers {', '.join(offered) or 'none'}"
            )
    if question.answer is not None and not calls:
        why = misfit(text, question.answer.schema)
        if why:
            raise Misfit(
                f"the script's reply is no {question.answer.name or 'answer'} as the request asks for: {why}"
            )


def _called(ask: ToolAsk, otherwise: str) -> ToolCall:
    arguments = ask.arguments if isinstance(ask.arguments, str) else orjson.dumps(ask.arguments).decode()
    return ToolCall(ask.id or otherwise, ask.name, arguments)


def _wrong(wrong: WrongUsage, used: tuple[int, int]) -> tuple[int, int] | None:
    if wrong.prompt_tokens is None and wrong.completion_tokens is None:
        return None
    prompt, completed = wrong.prompt_tokens, wrong.completion_tokens
    return used[0] if prompt is None else prompt, used[1] if completed is None else completed


def _head(answer: Answer, kind: str) -> dict[str, JsonValue]:
    return {"id": answer.id, "object": kind, "created": CREATED, "model": answer.model, "choices": []}


def _wire(call: ToolCall) -> dict[str, JsonValue]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _usage(prompt: int, completed: int) -> dict[str, JsonValue]:
    return {"prompt_tokens": prompt, "completion_tokens": completed, "total_tokens": prompt + completed}


def _event(body: dict[str, JsonValue]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"
