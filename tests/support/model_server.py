"""A server of the OpenAI protocol on loopback that answers by script."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from argosy.agents.model_client import ModelRequest
from argosy.schemas.chat import Message
from argosy.schemas.settings import ModelSettings

KEY = "sk-test-0123456789abcdef"


def answer(
    text: str, *, stop: str = "stop", usage: tuple[int, int] | None = (11, 3), **message: object
) -> Response:
    """A chat completion."""
    body: dict[str, object] = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-2026",
        "choices": [
            {"index": 0, "finish_reason": stop, "message": {"role": "assistant", "content": text, **message}}
        ],
    }
    if usage is not None:
        body["usage"] = _usage(*usage)
    return Response(json.dumps(body), content_type="application/json")


def error(status: int, *, headers: Mapping[str, str] | None = None, **fields: object) -> Response:
    """An error answer, in OpenAI's form."""
    body = json.dumps({"error": {"message": "said the server", "type": "t", "code": None, **fields}})
    return Response(body, status=status, headers=headers, content_type="application/json")


def chunks(
    *texts: str, stop: str | None = "stop", usage: tuple[int, int] | None = (11, 3)
) -> Iterable[bytes]:
    """A streamed answer, event by event; without `stop` it breaks off."""
    for text in texts:
        yield _event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})
    if stop is None:
        return
    yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": stop}]})
    if usage is not None:
        yield _event({"choices": [], "usage": _usage(*usage)})
    yield b"data: [DONE]\n\n"


def streamed(pieces: Iterable[bytes]) -> Response:
    """A response that is sent as it is made."""
    return Response(pieces, content_type="text/event-stream")


class Script:
    """Answers in order; the last one again and again. Keeps what was asked."""

    def __init__(self, server: HTTPServer, *answers: Response | Callable[[], Response]) -> None:
        """Take over chat completions of a server."""
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self._answers = list(answers)
        server.expect_request("/v1/chat/completions", method="POST").respond_with_handler(self._respond)
        self.settings = ModelSettings(
            api_key=SecretStr(KEY), base_url=server.url_for("/v1"), timeout_seconds=30.0
        )

    def _respond(self, request: Request) -> Response:
        self.bodies.append(json.loads(request.get_data()))
        self.headers.append(dict(request.headers))
        chosen = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return chosen if isinstance(chosen, Response) else chosen()


def request(text: str = "hi") -> ModelRequest:
    """A plain request."""
    turns = (Message(role="user", content=text),)
    return ModelRequest(provider="openai", model="m", agent="a", turns=turns, prompt_tokens=8)


def _usage(prompt: int, output: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


def _event(fields: dict[str, object]) -> bytes:
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-2026", **fields}
    return f"data: {json.dumps(body)}\n\n".encode()
