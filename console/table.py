"""A table for a terminal: nothing is cut. If it is too wide, its last column is told beneath each row."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len

_BETWEEN: Final = "  "
_INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Lines:
    """A table as lines without line ends."""

    head: list[str]
    body: list[str]


def lines(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Lines:
    """Lay it out for a terminal of so many cells: on one line each, if need be with the heads on two.

    Where even that is too wide, the last column goes beneath its row with its name; if the others are too wide, the
    terminal breaks their lines, and a copy of them is still whole.
    """
    heads = [[column] for column in columns]
    if _wide(heads, rows) > width:
        heads = [column.split(" ", 1) for column in columns]
    if len(columns) < 2 or _wide(heads, rows) <= width:  # noqa: PLR2004 (one column has no last beside others)
        return Lines(_head(heads, rows), [_line(row, _widths(heads, rows)) for row in rows])
    first, name = [row[:-1] for row in rows], columns[-1].lower()
    widths = _widths(heads[:-1], first)
    body: list[str] = []
    for row, last in zip(first, (row[-1] for row in rows), strict=True):
        body.append(_line(row, widths))
        if last:
            body += _beneath(f"{name}: {last}", width)
    return Lines(_head(heads[:-1], first), body)


def _beneath(text: str, width: int) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _head(heads: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = _widths(heads, rows)
    return [_line(line, widths) for line in zip_longest(*heads, fillvalue="")]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
    return _BETWEEN.join(padded).rstrip()


def _wide(heads: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> int:
    return sum(_widths(heads, rows)) + len(_BETWEEN) * (len(heads) - 1)


def _widths(heads: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(cell_len(text) for text in (*head, *(row[index] for row in rows)))
        for index, head in enumerate(heads)
    ]
