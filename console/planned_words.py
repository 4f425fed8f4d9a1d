"""Plans that an agent made, in people's words: which tasks one has, and how far they are."""

from collections.abc import Sequence

from pydantic import ValidationError

from argosy.console.numbers import counted
from argosy.console.run_history import History
from argosy.coordinator.planned_steps import kept
from argosy.coordinator.state import RunState
from argosy.coordinator.wants import PLANNED
from argosy.schemas.facts import ValueFact
from argosy.schemas.ids import task_id
from argosy.schemas.pipeline import PlanStep
from argosy.schemas.planning import Plan, PlannedTask
from argosy.schemas.runlog import TaskSettled


def planned_under(state: RunState, planner: str) -> dict[str, str]:
    """List the tasks of a plan by name in the run, in its order, with their agents; none before there is one."""
    plan = kept(state, planner)
    return {} if plan is None else {f"{planner}/{task.key}": task.agent for task in plan.tasks}


def planned_ever(history: History, planner: str) -> dict[str, str]:
    """List the same also of a plan that its run has forgotten, with the iteration of a loop: the log still has it."""
    if history.state is None:
        return {}
    found = planned_under(history.state, planner)
    if found or history.state.task(planner) is not None:
        return found
    for settled in reversed(history.settles(task_id(history.run_id, planner))):
        named = {f"{planner}/{task.key}": task.agent for task in _told(settled)}
        if any(task_id(history.run_id, local) in history.by_task for local in named):
            return named  # one that was refused has no tasks
    return {}


def _told(settled: TaskSettled) -> Sequence[PlannedTask]:
    fact = settled.facts.get(PLANNED.key)
    if settled.outcome != "succeeded" or not isinstance(fact, ValueFact):
        return ()
    try:
        return Plan.model_validate(fact.value).tasks
    except ValidationError:
        return ()


def is_planned(history: History, local: str) -> bool:
    """Say whether a task was planned by another one of its run."""
    planner, slash, _ = local.rpartition("/")
    return slash != "" and local in planned_ever(history, planner)


def how_far(step: object, name: str, history: History) -> str:
    """Say how far a planner's plan is; nothing of any other step, or before there is a plan."""
    state = history.state
    if not isinstance(step, PlanStep) or state is None or kept(state, name) is None:
        return ""
    found = state.step(name)
    missing = f", {counted(found.missing, 'hole')}" if found.missing else ""
    waits = f", {found.held - found.freed} wait for room" if found.held > found.freed else ""
    return f"plan: {found.succeeded} of {counted(found.length, 'task')} succeeded{missing}{waits}"
