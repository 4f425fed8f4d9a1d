"""What people watch: progress, streamed text, state changes. Lossy; nothing correct depends on it."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict


class TaskProgressed(BaseModel):
    """A handler's own word on how far it is."""

    KIND: ClassVar[str] = "task.progressed"
    model_config = ConfigDict(frozen=True, extra="ignore")
    task_id: str
    attempt: int
    text: str
    done: int | None = None
    of: int | None = None


class TextStreamed(BaseModel):
    """A piece of a text as it is made. Of two with different (attempt, claimed_ms, restarts) the lower is void."""

    KIND: ClassVar[str] = "text.streamed"
    model_config = ConfigDict(frozen=True, extra="ignore")
    task_id: str
    attempt: int
    ordinal: int
    """Its place among the pieces of one stream, from 0."""
    text: str
    claimed_ms: int = 0
    """When the task was claimed, by Redis' clock: whoever claims the same attempt again begins its text anew."""
    restarts: int = 0
    """How often the handler itself began anew."""


class StateChanged(BaseModel):
    """A task or a run (no `task_id`) changed its state, as the coordinator or a worker saw it."""

    KIND: ClassVar[str] = "state.changed"
    model_config = ConfigDict(frozen=True, extra="ignore")
    task_id: str | None = None
    agent: str | None = None
    attempt: int | None = None
    state: Literal[
        "accepted",
        "ready",
        "dispatched",
        "running",
        "waiting",
        "signal_refused",
        "backing_off",
        "asking",
        "budget_raised",
        "budget_denied",
        "budget_kept",
        "succeeded",
        "failed",
        "skipped",
        "cancelled",
        "expired",
        "ended",
    ]
    reason: str = ""
    duration_ms: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class StatesChanged(BaseModel):
    """What a coordinator saw change in one run within one turn, in that order: one record where it is more than one."""

    KIND: ClassVar[str] = "states.changed"
    model_config = ConfigDict(frozen=True, extra="ignore")
    changes: list[StateChanged]


WatchMessage = TaskProgressed | TextStreamed | StateChanged
