"""Keep secrets out of what leaves the process: log events, span attributes, error texts.

By key name and by pattern, at the exits. A net, not a licence: settings hold secrets as `SecretStr` anyway.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, cast

MASK: Final = "[redacted]"

_KEY: Final = re.compile(
    r"(^|[_.-])(api_?key|authorization|cookie|credentials?|passphrase|passwd|password|secret|sasl_password)($|[_.-])"
    r"|(^|[_.-])(access|auth|bearer|refresh|session)_token$",
    re.IGNORECASE,
)
_PATTERNS: Final = (
    (re.compile(r"\b(sk|pk|rk|xox[abp]|gh[pousr])[-_][A-Za-z0-9_-]{12,}"), MASK),
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{30,}"), MASK),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+@"), rf"\1{MASK}@"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)"), MASK),
)
_HINT: Final = re.compile(
    r"[spr]k[-_]|xox|gh[pousr][-_]|A[KS]IA|AIza|eyJ|[eE][aA][rR][eE][rR]\s|[aA][sS][iI][cC]\s|://[^/\s]*@|-----BEGIN"
)
"""What every pattern needs: one search instead of seven, for texts that hold nothing, which is nearly all.

Without a flag for case, which would cost twice the time.
"""


def may_hold_secret(text: str) -> bool:
    """Say whether `redact_text` might change this, or any part of it; a quarter of the time, and seldom wrong."""
    # What `_HINT` needs, one plain search after the other: a loop over them takes twice as long.
    if (
        "k-" in text
        or "k_" in text
        or "gh" in text
        or "xox" in text
        or "KIA" in text
        or "SIA" in text
        or "AIza" in text
        or "eyJ" in text
        or "://" in text
        or "-----BEGIN" in text
    ):
        return True
    low = text.lower()
    return "earer" in low or "asic" in low


def redact_text(text: str) -> str:
    """Mask what looks like a key, a token, a private key or a password in a URL."""
    if _HINT.search(text) is None:
        return text
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text


@lru_cache(maxsize=4096)  # names of fields are few
def is_secret_key(key: str) -> bool:
    """Say whether a field of this name is masked whatever it holds."""
    return _KEY.search(key) is not None


def redact(value: object) -> object:
    """Mask secrets in a value of a log event; containers are copied, other objects are left as they are."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return redact_fields({str(key): item for key, item in items})
    if isinstance(value, list | tuple):
        return [redact(item) for item in cast("Sequence[object]", value)]
    return value


def redact_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Mask whole fields by their names, and secrets inside the others."""
    return {key: MASK if is_secret_key(key) else redact(value) for key, value in fields.items()}
