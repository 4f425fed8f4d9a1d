"""Grapheme clusters: what people see as one character, and what no page boundary may split.

Unicode Standard Annex 29, as the `regex` package has it.
"""

from typing import Final

import regex

_CLUSTER: Final = regex.compile(r"\X")
_PLAIN: Final = regex.compile(r"\p{GCB=Other}(?=\p{GCB=Other})")
"""Between two of these there is always a boundary, whatever stands before (no rule of GB3 to GB13 joins them)."""
_NEAR: Final = 64
_SLICE: Final = 256


def cluster_start(text: str, start: int, at: int) -> int:
    """Return the last cluster boundary in `start`..`at`; `start` is one.

    Costs what lies between a sure boundary shortly before `at`, or `start`, and `at`.
    """
    if at >= len(text) or at <= start:
        return min(at, len(text)) if at > start else start
    near = max(start, at - _NEAR)
    found = _PLAIN.search(text, near, at) if near > start else None
    # A match may begin where a cluster goes on, but its first character ends before a boundary.
    begin = start if found is None else found.end()
    size = _SLICE
    while begin < at:
        # One character more tells whether a cluster ends at `at`. A slice, since flags are paired from its beginning
        # on, which would be looked for again at each of them.
        past = min(begin + size, at + 1)
        ends = [begin + cluster.end() for cluster in _CLUSTER.finditer(text[begin:past])]
        last = max((end for end in ends if end < past), default=begin)
        if past > at:
            return last
        begin, size = last, _SLICE if last > begin else size * 2
    return begin


def cluster_end(text: str, start: int, limit: int) -> int | None:
    """Return where the cluster that begins at `start` ends; None if that is not before `limit`."""
    found = _CLUSTER.match(text[start:limit])
    end = start if found is None else start + found.end()
    return None if end == start or (end == limit and limit < len(text)) else end
