"""Taint: marks that say whose words a value may hold. They travel with payloads, and only ever grow.

What a stranger wrote (a document, what a tool found) may be an order to the model that reads it. No filter finds
that; so whatever is made of such content carries the marks of all that it was made of.
"""

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import Field

Mark = Annotated[str, Field(min_length=1, max_length=80)]
"""`document`: the run's input, as who submitted it says; `tool:<name>`: what a tool gave."""

Taint = tuple[Mark, ...]
"""Marks in alphabetical order, each once; empty: all of it is our own words."""

UNTAINTED: Final[Taint] = ()
DOCUMENT: Final = "document"
MORE: Final = "more"
"""Stands for the marks above the bound."""
MOST_MARKS: Final = 32
"""They travel with every payload. Which tools it was matters less than that it was some."""


def is_untainted(taint: object) -> bool:
    """Tell a payload whose taint is left out of its JSON."""
    return not taint


def of_tool(name: str) -> str:
    """Name the mark of what a tool gave."""
    return f"tool:{name}"


def united(*taints: Iterable[str]) -> Taint:
    """Unite marks: what is made of several things is tainted as all of them. Above the bound `more` stands for some."""
    found = sorted({mark for taint in taints for mark in taint})
    if len(found) <= MOST_MARKS:
        return tuple(found)
    kept = [mark for mark in found if mark != MORE][: MOST_MARKS - 1]
    return tuple(sorted((*kept, MORE)))
