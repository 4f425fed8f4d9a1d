"""What an error of the OpenAI protocol means: try again here, come back later, or never.

| what the server says | what it becomes |
|---|---|
| 429 `insufficient_quota`, 401, 403 | ModelRefused: key or account |
| 429, 503, 529 | tried again after `retry-after`; then ModelBusy, which costs no attempt |
| 408, 409, 5xx, a lost connection, an answer that can't be read | tried again shortly; then ModelFailed |
| an answer without a choice | ModelFailed |
| no answer in time | ModelFailed |
| 400 or 413 about the context's length | ContextOverflow with the tokens that the server measured |
| any other 4xx | ModelRefused |
"""

import email.utils
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argosy.schemas.errors import ArgosyError, ContextOverflow, ModelBusy, ModelFailed, ModelRefused
from argosy.telemetry.redact import redact_text

BUSY_SECONDS: Final = 5.0
"""Where a busy server doesn't say when to come back."""
MOST_SECONDS: Final = 3_600.0
TEXT_CHARACTERS: Final = 500

_BUSY: Final = frozenset({429, 503, 529})
_AGAIN: Final = frozenset({408, 409})
_KEY: Final = frozenset({401, 403})
_TOO_LONG: Final = frozenset(
    {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"}
)
_TOO_LONG_TEXT: Final = re.compile(
    r"maximum context length|context (size|window|length)|too many tokens", re.IGNORECASE
)
_MEASURED: Final = (
    re.compile(r"(\d+) (?:in the messages|input tokens)", re.IGNORECASE),
    re.compile(
        r"(?:resulted in|request \(|has|contains|requested)\s*(\d+)\s*(?:input )?tokens", re.IGNORECASE
    ),
)
"""How servers tell the size of a prompt; the first one where a text also tells prompt and output together."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with one HTTP request. `error` is raised unless `again`, and then if tries run out."""

    error: ArgosyError
    again: bool = False
    after_seconds: float | None = None
    """The server's own word on when to try again."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The server's answer that is no success."""

    status: int
    headers: Mapping[str, str]
    code: str = ""
    """The error's `code` or, where that is only the status, its `type`."""
    text: str = ""
    prompt_tokens: int | None = None
    """llama.cpp tells it beside the text."""


def judge(answered: Answered, model: str, counted_tokens: int) -> Trouble:  # noqa: PLR0911 (a table)
    """Judge an answer.

    `counted_tokens` is our own count of the prompt, for a server that doesn't tell its.
    """
    text = redact_text(answered.text)[:TEXT_CHARACTERS]
    status = answered.status
    told = f"{status}{f' {answered.code}' if answered.code else ''}: {text}" if text else str(status)
    if _is_overflow(answered):
        measured = answered.prompt_tokens or _measured(answered.text) or counted_tokens
        message = f"the prompt has {measured} tokens, too many for {model} ({told})"
        return Trouble(ContextOverflow(message, measured_tokens=measured))
    if answered.code == "insufficient_quota":
        return Trouble(
            ModelRefused(f"the account's quota for {model} is used up ({told}); top it up or use another key")
        )
    if status in _BUSY:
        after = retry_after(answered.headers, time.time())
        busy = ModelBusy(
            f"the server of {model} is busy ({told})",
            after_seconds=BUSY_SECONDS if after is None else after,
            over_limit=status == 429,  # noqa: PLR2004 (HTTP)
        )
        return Trouble(busy, again=True, after_seconds=after)
    if status >= 500 or status in _AGAIN:  # noqa: PLR2004 (HTTP)
        after = retry_after(answered.headers, time.time())
        return Trouble(ModelFailed(f"the server of {model} failed ({told})"), again=True, after_seconds=after)
    if status in _KEY:
        return Trouble(
            ModelRefused(f"the server refuses our key ({told}); check OPENAI_API_KEY and OPENAI_BASE_URL")
        )
    if status == 404:  # noqa: PLR2004 (HTTP)
        return Trouble(
            ModelRefused(
                f"the server has no model {model} ({told}); check the agent's model and OPENAI_BASE_URL"
            )
        )
    return Trouble(ModelRefused(f"the server refuses the request to {model} ({told})"))


def retry_after(headers: Mapping[str, str], now_seconds: float) -> float | None:
    """Read `retry-after-ms` or `retry-after` (seconds, or an HTTP date against `now_seconds`); else None.

    Never negative, an hour at most. RFC 9110, section 10.2.3.
    """
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / divisor
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return min(max(0.0, seconds), MOST_SECONDS)
    try:
        moment = email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
    return min(max(0.0, moment - now_seconds), MOST_SECONDS)


def _is_overflow(answered: Answered) -> bool:
    if answered.status not in {400, 413, 422}:
        return False
    return answered.code in _TOO_LONG or _TOO_LONG_TEXT.search(answered.text) is not None


def _measured(text: str) -> int | None:
    found = (pattern.search(text) for pattern in _MEASURED)
    return next((int(match[1]) for match in found if match), None)
