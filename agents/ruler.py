"""A ruler: about how many tokens lie between two positions of a text, counted once for all questions.

Tokens don't add up exactly: cutting a text makes a few more of them, seldom a few less. So this is an estimate, and who
needs to be sure counts what was cut.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Final

CountTokens = Callable[[str], int]
"""Tokens of any text, none of the empty one."""

_MOST: Final = 1_024
_LEAST: Final = 32


class Ruler:
    """Marks along a text, a piece of it apart, each with the tokens before it."""

    def __init__(self, text: str, count: CountTokens, page_tokens: int) -> None:
        """Count the whole text, piece by piece; pieces are small beside a page of so many tokens."""
        self._marks, self._sums = [0], [0]
        size = max(_LEAST, min(_MOST, page_tokens // 4))
        while self._marks[-1] < len(text):
            start = self._marks[-1]
            end = start + size
            if end < len(text):
                space = text.rfind(
                    " ", start + size // 2, end
                )  # a token begins with the space before its word
                end = space if space > start else end
            self._marks.append(min(end, len(text)))
            self._sums.append(self._sums[-1] + count(text[start:end]))

    @property
    def tokens(self) -> int:
        """Tokens of the whole text, as they were counted in pieces."""
        return self._sums[-1]

    def between(self, start: int, end: int) -> int:
        """Estimate the tokens between two positions."""
        return self._before(end) - self._before(start)

    def reach(self, start: int, tokens: int) -> int:
        """Estimate how far so many tokens reach from a position; negative ones reach back."""
        wanted = self._before(start) + tokens
        if wanted >= self.tokens:
            return self._marks[-1]
        if wanted <= 0:
            return 0
        piece = bisect_right(self._sums, wanted) - 1
        return self._marks[piece] + (wanted - self._sums[piece]) * self._size(piece) // self._counted(piece)

    def _before(self, at: int) -> int:
        piece = min(bisect_right(self._marks, at) - 1, len(self._marks) - 2)
        if piece < 0:
            return 0
        inside = (at - self._marks[piece]) * self._counted(piece) // self._size(piece)
        return self._sums[piece] + inside

    def _size(self, piece: int) -> int:
        return self._marks[piece + 1] - self._marks[piece]

    def _counted(self, piece: int) -> int:
        return self._sums[piece + 1] - self._sums[piece]
