"""A text or a value that is looked for, however it is written: case, blanks, thousands, escapes of JSON. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pydantic import JsonValue
from pydantic_core import from_json

NUMBER: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?")
_SENTENCE: Final = re.compile(r"(?<=[.!?;])\s+|\n+")
_SHOWN: Final = 160
"""Characters of a text that is shown."""
_NESTED: Final = 2
"""JSON in a text of JSON is read so often."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text or a number in a value, and the names of the fields that it lies in."""

    path: tuple[str | int, ...]
    text: str
    is_text: bool


def leaves(value: JsonValue, path: tuple[str | int, ...] = (), nested: int = 0) -> Iterator[Leaf]:
    """Walk through a value; a text that is JSON itself is gone into too."""
    match value:
        case dict():
            for name, each in value.items():
                yield Leaf(path, name, is_text=True)
                yield from leaves(each, (*path, name), nested)
        case list():
            for number, each in enumerate(value):
                yield from leaves(each, (*path, number), nested)
        case str():
            yield Leaf(path, value, is_text=True)
            if nested < _NESTED and value.lstrip()[:1] in ("{", "["):
                try:
                    inside: JsonValue = from_json(value)
                except ValueError:
                    return
                yield from leaves(inside, path, nested + 1)
        case bool() | None:
            yield Leaf(path, str(value).lower().replace("none", "null"), is_text=False)
        case _:
            yield Leaf(path, number_text(str(Decimal(str(value)).__format__("f"))), is_text=False)


def number_text(found: str) -> str:
    """Write a number in one way: 1,200.50 is 1200.5."""
    plain = found.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def normal(text: str) -> str:
    """Write a text in one way: no case, one blank for all space, numbers by their value."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return NUMBER.sub(lambda found: number_text(found[0]), plain)


def sentences(text: str) -> Iterator[str]:
    """Take a text apart."""
    for each in _SENTENCE.split(text):
        if each.strip():
            yield each.strip()


def shortened(text: str, most: int = _SHOWN) -> str:
    """Cut a text for people, and say so."""
    plain = " ".join(text.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


class Sought:
    """What is looked for: a text, a number, or all that a value holds."""

    def __init__(self, value: JsonValue) -> None:
        """Look for a text, also inside of longer ones; of a list or an object each part must be there."""
        self.value = value
        parts = list(leaves(value)) if isinstance(value, dict | list) else _only(value)
        texts = {(normal(leaf.text), leaf.is_text) for leaf in parts if normal(leaf.text)}
        self._exact = {
            text for text, is_text in texts if not is_text and not NUMBER.fullmatch(text.lstrip("-"))
        }
        self._patterns = {text: _pattern(text) for text, _ in texts if text not in self._exact}

    @property
    def is_nothing(self) -> bool:
        """Say whether there is nothing to look for."""
        return not self._exact and not self._patterns

    @property
    def said(self) -> str:
        """Say what is looked for."""
        return shortened(self.value if isinstance(self.value, str) else " ".join(_texts(self.value)))

    def within(self, value: JsonValue) -> bool:
        """Say whether a value holds it."""
        missing = dict(self._patterns)
        exact = set(self._exact)
        for leaf in leaves(value):
            text = normal(leaf.text)
            exact.discard(text)
            for each, pattern in list(missing.items()):
                if pattern.search(text) if leaf.is_text else each == text:
                    del missing[each]
            if not missing and not exact:
                return True
        return False

    def shown(self, value: JsonValue) -> str:
        """Show the words around it; empty if the value doesn't hold it."""
        for leaf in leaves(value):
            if not any(pattern.search(normal(leaf.text)) for pattern in self._patterns.values()):
                continue
            lead = f"{dotted(leaf.path)}: " if leaf.path else ""
            for each in sentences(leaf.text):
                if any(pattern.search(normal(each)) for pattern in self._patterns.values()):
                    return f"{lead}{shortened(each)}"
            return f"{lead}{shortened(leaf.text)}"
        return ""


def dotted(path: tuple[str | int, ...]) -> str:
    """Write where a part of a value is, as `--about` takes it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def _only(value: JsonValue) -> list[Leaf]:
    return [Leaf((), value, is_text=True)] if isinstance(value, str) else list(leaves(value))


def _texts(value: JsonValue) -> Iterator[str]:
    for leaf in leaves(value):
        yield leaf.text


def _pattern(text: str) -> re.Pattern[str]:
    """Match a text; a number only where it is a whole one."""
    before = r"(?<![0-9])(?<![0-9]\.)" if text[0].isdigit() else ""
    after = r"(?!\.?[0-9])" if text[-1].isdigit() else ""
    return re.compile(f"{before}{re.escape(text)}{after}")
