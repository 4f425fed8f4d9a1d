"""Dead letters as lag counts them: where from, how old, how many tokens. Read once, then only what is new."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from argosy.broker.deadletters import buried
from argosy.broker.log import Cluster, Partition
from argosy.broker.task_tokens import dead_tokens


@dataclass(frozen=True, slots=True)
class Grave:
    """A dead letter; `topic` and `partition` are where its message lay."""

    offset: int
    timestamp_ms: int
    topic: str
    partition: int
    tokens: int | None


@dataclass(slots=True)
class Graves:
    """Those that were read so far; what retention took is forgotten."""

    _found: list[Grave] = field(default_factory=list[Grave])
    _next: int = 0

    async def read(self, cluster: Cluster, dead_topic: str) -> Sequence[Grave]:
        """Read what is new, and give all. Raises Unreachable."""
        start, end = await cluster.edges(Partition(dead_topic, 0))
        if end < self._next:  # another topic of this name
            self._found, self._next = [], 0
        self._found = [each for each in self._found if each.offset >= start]
        if end > max(start, self._next):
            async for each in buried(cluster, dead_topic, self._next):
                letter = each.letter
                tokens = dead_tokens(letter)
                self._found.append(
                    Grave(each.offset, each.timestamp_ms, letter.topic, letter.partition, tokens)
                )
                self._next = each.offset + 1
            self._next = max(self._next, end)
        return self._found
