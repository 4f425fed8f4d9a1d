"""Plans that an agent makes: checked, taken over as tasks of the run, their results made one value.

From rules 2 on. The planner's task is the step's own; those of its plan lie under it, each a step to all else: they are
ordered, retried, cut into pages, skipped and reused like any.
"""

from typing import Final

from argosy.coordinator.allowed import made_by
from argosy.coordinator.inputs import taint_at
from argosy.coordinator.kept import TaskResult
from argosy.coordinator.plan_check import Refused, checked
from argosy.coordinator.planned_steps import KeptPlan, held_at, keep, remember, steps_under
from argosy.coordinator.step_plan import StepPlan
from argosy.coordinator.turn import Turn
from argosy.coordinator.view_text import read_result
from argosy.coordinator.wants import PLANNED
from argosy.schemas.facts import NoFact, ValueFact
from argosy.schemas.fault import MESSAGE_CHARACTERS, Fault
from argosy.schemas.planning import PlannedTask

BAD_PLAN: Final = "bad_plan"


def refused(step: StepPlan, result: TaskResult) -> Fault | None:
    """Say what is wrong with what a planner returned; None if it is a plan that may be run."""
    found = _read(step, result)
    if not isinstance(found, Refused):
        return None
    taint = () if result.payload is None else result.payload.taint
    message = f"{step.name} returned no plan that may be run: {found.reason}"
    return Fault(code=BAD_PLAN, message=message[:MESSAGE_CHARACTERS], retriable=True, taint=taint)


def is_whole_given(turn: Turn, step: StepPlan) -> bool:
    """Say whether what the tasks of a plan gave was given with the run; a plan that was is taken over as a new one."""
    if step.allowed is None or not turn.is_given(step.name):
        return False
    given = read_result(turn.state.get(f"r:{step.name}") or b"{}")
    fact = given.facts.get(PLANNED.key)
    return not (isinstance(fact, ValueFact) and isinstance(fact.value, dict) and "tasks" in fact.value)


def begin(turn: Turn, step: StepPlan, result: TaskResult) -> list[StepPlan] | Fault:
    """Take a plan over; return its tasks that wait for nothing, or what is wrong with it."""
    found = _read(step, result)
    if isinstance(found, Refused):
        return refused(step, result) or Fault(code=BAD_PLAN, message=found.reason)
    remember(turn.state, step, None)
    keep(turn.state, step, KeptPlan(tasks=found, taint=taint_at(turn.state, step.name)))
    state = turn.state.step(step.name)
    state.length = len(found)
    turn.state.put_step(step.name, state)
    steps = steps_under(turn.state, step)
    if not steps:
        turn.look(step, made_by(step.name))
    return [each for each in steps.values() if not each.parents]


def is_held(turn: Turn, owner: StepPlan, step: StepPlan) -> bool:
    """Take a place for a planned task that could start; True if it has to wait for one."""
    if owner.allowed is None:
        return False
    state = turn.state.step(owner.name)
    if state.open < owner.allowed.max_parallel:
        state.open += 1
        turn.state.put_step(owner.name, state)
        return False
    turn.state.put(held_at(owner, state.held), step.name.encode())
    state.held += 1
    turn.state.put_step(owner.name, state)
    return True


def ended(turn: Turn, owner: StepPlan, inner: StepPlan) -> StepPlan | None:
    """Take the end of a planned task into account; return the one that may start in its place."""
    state = turn.state.step(owner.name)
    if state.letter != "r" or owner.allowed is None:
        return None
    state.open -= turn.state.task(inner.name) is not None
    succeeded = turn.state.step(inner.name).letter == "k"
    state.succeeded += succeeded
    state.missing += not succeeded
    following = None
    if state.freed < state.held and state.open < owner.allowed.max_parallel:
        at = held_at(owner, state.freed)
        following = (turn.state.get(at) or b"").decode()
        turn.state.drop(at)
        state.freed += 1
    turn.state.put_step(owner.name, state)
    if state.succeeded + state.missing == state.length:
        turn.look(owner, made_by(owner.name))
    return None if following is None else turn.plan.steps[following]


def _read(step: StepPlan, result: TaskResult) -> tuple[PlannedTask, ...] | Refused:
    fact = result.facts.get(PLANNED.key)
    if isinstance(fact, NoFact):
        return Refused(fact.reason)
    if step.allowed is None or not isinstance(fact, ValueFact):
        return Refused("nothing is known of it")
    return checked(fact.value, step.allowed)
