"""Dead letters as the dashboard lists them: read once, then only what is new; bodies are read when one is looked at."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.deadletters import Buried, buried
from argosy.broker.log import Cluster, Partition
from argosy.schemas.errors import NotFound

MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Grave:
    """A letter without its body. `offset` is its name."""

    offset: int
    died_ms: int
    reason: str
    message: str
    origin: str
    """`topic/partition/offset`, where its message lay."""
    topic: str
    value_bytes: int
    cut: bool


@dataclass(slots=True)
class Letters:
    """The newest letters; `count` is of all that were read."""

    graves: deque[Grave] = field(default_factory=lambda: deque[Grave](maxlen=MOST))
    _next: int = 0

    async def read(self, cluster: Cluster, dead_topic: str) -> tuple[Grave, ...]:
        """Read what is new, and give all, oldest first. Raises Unreachable; no topic is no letter."""
        if dead_topic not in await cluster.topics([dead_topic]):
            return ()
        start, end = await cluster.edges(Partition(dead_topic, 0))
        if end < self._next:  # another topic of this name
            self.graves.clear()
            self._next = 0
        if end > max(start, self._next):
            async for each in buried(cluster, dead_topic, self._next):
                self.graves.append(_grave(each))
                self._next = each.offset + 1
            self._next = max(self._next, end)
        return tuple(each for each in self.graves if each.offset >= start)


async def letter_at(cluster: Cluster, dead_topic: str, offset: int) -> Buried:
    """Read one whole. Raises NotFound, Unreachable."""
    if dead_topic in await cluster.topics([dead_topic]):
        start, end = await cluster.edges(Partition(dead_topic, 0))
        if start <= offset < end:
            async for each in buried(cluster, dead_topic, offset):
                if each.offset == offset:
                    return each
                break
    raise NotFound(
        f"no dead letter {offset}", "there is none at this offset, or retention has passed", "see the list"
    )


def reasons(graves: tuple[Grave, ...]) -> dict[str, int]:
    """Count letters by reason."""
    return dict(Counter(each.reason for each in graves).most_common())


def _grave(each: Buried) -> Grave:
    letter = each.letter
    return Grave(
        each.offset,
        each.timestamp_ms,
        letter.reason,
        letter.message[:300],
        f"{letter.topic}/{letter.partition}/{letter.offset}",
        letter.topic,
        letter.value_bytes,
        letter.cut,
    )
