"""Loops: a task, or a pipeline, again and again, each time on what it gave the time before. From rules 2 on.

Each iteration is a step of its own, `<loop>~<n>`. What one left is forgotten as soon as nobody will read it: the
hundredth costs what the second did, in time and in memory.
"""

import re
from typing import Final

from argosy.coordinator.condition import fact_missing
from argosy.coordinator.forget import forget, forget_inside
from argosy.coordinator.given import take_given
from argosy.coordinator.inputs import cause_of, facts_of, part_of
from argosy.coordinator.kept import TERMINAL, Cause, StepState, TaskResult
from argosy.coordinator.step_plan import Loop, StepPlan
from argosy.coordinator.turn import Turn
from argosy.coordinator.wants import want_in
from argosy.schemas.facts import Facts, ValueFact, Want
from argosy.schemas.fault import Fault
from argosy.schemas.pipeline import LoopStep

EXHAUSTED: Final = "loop_exhausted"
_ITERATION: Final = re.compile(r"~(0|[1-9][0-9]{0,5})(?=/|$)")


def start(turn: Turn, step: StepPlan) -> StepPlan:
    """Start a loop; return its first iteration, which is to begin now."""
    return _next(turn, step, turn.state.step(step.name))


def end_given(turn: Turn, step: StepPlan) -> None:
    """End a loop, or a plan, whose own value was given with the run: no iteration or task begins."""
    result = take_given(turn.state, step.name)
    if result.fault is not None:
        turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=result.fault))
        return
    turn.state.put_result(step.name, result)
    turn.end_step(step, "k")


def ended(turn: Turn, step: StepPlan, iteration: StepPlan) -> StepPlan | None:
    """Take the end of an iteration into account; return the one that is to begin now, None if the loop has ended."""
    state = turn.state.step(step.name)
    if state.letter != "r" or step.loop is None or not isinstance(step.step, LoopStep):
        return None
    if turn.state.step(iteration.name).letter != "k":
        turn.end_step(step, "f", cause_of(turn.state, iteration))
        return None
    result = _keep(turn, step.loop, iteration)
    state.succeeded += 1
    forget_inside(turn.state, turn.plan, iteration)
    if state.next > 1:
        forget(turn.state, turn.plan, turn.plan.steps[step.iteration(state.next - 1)])
    until = Want(kind="value", select=step.step.until)
    fact = result.facts.get(until.key)
    met = isinstance(fact, ValueFact) and fact.value is True
    if fact is not None and not met and state.next < step.step.max_iterations:
        return _next(turn, step, state)
    state.late = not met
    fault = None if met else _exhausted(step.name, step.step)
    if fact is None:
        fault = fact_missing(iteration.name, until)
    _end(turn, step, iteration, result, fault)
    return None


def is_over(turn: Turn, local: str) -> bool:
    """Say whether a task lies in an iteration that has ended: nothing may be left of it, and it was ordered once."""
    for found in _ITERATION.finditer(local):
        state = turn.state.step(local[: found.start()])
        number = int(found[1])
        if 0 < number < state.next or (number == state.next and state.letter in TERMINAL):
            return True
    return False


def _next(turn: Turn, step: StepPlan, state: StepState) -> StepPlan:
    state.next += 1
    turn.state.put_step(step.name, state)
    iteration = turn.plan.steps[step.iteration(state.next)]
    turn.state.put_step(iteration.name, StepState(letter="r", due_ms=state.due_ms))
    return iteration


def _keep(turn: Turn, loop: Loop, iteration: StepPlan) -> TaskResult:
    """Return what an iteration gave; that of a pipeline is put under the iteration's own name."""
    if iteration.inside is None or iteration.inside.result is None:
        return turn.state.result(iteration.name)
    pick = iteration.inside.result
    found = facts_of(turn.state, turn.plan, pick.source)
    keys = {want.key: want_in(loop.within, want).key for want in loop.asked}
    facts: Facts = {key: found[inner] for key, inner in keys.items() if inner in found}
    payload = part_of(turn.state, turn.plan, pick)
    result = TaskResult(payload=payload, facts=facts, traceparent=turn.event.traceparent)
    turn.state.put_result(iteration.name, result)
    return result


def _end(turn: Turn, step: StepPlan, iteration: StepPlan, result: TaskResult, fault: Fault | None) -> None:
    if fault is not None:
        turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=fault))
        return
    forget(turn.state, turn.plan, iteration)
    turn.state.put_result(step.name, result)
    turn.end_step(step, "k")


def _exhausted(name: str, loop: LoopStep) -> Fault | None:
    if loop.exhausted == "last":
        return None
    text = f"{name} ran {loop.max_iterations} times, and of no result `{loop.until}` was true"
    figures = {"iterations": loop.max_iterations, "limit": loop.max_iterations}
    return Fault(code=EXHAUSTED, message=text, figures=figures)
