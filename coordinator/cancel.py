"""Ending things early: the whole run, or the steps that nobody needs any more."""

from argosy.coordinator.decision import Send
from argosy.coordinator.inputs import cause_of
from argosy.coordinator.kept import TERMINAL, Cause, Letter, Outcome
from argosy.coordinator.outcome import lacking
from argosy.coordinator.turn import Turn
from argosy.schemas.fault import Fault
from argosy.schemas.runlog import RunOutcome


def finish(turn: Turn, outcome: RunOutcome, fault: Fault | None = None) -> None:
    """Decide the run's outcome: what still runs is stopped, no timer stays, `run.ended` is to be appended."""
    letter: Letter = "e" if outcome == "expired" else "x"
    state = turn.state
    for step in turn.plan.within(""):
        if state.step(step.name).letter not in TERMINAL:
            turn.stop(step, letter)
    for timer in state.timers():
        turn.disarm(timer)
    turn.ended.clear()
    decided = Outcome(outcome=outcome, fault=fault)
    state.put("end", decided.model_dump_json(exclude_defaults=True).encode())
    state.become("ending")
    turn.decisions.append(Send(f"end:{state.run_id}"))


def finish_with_result(turn: Turn) -> None:
    """End the run with what its `returns` step left: a value, or a hole and then the hole's first cause.

    A value whose part can't be selected is no result, and `run.ended` could never be written.
    """
    step = turn.plan.steps[turn.plan.returns]
    if turn.state.step(step.name).letter == "k":
        fault = lacking(turn.state, turn.plan, turn.plan.result, "the run's")
        if fault is None:
            finish(turn, "succeeded")
            return
        cause = Cause(local=step.name, outcome="failed", fault=fault)
    else:
        cause = cause_of(turn.state, step)
    task_id = f"{turn.state.run_id}/{cause.local}"
    finish(turn, "failed", cause.fault.model_copy(update={"task_id": task_id}))


def prune(turn: Turn, scope: str) -> None:
    """Cancel what no waiting step of a scope needs any more, after a join in it went on without some of its parents."""
    shard = turn.plan.steps[scope.removesuffix("/")].inside if scope else None
    needed, unended = {turn.plan.returns if shard is None else shard.returns}, turn.unended(scope)
    for step in reversed(unended):
        if step.name in needed and turn.state.step(step.name).letter == "w":
            needed.update(step.parents)
        elif step.name in needed and step.inside is not None:
            needed.add(step.inside.returns)
        elif step.owner in needed and turn.plan.steps[step.owner].allowed is not None:
            needed.add(step.name)
    for step in unended:
        if step.name not in needed:
            turn.stop(step, "x")
            turn.end_step(step, "x")
