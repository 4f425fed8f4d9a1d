"""The progress of a chaos run is what Kafka has, whether or not the submitter lives to see it."""

from collections.abc import AsyncIterator

import pytest

from argosy.console.chaos_progress import Answered, Progress
from argosy.schemas.envelope import Envelope
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunEnded
from argosy.testing.outside import Line, Offsets


class Log:
    """One partition of results."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def append(self, run_id: str, message: RunEnded | SubmitRefused) -> None:
        envelope = Envelope(message.KIND, "x", "test", subject=run_id)
        self.lines.append(Line("p.results", 0, len(self.lines), envelope, message, b""))

    async def stream(self, since: Offsets, topics: str = "") -> AsyncIterator[Line]:
        assert topics == "p.results"
        for line in self.lines[since.get(("p.results", 0), 0) :]:
            yield line


ENDED = RunEnded(outcome="succeeded", data_hash="h", pipeline="p@1", accepted_ms=0)


async def test_runs_are_counted_once_each_and_only_as_they_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    log, answered = Log(), Answered("p.results")
    progress = Progress(answered)
    for run_id in ("r-0", "r-1", "r-1"):
        log.append(run_id, ENDED)
    log.append("r-9", SubmitRefused(reason="conflict", message="m", position="0/0"))
    now = 102.0
    await answered.look(log)
    # The submitter saw the end of none.
    assert progress.tell(["r-0", "r-1", "r-2"]) == "2 runs ended in Kafka (1.0/s), 1 under way"
    assert progress.tell(["r-0", "r-1", "r-2"]) == "2 runs ended in Kafka (0.0/s), 1 under way"
    log.append("r-2", ENDED)
    now = 104.0
    await answered.look(log)
    assert progress.tell(["r-0", "r-1", "r-2"]) == "3 runs ended in Kafka (0.5/s), 0 under way"
