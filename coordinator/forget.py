"""Forgetting: what a loop's iteration left in the run's state, once nobody will read it.

It walks the plan, never the fields of the run: its price is that of what is forgotten. Whoever still asks about such a
task finds none: a worker takes that for over, as of any task that an active run doesn't know.
"""

from argosy.coordinator.paging import paging_of
from argosy.coordinator.plan import Plan
from argosy.coordinator.planned_steps import held_at
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import StepPlan, Waits
from argosy.coordinator.waiting import forget as forget_signals


def forget(state: RunState, plan: Plan, step: StepPlan) -> None:
    """Drop a step that has ended, all its tasks and all that is inside of it."""
    forget_inside(state, plan, step)
    if isinstance(step.runs, Waits):
        forget_signals(state, step.name)
    _task(state, step.name)
    if step.allowed is not None:
        _plan(state, step)
    state.drop(f"s:{step.name}")


def forget_inside(state: RunState, plan: Plan, step: StepPlan) -> None:
    """Drop what is inside of a step that has ended; what it left itself stays."""
    if step.loop is not None:
        number = state.step(step.name).next
        for below in range(max(1, number - 1), number + 1):
            forget(state, plan, plan.steps[step.iteration(below)])
    elif step.is_each:
        for shard in range(state.step(step.name).next):
            forget(state, plan, plan.steps[step.local(shard)])
    elif step.is_map:
        for shard in range(state.step(step.name).length):
            _task(state, step.local(shard))
    elif step.inside is not None:
        state.drop(f"v:{step.given}")
        for inner in plan.within(f"{step.name}/"):
            forget(state, plan, inner)


def _plan(state: RunState, step: StepPlan) -> None:
    """Drop what a planner's step keeps beside its task: its plan, and who waited for a place when it ended."""
    queue = state.step(step.name)
    for number in range(queue.freed, queue.held):
        state.drop(held_at(step, number))
    state.drop(f"q:{step.name}")
    state.drop(f"u:{step.name}")


def _task(state: RunState, local: str) -> None:
    paging = paging_of(state, local)
    if paging is not None:
        for number in range(paging.round + 1):
            if state.task(f"{local}/p{number}") is not None:
                _task(state, f"{local}/p{number}")
            page = 0
            while state.task(f"{local}/p{number}.{page}") is not None:
                _task(state, f"{local}/p{number}.{page}")
                page += 1
        state.drop(f"p:{local}")
    state.drop(f"t:{local}")
    state.drop(f"v:{local}")
