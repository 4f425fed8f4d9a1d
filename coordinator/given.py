"""Results that a run was given, of tasks that it need not run: each is kept until its task comes to be ordered."""

from argosy.coordinator.kept import TaskResult
from argosy.coordinator.state import RunState
from argosy.coordinator.view_text import read_result, result_text


def give(state: RunState, local: str, result: TaskResult) -> None:
    """Keep what counts as a task's result when it comes to be ordered."""
    state.put(f"r:{local}", result_text(result))


def is_given(state: RunState, local: str) -> bool:
    """Say whether a task's result was given with the run, and hasn't been taken yet."""
    return state.get(f"r:{local}") is not None


def take_given(state: RunState, local: str) -> TaskResult:
    """Take it; KeyError if there is none."""
    text = state.get(f"r:{local}")
    if text is None:
        raise KeyError(local)
    state.drop(f"r:{local}")
    return read_result(text)
