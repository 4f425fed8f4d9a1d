"""How far a chaos run is: what Kafka says has ended, whoever lives to hear of it."""

import time
from collections.abc import AsyncIterator, Collection
from typing import Protocol

from argosy.schemas.runlog import RunEnded
from argosy.testing.outside import Line, Offsets, Where


class Reads(Protocol):
    """The part of a Witness that is used here."""

    def stream(self, since: Offsets, topics: str = "") -> AsyncIterator[Line]:
        """Read what was appended since to topics that begin so."""
        ...


class Answered:
    """The runs whose answers lie in Kafka. The submitter's journal lacks what ends while it is dead."""

    def __init__(self, topic: str) -> None:
        """`topic` is that of the results; nothing is read before `look`."""
        self.runs: set[str] = set()
        self.at = time.monotonic()
        """As of when; it stands still while Kafka is away."""
        self._topic = topic
        self._read: dict[Where, int] = {}

    async def look(self, witness: Reads) -> None:
        """Read what has come since."""
        async for line in witness.stream(self._read, self._topic):
            self._read[line.topic, line.partition] = line.offset + 1
            if isinstance(line.message, RunEnded):
                self.runs.add(line.envelope.subject)
        self.at = time.monotonic()


class Progress:
    """Tells how many runs have ended, how fast, and how many are under way."""

    def __init__(self, answered: Answered) -> None:
        """Count from here."""
        self._answered = answered
        self._before, self._at = len(answered.runs), answered.at

    def tell(self, acknowledged: Collection[str]) -> str:
        """Return a line. `acknowledged`: ids of the runs that the submitter was told it has submitted."""
        answered = self._answered
        ended, seconds = len(answered.runs), answered.at - self._at
        speed = (ended - self._before) / seconds if seconds else 0.0
        self._before, self._at = ended, answered.at
        waits = sum(run_id not in answered.runs for run_id in acknowledged)
        return f"{ended} runs ended in Kafka ({speed:.1f}/s), {waits} under way"
