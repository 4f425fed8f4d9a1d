"""What a person sees of runs as they go: a small state per task, fed by watch messages; lossy, like these."""

import time
from dataclasses import dataclass, field
from typing import Final

from argosy.client.streamed import Streams
from argosy.schemas.ids import local_part
from argosy.schemas.watch import StateChanged, TaskProgressed, TextStreamed, WatchMessage

_NOTE_CHARACTERS: Final = 60
_ENDED: Final = frozenset({"succeeded", "failed", "skipped", "cancelled", "expired"})


@dataclass(slots=True)
class TaskView:
    """One task as last heard of."""

    state: str = "waiting"
    attempt: int = 0
    began: float | None = None
    seconds: float = 0.0
    note: str = ""

    @property
    def ended(self) -> bool:
        """Say whether it is over."""
        return self.state in _ENDED

    def elapsed(self, now: float) -> float:
        """Seconds that it has been running, or ran."""
        return now - self.began if self.state == "running" and self.began is not None else self.seconds


@dataclass(slots=True)
class RunView:
    """One run as last heard of; its tasks in the order of the plan, then as they appear."""

    run_id: str
    title: str
    state: str = "submitted"
    tasks: dict[str, TaskView] = field(default_factory=dict[str, TaskView])
    streams: Streams = field(default_factory=Streams)

    def take(self, message: WatchMessage, now: float | None = None) -> str | None:
        """Bring the view up to date; return a line worth printing. A late message changes nothing back."""
        moment = time.monotonic() if now is None else now
        if message_is_of_the_run(message):
            return self._take_run(message)
        local = local_part(message.task_id or "/")
        task = self.tasks.setdefault(local, TaskView())
        match message:
            case StateChanged():
                return self._take_state(local, task, message, moment)
            case TaskProgressed():
                share = f" {message.done}/{message.of}" if message.done is not None and message.of else ""
                task.note = f"{message.text}{share}"
                return f"{local}: {task.note}"
            case TextStreamed():
                if self.streams.take(message) is not None:
                    task.note = _tail(self.streams.text(message.task_id))
                return None

    def _take_run(self, message: WatchMessage) -> str | None:
        state = message.state if isinstance(message, StateChanged) else ""
        if isinstance(message, StateChanged) and state.startswith("budget_"):
            return f"run {state.replace('_', ' ')}: {message.reason}"
        if not state or self.state in {state, "ended"}:
            return None
        self.state = state
        return f"run {state}"

    def _take_state(self, local: str, task: TaskView, message: StateChanged, moment: float) -> str | None:
        attempt = message.attempt or task.attempt
        if task.ended or attempt < task.attempt or (message.state, attempt) == (task.state, task.attempt):
            return None
        if task.began is not None and task.state == "running":
            task.seconds += moment - task.began
        task.began = moment if message.state == "running" else None
        task.state, task.attempt, task.note = message.state, attempt, message.reason
        again = f" (attempt {attempt})" if attempt > 1 else ""
        reason = f": {message.reason}" if message.reason else ""
        return f"{local}: {message.state.replace('_', ' ')}{again}{reason}"


def _tail(text: str) -> str:
    """Show the end of a text on a line."""
    line = " ".join(text[-4 * _NOTE_CHARACTERS :].split())
    return line if len(line) <= _NOTE_CHARACTERS else f"…{line[1 - _NOTE_CHARACTERS :]}"


def message_is_of_the_run(message: WatchMessage) -> bool:
    """Say whether a message is about the run itself, not one of its tasks."""
    return isinstance(message, StateChanged) and message.task_id is None
