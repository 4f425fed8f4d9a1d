"""What a scripted model server says instead of an answer: errors and their headers in OpenAI's form."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from argosy.testing.model_answer import error_body
from argosy.testing.model_faults import Status
from argosy.testing.model_limits import Limited
from argosy.testing.model_question import Question

_BUSY: Final = 429
_SERVER: Final = 500
_KINDS: Final[dict[int, tuple[str, str | None]]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
"""An error's `type` and `code` by its status; of the others see `_kind`."""


@dataclass(frozen=True, slots=True)
class ModelError:
    """A status, a body and what goes with it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def bad_request(message: str, code: str | None = None, status: int = 400) -> ModelError:
    """Say that the request is at fault; another try won't do."""
    return ModelError(status, error_body(message, "invalid_request_error", code))


def unknown_model(question: Question, models: list[str]) -> ModelError:
    """Say that the script serves other models."""
    return bad_request(
        f"there is no model {question.model}; the script serves {', '.join(models)}", "model_not_found", 404
    )


def too_long(question: Question, window: int) -> ModelError:
    """Say that the prompt is larger than the script's window."""
    return bad_request(
        f"this model's maximum context length is {window} tokens, "
        f"but the messages resulted in {question.prompt_tokens} tokens",
        "context_length_exceeded",
    )


def no_rule(question: Question) -> ModelError:
    """Say that the script has nothing to say to this."""
    return bad_request(
        f"no rule of the script fits this call of {question.model}, whose last message ({question.role}) is "
        f"{question.last[:200]!r}; add a rule, or say otherwise = 'echo'",
        "no_rule",
    )


def scripted(status: Status) -> ModelError:
    """Make the error that the script wants."""
    kind, code = _kind(status)
    return ModelError(
        status.status, error_body(status.message, kind, code), retry_headers(status.retry_after_seconds)
    )


def limited(limit: Limited, model: str) -> ModelError:
    """Say which limit the call is over, and when to come back."""
    if limit.reason == "concurrency":
        what = f"{limit.limit} calls at a time"
    else:
        what = f"{limit.limit} {limit.reason} per minute, {limit.asked} asked for"
    again = "It will never fit." if limit.never else f"Try again in {limit.wait_seconds:.3f}s."
    kind = "tokens" if limit.reason == "tokens" else "requests"
    body = error_body(f"Rate limit of {model} reached: {what}. {again}", kind, "rate_limit_exceeded")
    return ModelError(_BUSY, body, retry_headers(limit.wait_seconds))


def retry_headers(seconds: float | None) -> dict[str, str]:
    """Say when to come back: in whole seconds, as HTTP has it, and exactly, as OpenAI's clients read it."""
    if seconds is None:
        return {}
    return {"retry-after": str(math.ceil(seconds)), "retry-after-ms": str(math.ceil(seconds * 1000))}


def _kind(status: Status) -> tuple[str, str | None]:
    kind, code = _KINDS.get(
        status.status, ("server_error" if status.status >= _SERVER else "invalid_request_error", None)
    )
    if status.code == "insufficient_quota":
        kind = status.code
    return kind, status.code or code
