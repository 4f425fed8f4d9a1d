"""The front of a sorted set in Redis.

Its lowest entries are known here, the rest is read when they are used up.

So a run that waits for a week costs no memory. What is added or removed here must be committed to Redis by
the caller; `fill` is for the moment right after a commit, when both agree.
"""

import heapq
from collections.abc import Iterable
from typing import Final

FILL: Final = 1_024
"""How many entries are read at once."""


class Front:
    """All entries up to `_bound`, in the order that Redis has them: by score, then by member."""

    def __init__(self, fill: int = FILL) -> None:
        """Start with an empty set, known whole."""
        self._fill = fill
        self._scores: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._bound: tuple[float, str] | None = None
        """The last entry that is known; None: all are."""

    def __contains__(self, member: str) -> bool:
        """Say whether a member is known here."""
        return member in self._scores

    def __len__(self) -> int:
        """Count the known members."""
        return len(self._scores)

    @property
    def empty(self) -> bool:
        """Whether the whole set has no entry."""
        return not self._scores and self._bound is None

    @property
    def short(self) -> bool:
        """Whether there is more in Redis and little of it here: time to `fill`."""
        return self._bound is not None and len(self._heap) < self._fill // 4

    def add(self, member: str, score: float) -> None:
        """Add a member, or give it another score."""
        if self._bound is not None and (score, member) > self._bound:
            self._scores.pop(member, None)
            return
        if self._scores.get(member) == score:
            return
        self._scores[member] = score
        heapq.heappush(self._heap, (score, member))
        if len(self._scores) > 4 * self._fill:
            self._trim()

    def remove(self, member: str) -> None:
        """Remove a member, known or not."""
        self._scores.pop(member, None)

    def lowest(self) -> float | None:
        """Return the score of the first entry that wasn't taken."""
        while self._heap and self._scores.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def score(self, member: str) -> float | None:
        """Return the score of a known member."""
        return self._scores.get(member)

    def take(self, upto: float, limit: int) -> list[str]:
        """Take the first members up to a score.

        They stay in the set until removed, but are not handed out again.
        """
        taken: list[str] = []
        while len(taken) < limit and (first := self.lowest()) is not None and first <= upto:
            taken.append(heapq.heappop(self._heap)[1])
        return taken

    def give_back(self, member: str) -> None:
        """Undo `take` for a member, if it is still in the set."""
        score = self._scores.get(member)
        if score is not None:
            heapq.heappush(self._heap, (score, member))

    def fill(self, entries: Iterable[tuple[str, float]], asked: int) -> None:
        """Take in what Redis has as its first `asked` entries."""
        found = list(entries)
        for member, score in found:
            if self._scores.get(member) != score:
                self._scores[member] = score
                heapq.heappush(self._heap, (score, member))
        self._bound = (found[-1][1], found[-1][0]) if len(found) == asked else None

    def to_read(self) -> int:
        """How many of the first entries to read for `fill`: those known here come again."""
        return len(self._scores) + self._fill

    def _trim(self) -> None:
        keep = heapq.nsmallest(2 * self._fill, ((score, member) for member, score in self._scores.items()))
        kept = {member for _, member in keep}
        # Members that are taken stay known: their removal is still to come.
        waiting = {member for score, member in self._heap if self._scores.get(member) == score}
        self._scores = {
            member: score for member, score in self._scores.items() if member in kept or member not in waiting
        }
        self._heap = [entry for entry in keep if entry[1] in waiting]
        heapq.heapify(self._heap)
        self._bound = keep[-1]
