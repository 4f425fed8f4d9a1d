"""Keep secrets out of what leaves the process: log events, span attributes, error texts, dead letters.

By key name, by pattern, and by value: what this process was given as a secret is masked wherever it stands. A net,
not a licence: settings hold secrets as `SecretStr` anyway.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from reprlib import Repr
from typing import Final, cast

MASK: Final = "[redacted]"
_BEHIND: Final = 4_096
"""So far behind a cut secrets are looked for: half of one would no longer be known."""

_WORDS: Final = r"api[_-]?key|authorization|cookie|credentials?|passphrase|passwd|password|private[_-]?key"
_TOKENS: Final = r"(?:access|api|auth|bearer|id|refresh|session)[_-]?token"
_KEY: Final = re.compile(rf"(^|[_.-])({_WORDS}|secret)($|[_.-])|(^|[_.-]){_TOKENS}$", re.IGNORECASE)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAMES: Final = (
    # Before its last words a name has a mark, or a hump (`clientSecret`).
    r"(?:[A-Za-z0-9_.-]{0,40}(?:[_.-]|(?-i:(?<=[a-z0-9])(?=[A-Z]))))?"
    rf"(?:{_WORDS}|secret(?:[_-]?(?:access[_-]?)?key)?|{_TOKENS})"
)
_FIELD: Final = re.compile(
    # A field of JSON, also of JSON in JSON: its quotes have so many backslashes before them, and no other one ends it.
    rf"""(?i)(?<!\\)(?P<quote>\\{{0,15}}["'])(?P<key>{_NAMES})(?P=quote)(?P<colon>\s{{0,9}}:\s{{0,9}})"""
    r"""(?:(?P=quote)(?:(?!(?<!\\)(?P=quote)).)*(?:(?P=quote)|\Z)|[^\s"',}\]\[{\\][^\s,}\]]*)""",
    re.DOTALL,
)
_GIVEN: Final = re.compile(
    rf"(?i)(?<![\w.-])(?P<key>{_NAMES})(?P<is>\s?=\s?|:\s?(?=[^\s,;]*\d))(?![\s\[\"'{{])[^\s,;&\"'\\]{{4,}}"
)
"""`password=…`; `api_key: …` where what follows has a digit, as a sentence has not."""
_QUOTED: Final = re.compile(
    rf"""(?i)(?<![\w.-])(?P<key>{_NAMES})(?P<is>\s?=\s?b?)(?P<quote>\\{{0,15}}["'])(?!\s)[^"'\\\n]{{4,}}"""
)
"""`password='…'`, as Python writes an object, and a shell a setting."""
_SCHEME: Final = re.compile(
    r"""(?i)(authorization["']?\s{0,3}[:=]\s{0,3}["']?[a-z-]{1,20}\s+)(?=[^\s,;"']*\d)[^\s,;"']{8,}"""
)
"""`Authorization: Token …`: of a scheme that no pattern below names."""
# What may begin anywhere is bounded: else a model that writes "a.a.a…" has us look for as long as its text is, squared.
_PATTERNS: Final = (
    (re.compile(r"\b(sk|pk|rk|xox[abp]|gh[pousr])[-_][A-Za-z0-9_-]{12,}"), MASK),
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{30,}"), MASK),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"(?i)([a-z][a-z0-9+.-]{0,30}://)[^\s/@:]*:[^\s/@]+@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)([a-z][a-z0-9+.-]{0,30}://)[a-z0-9_-]{16,200}@"), rf"\1{MASK}@"),
    (
        re.compile(
            r"(?i)([?&](?:token|sig|signature|x-(?:amz|goog)-(?:credential|security-token|signature))=)"
            r"[^\s&#\"'<>]{6,}"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)"), MASK),
)
_HINT: Final = re.compile(
    r"[spr]k[-_]|xox|gh[pousr][-_]|A[KS]IA|AIza|eyJ|[eE][aA][rR][eE][rR]\s|[aA][sS][iI][cC]\s|://[^/\s]*@|-----BEGIN"
    r"|[?&](?:[tT]oken|[sS]ig|[sS]ignature|[xX]-\w{3,4}-[\w-]{9,14})="
)
"""What every pattern needs: one search instead of seven, for texts that hold nothing, which is nearly all.

Without a flag for case, which would cost twice the time.
"""

_REPR: Final = Repr()
_REPR.maxother = sys.maxsize
_INSTEAD: Final = " instance at 0x"
"""As it writes an object whose `repr` raises. Whoever renders the line must not ask that one again."""

KNOWN_CHARACTERS: Final = 8
"""A shorter value is no secret worth the name, and would be found everywhere."""
_known: tuple[str, ...] = ()


def know(values: Iterable[str]) -> None:
    """Mask these values from now on, in this process, wherever they stand."""
    global _known  # noqa: PLW0603 - one process, one set of secrets
    new = {value for value in values if len(value) >= KNOWN_CHARACTERS}
    if not new <= set(_known):
        _known = tuple(sorted({*_known, *new}, key=len, reverse=True))


def forget() -> None:
    """Know no values: for tests."""
    global _known  # noqa: PLW0603 - see `know`
    _known = ()


def may_hold_secret(text: str) -> bool:
    """Say whether `redact_text` might change this, or any part of it; a quarter of the time, and seldom wrong."""
    for value in _known:
        if value in text:
            return True
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
        or "ig=" in text  # of a query, as the next one
        or "ature=" in text
        or "-----BEGIN" in text
    ):
        return True
    low = text.lower()
    return "earer" in low or "asic" in low or _names_one(low)


def _names_one(low: str) -> bool:
    return (
        "api_key" in low
        or "apikey" in low
        or "api-key" in low
        or "private" in low
        or "passw" in low
        or "secret" in low
        or "token" in low
        or "authorization" in low
        or "cookie" in low
        or "credential" in low
        or "passphrase" in low
    )


def redact_text(text: str) -> str:
    """Mask what is known as a secret, what looks like one, and fields of JSON in it that are named like one."""
    for value in _known:
        if value in text:
            text = text.replace(value, MASK)
    if _names_one(text.lower()):
        text = _FIELD.sub(_field_masked, text)
        text = _GIVEN.sub(rf"\g<key>\g<is>{MASK}", text)
        text = _QUOTED.sub(rf"\g<key>\g<is>\g<quote>{MASK}", text)
        text = _SCHEME.sub(rf"\g<1>{MASK}", text)
    if _HINT.search(text) is None:
        return text
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text


def redact_beginning(text: str, most: int) -> str:
    """Give at most so many characters of the beginning of a text, masked before it is cut."""
    seen = text[: most + _BEHIND]
    masked = redact_text(seen)
    return masked[: most if len(seen) == len(text) else max(0, min(most, len(masked) - _BEHIND))]


def redact_end(text: str, most: int) -> str:
    """Give at most so many characters of the end of a text, masked before it is cut."""
    seen = text[max(0, len(text) - most - _BEHIND) :]
    masked = redact_text(seen)
    return masked[max(len(masked) - most, 0 if len(seen) == len(text) else _BEHIND) :]


def _field_masked(found: re.Match[str]) -> str:
    quote = found["quote"]
    return f"{quote}{found['key']}{quote}{found['colon']}{quote}{MASK}{quote}"


@lru_cache(maxsize=4096)  # names of fields are few
def is_secret_key(key: str) -> bool:
    """Say whether a field of this name is masked whatever it holds."""
    return _KEY.search(_HUMP.sub("_", key)) is not None


def redact(value: object) -> object:
    """Mask secrets in a value of a log event; containers are copied.

    Another object that holds one (an exception, bytes, a dataclass) becomes its masked `repr`; else it is left alone.
    """
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return redact_fields({redact_text(str(key)): item for key, item in items})
    if isinstance(value, list | tuple):
        return _listed(cast("Sequence[object]", value))
    text = written(value)
    masked = redact_text(text)
    return value if masked == text and _INSTEAD not in text else masked


def written(value: object) -> str:
    """Give the `repr` of what is logged; of an object whose `repr` raises, its type: a log line fails no work."""
    return _REPR.repr_instance(value, 0)


def _listed(values: Sequence[object]) -> list[object]:
    """Mask in a list; a pair may be a header, or a field."""
    match values:
        case (str(key), _) if isinstance(values, tuple) and is_secret_key(key):
            return [key, MASK]
        case _:
            return [redact(item) for item in values]


def redact_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Mask whole fields by their names, and secrets inside the others."""
    return {key: MASK if is_secret_key(key) else redact(value) for key, value in fields.items()}
