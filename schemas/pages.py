"""The plan of pages: where each page of a task's inputs begins and ends. What the planning task `<task>/p0` leaves."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from argosy.schemas.facts import Want
from argosy.schemas.payload import Sha256

MOST_PAGES: Final = 10_000


class PageRange(BaseModel):
    """The code points of a text, or the items of a list, from `start` up to `end`.

    The part before `own` is the end of the page before: the overlap.
    """

    model_config = ConfigDict(frozen=True)
    start: int
    own: int
    end: int
    tokens: int


class PagePlan(BaseModel):
    """Ranges, never copies: a page is read out of the payload that is cut."""

    model_config = ConfigDict(frozen=True)
    input: str
    """The input that is cut."""
    path: tuple[str | int, ...] = ()
    """Where in its value the text or the list lies; empty: it is the value."""
    sha256: Sha256
    """Of the JSON of the value that is cut: that of another one has other pages."""
    tokens: int
    """Of all inputs, before."""
    limit: int
    """Tokens of a page. One item of a list may have more: its page is to be cut in turn."""
    pages: Annotated[tuple[PageRange, ...], Field(max_length=MOST_PAGES)]


NUMBER: Final = Want(kind="value", select="length(pages)")
INPUT: Final = Want(kind="value", select="input")
PLAN_WANTS: Final = (NUMBER, INPUT)
"""What fold must know of a plan."""
