"""Foreign text on pages: what can't be seen, or turns the rest around, is shown by its number.

Models and documents write control characters, bidi marks and zero-width signs: by mistake, or to make a page say what
it doesn't. HTML is escaped by the templates.
"""

from typing import Final
from unicodedata import category

from markupsafe import Markup

from argosy.schemas.redact import redact_text

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co"})
_SPACE: Final = "\n\t"
_CUT: Final = " … "
_BEHIND: Final = 4_096
"""So far behind a cut secrets are looked for."""


def visible(text: str) -> str:
    """Show each character that can't be seen as `⟨U+202E⟩`; line feeds and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in _SPACE or category(char) not in _HIDDEN else f"⟨U+{ord(char):04X}⟩"
        for char in text.replace("\r\n", "\n")
    )


def finished(value: object) -> object:
    """Make a template's value fit to be shown: markup of our own as it is, all else visible; None is nothing.

    What looks like a secret is masked, as in logs: a page may be on a wall.
    """
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(redact_text(value))
    return value


def cut(text: str, most: int) -> str:
    """Leave out the middle of a text that is longer than `most` characters, and say how much.

    What looks like a secret is masked before: half of one would no longer be known.
    """
    if len(text) <= most:
        return text
    head = most * 2 // 3
    left_out = f"{_CUT}{len(text) - most} characters left out{_CUT}"
    return _beginning(text, head) + left_out + _end(text, most - head)


def _beginning(text: str, most: int) -> str:
    seen = text[: most + _BEHIND]
    masked = redact_text(seen)
    return masked[: most if len(seen) == len(text) else max(0, min(most, len(masked) - _BEHIND))]


def _end(text: str, most: int) -> str:
    seen = text[max(0, len(text) - most - _BEHIND) :]
    masked = redact_text(seen)
    return masked[max(len(masked) - most, 0 if len(seen) == len(text) else _BEHIND) :]
