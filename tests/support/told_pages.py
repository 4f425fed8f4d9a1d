"""Runs for tests of pages: a log that is folded here, record by record, with its times."""

from dataclasses import dataclass, field
from typing import Final

from argosy.console.dashboard_progress import Progress, progress_of
from argosy.console.dashboard_timeline import Timeline
from argosy.console.run_history import History, Logged, take
from argosy.schemas.chat import Usage
from argosy.schemas.envelope import Envelope
from argosy.schemas.fault import Fault
from argosy.schemas.runlog import LogMessage, TaskSettled
from support.fold_pipelines import text

AROUND: Final = {
    "active": "runs",
    "signed_in": False,
    "csrf": "c",
    "said": None,
    "path": "/",
    "live": "",
    "seen": "",
}
"""What a page that isn't live is drawn with, beside its own facts."""


@dataclass
class Told:
    """A run's log, offset 1, 2, …, one second apart if nothing else is said."""

    history: History = field(default_factory=lambda: History("r"))
    times: Timeline = field(default_factory=Timeline)
    now_ms: int = 0

    def add(self, *messages: LogMessage, seconds: float = 1.0, cause: int | None = None) -> "Told":
        """Append records; each answers the one before it, or `cause`."""
        for message in messages:
            offset = len(self.history.records) + 1
            self.now_ms += round(seconds * 1_000)
            source = "argosy/worker/w-1"
            answers = offset - 1 if cause is None else cause
            envelope = Envelope(message.KIND, f"id-{offset}", source, subject="r", cause=answers)
            logged = Logged(0, offset, self.now_ms, envelope, message)
            take(self.history, logged)
            self.times.take(logged)
        return self

    @property
    def progress(self) -> dict[str, Progress]:
        """How far each step is."""
        return progress_of(self.history, self.times)


def done(local: str, *, attempt: int = 1, value: object = "made", ran_ms: int = 400) -> TaskSettled:
    """A success."""
    return TaskSettled(
        task_id=f"r/{local}",
        attempt=attempt,
        outcome="succeeded",
        result=text(value),
        usage=Usage(input_tokens=120, output_tokens=30),
        worker="w-1",
        deliveries=1,
        duration_ms=ran_ms,
    )


def lost(local: str, *, attempt: int = 1, retriable: bool = False, said: str = "no use") -> TaskSettled:
    """A failure."""
    return TaskSettled(
        task_id=f"r/{local}",
        attempt=attempt,
        outcome="failed",
        fault=Fault(code="handler_error" if retriable else "rejected", message=said, retriable=retriable),
        worker="w-1",
        deliveries=1,
        duration_ms=200,
    )
