"""Foreign text on pages: what can't be seen, or turns the rest around, is shown by its number.

Models and documents write control characters, bidi marks and zero-width signs: by mistake, or to make a page say what
it doesn't. HTML is escaped by the templates.
"""

from typing import Final
from unicodedata import category

from markupsafe import Markup

from argosy.schemas.redact import redact_beginning, redact_end, redact_text

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co"})
_SPACE: Final = "\n\t"
_CUT: Final = " … "


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

    What looks like a secret is masked before.
    """
    if len(text) <= most:
        return text
    head = most * 2 // 3
    left_out = f"{_CUT}{len(text) - most} characters left out{_CUT}"
    return redact_beginning(text, head) + left_out + redact_end(text, most - head)
