"""Plans that an agent made, in people's words: which tasks one has, and how far they are."""

from argosy.console.numbers import counted
from argosy.console.run_history import History
from argosy.coordinator.planned_steps import kept
from argosy.coordinator.state import RunState
from argosy.schemas.pipeline import PlanStep


def planned_under(state: RunState, planner: str) -> dict[str, str]:
    """List the tasks of a plan by name in the run, in its order, with their agents; none before there is one."""
    plan = kept(state, planner)
    return {} if plan is None else {f"{planner}/{task.key}": task.agent for task in plan.tasks}


def is_planned(state: RunState | None, local: str) -> bool:
    """Say whether a task was planned by another one of its run."""
    planner, slash, _ = local.rpartition("/")
    return state is not None and slash != "" and local in planned_under(state, planner)


def how_far(step: object, name: str, history: History) -> str:
    """Say how far a planner's plan is; nothing of any other step, or before there is a plan."""
    state = history.state
    if not isinstance(step, PlanStep) or state is None or kept(state, name) is None:
        return ""
    found = state.step(name)
    missing = f", {counted(found.missing, 'hole')}" if found.missing else ""
    waits = f", {found.held - found.freed} wait for room" if found.held > found.freed else ""
    return f"plan: {found.succeeded} of {counted(found.length, 'task')} succeeded{missing}{waits}"
