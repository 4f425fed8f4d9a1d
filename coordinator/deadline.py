"""Timers that came due, of runs, budgets, steps, joins, retries, waits. Fold believes them, it compares no times."""

from argosy.coordinator import answers, waits
from argosy.coordinator.cancel import finish
from argosy.coordinator.kept import TERMINAL, Cause
from argosy.coordinator.ready import advance, join_is_late
from argosy.coordinator.step_plan import StepPlan
from argosy.coordinator.turn import Turn
from argosy.schemas.fault import Fault
from argosy.schemas.runlog import TimerFired


def fired(turn: Turn, timer: TimerFired) -> None:
    """Act on a timer that is still armed by the offset that it names; any other is of the past."""
    if turn.state.armed(timer.name) != timer.armed:
        return
    turn.disarm(timer.name)
    kind, _, name = timer.name.partition(":")
    match kind:
        case "deadline":
            fault = Fault(code="expired", message="the run was still going at its deadline")
            finish(turn, "expired", fault)
        case "budget":
            answers.timed_out(turn)
        case "retry":
            _retry(turn, name)
        case "step":
            _expire(turn, turn.plan.steps[name])
        case "join":
            join_is_late(turn, turn.plan.steps[name])
        case "wait":
            waits.timed_out(turn, turn.plan.steps[name])
            advance(turn)
        case "sleep":
            waits.woke(turn, turn.plan.steps[name])
            advance(turn)
        case _:
            message = f"unknown timer {timer.name!r}"
            raise ValueError(message)


def _retry(turn: Turn, local: str) -> None:
    place, task = turn.plan.find(local), turn.state.task(local)
    if place is not None and task is not None and task.letter == "b":
        turn.order(place, task)


def _expire(turn: Turn, step: StepPlan) -> None:
    if turn.state.step(step.name).letter in TERMINAL:
        return
    text = f"{step.name} was still going after its {step.step.deadline_seconds} s"
    fault = Fault(code="expired", message=text)
    cause = Cause(local=step.name, outcome="expired", fault=fault)
    inside = [inner for inner in turn.unended(step.scope) if inner.name.startswith(f"{step.name}/")]
    for ended in (*inside, step):
        turn.stop(ended, "e")
        turn.end_step(ended, "e", cause)
    advance(turn)
