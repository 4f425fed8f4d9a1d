"""Plans of pages: where each page of a task's inputs begins and ends. What a planning task leaves."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from argosy.schemas.facts import Want
from argosy.schemas.late import Late
from argosy.schemas.payload import Sha256

MOST_PAGES: Final = 10_000

Path = tuple[str | int, ...]
"""Where in a value something lies; empty: it is the value."""


class Reduction(Late):
    """The record of what was done to one input that was too large: nothing is cut in silence."""

    model_config = ConfigDict(frozen=True)
    method: Literal["paginate", "summarise"]
    input: str
    path: Path = ()
    """What of it was cut; empty: all that could be."""
    sha256: Sha256
    """Of the JSON of the value that was cut. The original stays: `ctx.payload`, and by this hash if it was stored."""
    before: int
    """Tokens of the input before, without what could not be cut."""
    after: int
    """Tokens after: of the largest page, or of all summaries; of those, until they are made, what they may be."""
    pages: int
    limit: int
    """Tokens that a page may have."""
    factor: int = 1000
    """Per mille, what the model makes of a token of ours: it was planned by that."""
    overlap: int = 0
    """Tokens of the page before that a page may begin with."""


class PageRange(Late):
    """The code points of a text, or the items of a list, from `start` up to `end`.

    The part before `own` is the end of the page before: the overlap.
    """

    model_config = ConfigDict(frozen=True)
    start: int
    own: int
    end: int
    tokens: int


class PagePlan(Late):
    """Ranges, never copies: a page is read out of the payload that is cut."""

    model_config = ConfigDict(frozen=True)
    input: str
    """The input that is cut."""
    path: Path = ()
    """Where in its value the text or the list lies."""
    sha256: Sha256
    """Of the JSON of the value that is cut: that of another one has other pages."""
    tokens: int
    """Of all inputs, before."""
    limit: int
    """Tokens of a page. One item of a list may have more: its page is to be cut in turn."""
    pages: Annotated[tuple[PageRange, ...], Field(max_length=MOST_PAGES)]
    records: tuple[Reduction, ...] = ()


class SummaryPart(Late):
    """A text, or a list of texts, in place of which summaries of its pages are put."""

    model_config = ConfigDict(frozen=True)
    input: str
    path: Path = ()
    tokens: int
    share: int
    """Tokens that it may have afterwards."""


class SummaryPage(Late):
    """The code points, or the items, of a part from `start` up to `end`."""

    model_config = ConfigDict(frozen=True)
    part: int
    start: int
    end: int
    tokens: int
    budget: int
    """Tokens that its summary may have."""


class SummaryPlan(Late):
    """Which texts of a task's inputs are summarised, page by page; the pages of one input follow each other."""

    model_config = ConfigDict(frozen=True)
    parts: tuple[SummaryPart, ...]
    pages: Annotated[tuple[SummaryPage, ...], Field(max_length=MOST_PAGES)]
    """None: all inputs fit as they are."""
    tokens: int
    """Of all inputs, before."""
    kept: int
    """Of what stays as it is."""
    limit: int
    """Tokens of a page."""
    records: tuple[Reduction, ...] = ()
    """One for each input that is cut, in the order of their pages."""


NUMBER: Final = Want(kind="value", select="length(pages)")
INPUT: Final = Want(kind="value", select="input")
RECORDS: Final = Want(kind="value", select="records")
KEPT: Final = Want(kind="value", select="kept")
TOKENS: Final = Want(kind="value", select="tokens")
PLAN_WANTS: Final = (NUMBER, INPUT, RECORDS)
"""What fold must know of a plan."""
SUMMARY_WANTS: Final = (NUMBER, KEPT, TOKENS, RECORDS)
"""What it must know of a plan of summaries."""
