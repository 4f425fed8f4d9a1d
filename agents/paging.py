"""Cutting a text into pages that each have no more than so many tokens, by its structure. Pure.

The same text, limit, overlap and counter make the same pages, in every process: a plan may be made twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from argosy.agents.breaks import Breaks, Cut, Level
from argosy.agents.graphemes import cluster_end, cluster_start
from argosy.agents.ruler import CountTokens, Ruler
from argosy.schemas.errors import ContextRefused

MOST_OVERLAP_PER_MILLE: Final = 500
"""Of a page: with more of it, pages would grow in number without end."""

_TRIES: Final = 64
_GROWS: Final = 2
_LONG: Final = 256
"""Code points of a cluster that is measured also if it looks larger than two pages."""


@dataclass(frozen=True, slots=True)
class Page:
    """The code points `start`..`end` of a text. Those before `own` are the end of the page before: the overlap."""

    start: int
    own: int
    end: int
    tokens: int
    """Of all of it, as the counter counts the page alone: never more than the limit."""
    level: Level
    """What its end tears apart."""


def paginate(text: str, limit: int, count: CountTokens, *, overlap: int = 0) -> tuple[Page, ...]:
    """Cut a text into pages of at most `limit` tokens, which repeat up to `overlap` tokens of the page before.

    The own parts of the pages, one after the other, are the text: nothing is left out, nothing twice. No cut splits
    a grapheme cluster, unless that alone has more than `limit` tokens. An empty text has no page. Costs a few counts
    of the whole text, whatever is in it.

    Raises ValueError for a limit below 1 or an overlap over half of it, ContextRefused if a single code point has
    more tokens than `limit`.
    """
    if limit < 1 or not 0 <= overlap * 1000 <= limit * MOST_OVERLAP_PER_MILLE:
        message = (
            f"pages of {limit} tokens with an overlap of {overlap}: at least 1, and at most half of that"
        )
        raise ValueError(message)
    return tuple(_Cutter(text, limit, count, overlap).pages())


class _Cutter:
    def __init__(self, text: str, limit: int, count: CountTokens, overlap: int) -> None:
        self._text, self._limit, self._count, self._overlap = text, limit, count, overlap
        self._ruler = Ruler(text, count, limit)
        self._breaks = Breaks(text)

    def pages(self) -> Iterator[Page]:
        before: Page | None = None
        while before is None or before.end < len(self._text):
            own = 0 if before is None else before.end
            if own == len(self._text):
                return
            before = self._next(own, before)
            yield before

    def _next(self, own: int, before: Page | None) -> Page:
        start = own if before is None or not self._overlap else self._overlap_start(own, before)
        page = self._page(start, own) if start < own else None
        page = page or self._page(own, own) or self._cluster(own) or self._inside_a_cluster(own)
        if page is None:
            tokens = self._count(self._text[own])
            message = f"one character has {tokens} tokens, and a page has room for {self._limit}"
            raise ContextRefused(message, tokens=tokens, room=self._limit)
        return page

    def _page(self, start: int, own: int) -> Page | None:
        """Make the page that begins at `start`; None if not even one cluster of its own fits."""
        best: Page | None = None
        target, step, grown = self._limit, 1, 0
        for _ in range(_TRIES):
            high = max(self._ruler.reach(start, target), own + 1)
            cut = self._breaks.best(own, high)
            if cut.level is Level.CODE_POINT:
                return best
            page = self._counted(start, own, cut)
            if page.tokens > self._limit:
                if best is not None:
                    return best
                # The estimate was too low here: less, and ever more so.
                target -= max(page.tokens - self._limit, step)
                step *= 2
                if high == own + 1:
                    return None
                continue
            slack = self._ruler.between(start, cut.at) - page.tokens
            if best is None or cut.at > best.end:
                best = page
            if cut.level is Level.END or grown == _GROWS or slack * 32 < self._limit or slack < 1:
                return best
            # It was too high: more may fit.
            target, grown = target + slack, grown + 1
        return best

    def _counted(self, start: int, own: int, cut: Cut) -> Page:
        return Page(start, own, cut.at, self._count(self._text[start : cut.at]), cut.level)

    def _cluster(self, own: int) -> Page | None:
        """Make a page of one cluster; None if it is too large."""
        end = cluster_end(self._text, own, self._ruler.reach(own, 2 * self._limit) + _LONG)
        page = None if end is None else self._counted(own, own, Cut(end, Level.CHARACTER))
        return None if page is None or page.tokens > self._limit else page

    def _inside_a_cluster(self, own: int) -> Page | None:
        """Make a page of a part of one cluster that is more than a page."""
        low, high = own, min(len(self._text), max(own + 1, self._ruler.reach(own, self._limit)))
        found: Page | None = None
        at = high
        while low < high:
            page = self._counted(own, own, Cut(at, Level.CODE_POINT))
            if page.tokens <= self._limit:
                found, low = page, at
            else:
                high = at - 1
            at = (low + high + 1) // 2
        return found

    def _overlap_start(self, own: int, before: Page) -> int:
        """Find where the overlap begins: at a good cut, in the own part of the page before."""
        start = max(before.own, self._ruler.reach(own, -self._overlap))
        while start < own:
            middle = (start + own + 1) // 2
            cut = self._breaks.best(cluster_start(self._text, before.own, start), middle)
            good = cut.level is not Level.CODE_POINT and cut.at < own
            if good and self._count(self._text[cut.at : own]) <= self._overlap:
                return cut.at
            start = middle
        return own
