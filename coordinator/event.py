"""What a fold is given: one record of the run log."""

from dataclasses import dataclass

from argosy.schemas.runlog import LogMessage


@dataclass(slots=True)
class Event:
    """A record of the run log as fold sees it; `time_ms` is the broker's append time. Nobody changes one."""

    offset: int
    time_ms: int
    run_id: str
    message: LogMessage
    traceparent: str | None = None
