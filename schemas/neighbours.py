"""Neighbours: a list cut into groups of items that fit together. For pages of a list, and for merges of pages."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Group(NamedTuple):
    """The items `first` up to, without, `past`."""

    first: int
    past: int
    tokens: int


def together(tokens: Sequence[int], limit: int, *, each: int = 0, least: int = 1) -> Iterator[Group]:
    """Cut a list into groups of at most `limit` tokens, in order; every item is in one of them.

    An item takes its tokens and `each` more. At least `least` items make a group, if so many are left, whatever they
    take: who gives the limit looks for groups above it.
    """
    first = taken = 0
    for index, item in enumerate(tokens):
        if index - first >= least and taken + item + each > limit:
            yield Group(first, index, taken)
            first = index
            taken = 0
        taken += item + each
    if first < len(tokens):
        yield Group(first, len(tokens), taken)
