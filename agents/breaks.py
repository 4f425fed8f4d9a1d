# ruff: noqa: RUF001 - the marks of several scripts
"""Where a text may be cut, by its structure: headings, paragraphs, items, lines, sentences, words, characters.

A position is the number of a code point; to cut at it is to begin the next page there. A cut never lies inside a
grapheme cluster, but where one alone is more than a page.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import regex

from argosy.agents.graphemes import cluster_start


class Level(IntEnum):
    """How much a cut tears apart: the lower, the less."""

    END = 0
    SECTION = 1
    BLOCK = 2
    """A blank line, and what follows is not indented: a paragraph, a function."""
    PARAGRAPH = 3
    MEMBER = 4
    """Between two members of a JSON list or object."""
    ITEM = 5
    """Before an item of a list."""
    LINE = 6
    SENTENCE = 7
    CLAUSE = 8
    WORD = 9
    MARK = 10
    """After a mark inside of what has no spaces, such as minified code."""
    CHARACTER = 11
    CODE_POINT = 12


_ALONE: Final = r"(?![\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}])"
"""What follows does not belong to the character before."""
_AHEAD: Final = 32
"""Characters after a position that a pattern may look at."""
_BEHIND: Final = 8
"""Characters before a position that most patterns begin at."""
_JOINED: Final = regex.compile(r"[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]")


def _backward(pattern: str) -> regex.Pattern:
    return regex.compile(f"(?:{pattern}){_ALONE}", regex.REVERSE | regex.VERSION1)


_PATTERNS: Final = {
    Level.SECTION: _backward(r"\n(?=#{1,6}[ \t])|\f"),
    Level.BLOCK: _backward(r"\n[ \t\r]*\n(?=\S)"),
    Level.PARAGRAPH: _backward(r"\n[ \t\r]*\n|\u2029"),
    Level.ITEM: _backward(r"\n(?=[ \t]{0,16}(?:[-*+•]|[0-9]{1,6}[.)])[ \t])"),
    Level.LINE: _backward(r"[\n\u2028]"),
    Level.SENTENCE: _backward(
        r"""[.!?…]["'”’»)\]]{0,3}\s{1,4}(?!\s)|[。！？｡][」』）”’»]{0,3}(?![」』）”’»。！？｡])"""
    ),
    Level.CLAUSE: _backward(r"[,;:]\s{1,4}(?!\s)|[，、；：]"),
    Level.WORD: _backward(r"[^\S\r]|\r(?!\n)"),
    Level.MARK: _backward(r"[,;{}()\[\]<>|&/]"),
}

_FILLED: Final = (
    (Level.SECTION, 500),
    (Level.BLOCK, 600),
    (Level.PARAGRAPH, 700),
    (Level.MEMBER, 600),
    (Level.ITEM, 750),
    (Level.LINE, 800),
    (Level.SENTENCE, 800),
    (Level.CLAUSE, 900),
    (Level.WORD, 900),
    (Level.MARK, 900),
    (Level.LINE, 500),
    (Level.WORD, 500),
    (Level.MARK, 500),
)
"""In this order the levels are asked, each for cuts that fill at least so much (per mille) of what a page can hold."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A position, and what is torn apart there."""

    at: int
    level: Level


class Breaks:
    """The cuts of one text. What is asked costs no more than the length of what it is asked about."""

    def __init__(self, text: str) -> None:
        """Read the structure of JSON ahead; that of any other text is found where it is asked for."""
        self._text = text
        self._members = _members(text) if _is_json(text) else _Members([], [])

    def best(self, start: int, high: int) -> Cut:
        """Return the best cut after `start` and up to `high`, where `start` is a cluster boundary.

        That is the one that tears least, of those that leave a page filled well. Only if the first cluster is longer
        than that is it `high`, a code point.
        """
        text = self._text
        if high >= len(text):
            return Cut(len(text), Level.END)
        for level, filled in _FILLED:
            low = start + (high - start) * filled // 1000
            at = self._member(low, high) if level is Level.MEMBER else _last(text, level, low, high)
            if at is not None and at > start:
                return Cut(at, level)
        at = cluster_start(text, start, high)
        return Cut(at if at > start else high, Level.CHARACTER if at > start else Level.CODE_POINT)

    def _member(self, low: int, high: int) -> int | None:
        at = self._members.best(low, high)
        return None if at is None or _JOINED.match(self._text, at) else at


def _last(text: str, level: Level, low: int, high: int) -> int | None:
    """Return the last cut of a level in `low`..`high`."""
    for found in _PATTERNS[level].finditer(text, max(0, low - _BEHIND), min(len(text), high + _AHEAD)):
        if found.end() <= high:
            return found.end() if found.end() >= low else None
    return None


@dataclass(frozen=True, slots=True)
class _Members:
    """Cuts between members of JSON: positions in rising order, and how deep each lies."""

    at: list[int]
    depths: list[int]

    def best(self, low: int, high: int) -> int | None:
        """Return the last of the shallowest ones in `low`..`high`."""
        first, past = bisect_right(self.at, low - 1), bisect_right(self.at, high)
        if first >= past:
            return None
        depth = min(self.depths[first:past])
        return next(self.at[i] for i in range(past - 1, first - 1, -1) if self.depths[i] == depth)


_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]|,\s*|\n', re.DOTALL)


def _is_json(text: str) -> bool:
    """Say whether a text looks like JSON, or like lines of it."""
    head, tail = text[:256].lstrip()[:1], text[-256:].rstrip()[-1:]
    return head in {"[", "{"} and tail in {"]", "}"}


def _members(text: str) -> _Members:
    """Find what separates members. Of what is no JSON after all, some cuts: each is between two characters."""
    found = _Members([], [])
    depth = 0
    for token in _TOKEN.finditer(text):
        match token.group()[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth = max(0, depth - 1)
            case ",":
                found.at.append(token.end())
                found.depths.append(depth)
            case "\n" if depth == 0:  # lines of JSON
                found.at.append(token.end())
                found.depths.append(0)
            case _:
                pass
    return found
