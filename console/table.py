"""A table for a terminal: nothing is cut. If it is too wide, its last columns are told beneath each row."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len

_INDENT: Final = "    "
_NO_BREAK: Final = "\u00a0"
_SHORTEST: Final = 40
"""Narrower than this, a text beneath a row would be a stripe again."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A table as lines without line ends."""

    head: list[str]
    body: list[str]


@dataclass(frozen=True, slots=True)
class _Grid:
    heads: Sequence[Sequence[str]]
    rows: Sequence[Sequence[str]]
    gap: int

    def widths(self) -> list[int]:
        return [
            max(cell_len(text) for text in (*head, *(row[index] for row in self.rows)))
            for index, head in enumerate(self.heads)
        ]

    def wide(self) -> int:
        return sum(self.widths()) + self.gap * (len(self.heads) - 1)

    def lines(self) -> Lines:
        widths, gap = self.widths(), " " * self.gap

        def line(cells: Sequence[str]) -> str:
            padded = (
                cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
            )
            return gap.join(padded).rstrip()

        return Lines([line(each) for each in zip_longest(*self.heads, fillvalue="")], [*map(line, self.rows)])


def lines(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Lines:
    """Lay it out for a terminal of so many cells: one line for each row; if need be, with heads on two, and closer.

    Where even that is too wide, the last columns go beneath their row with their names. If the first is too wide by
    itself, the terminal breaks its lines: a copy of them is still whole.
    """
    whole, split = [[column] for column in columns], [column.split(" ", 1) for column in columns]
    for grid in (_Grid(whole, rows, 2), _Grid(split, rows, 2), _Grid(split, rows, 1)):
        if grid.wide() <= width or len(columns) == 1:
            return grid.lines()
    left = len(columns) - 1
    while left > 1 and _Grid(split[:left], rows, 1).wide() > width:
        left -= 1
    made = _Grid(split[:left], [row[:left] for row in rows], 1).lines()
    body: list[str] = []
    for line, row in zip(made.body, rows, strict=True):
        more = zip(columns[left:], row[left:], strict=True)
        told = " · ".join(_together(f"{column.lower()}: {cell}", width) for column, cell in more if cell)
        body += [line, *_beneath(told, width)]
    return Lines(made.head, body)


def _together(text: str, width: int) -> str:
    """Keep the words of a short text on one line."""
    return text.replace(" ", _NO_BREAK) if len(text) <= width // 2 else text


def _beneath(text: str, width: int) -> list[str]:
    wrapped = textwrap.wrap(
        text,
        max(width, _SHORTEST),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in wrapped]
