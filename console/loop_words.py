"""Loops in people's words: how often one went round, and the tasks that its run has forgotten since."""

from collections.abc import Iterator

from argosy.console.dag import Branch
from argosy.console.numbers import counted
from argosy.console.run_history import History
from argosy.coordinator.step_plan import iteration_of
from argosy.schemas.ids import local_part
from argosy.schemas.pipeline import LoopStep


def went_round(branch: Branch, history: History) -> str:
    """Say how far a loop is."""
    step, state = branch.step, history.state
    if not isinstance(step, LoopStep) or state is None:
        return ""
    found = state.step(branch.name)
    if found.letter == "w":
        return f"until {step.until}, {counted(step.max_iterations, 'iteration')} at most"
    if found.letter == "r":
        return f"iteration {found.next} of {step.max_iterations} at most, until {step.until}"
    ended = "" if not found.late else f", and never {step.until}"
    return f"{counted(found.succeeded, 'iteration')} of {step.max_iterations} at most{ended}"


def forgotten(history: History) -> Iterator[str]:
    """Name the tasks of iterations that have ended: the log still has them, the state of the run hasn't."""
    state = history.state
    if state is None:
        return
    for local in map(local_part, history.by_task):
        if state.task(local) is None and any(_is_past(history, lead) for lead in _leads(local)):
            yield local


def _leads(local: str) -> Iterator[str]:
    parts = local.split("/")
    for past in range(1, len(parts) + 1):
        yield "/".join(parts[:past])


def _is_past(history: History, name: str) -> bool:
    found = iteration_of(name)
    return (
        found is not None and history.state is not None and 0 < found[1] <= history.state.step(found[0]).next
    )
