"""What a settle does: which ones count, what is tried again, what ends a task."""

from dataclasses import replace

from argosy.coordinator import shards
from argosy.coordinator.capacity import overflowed
from argosy.coordinator.decision import Unclaim, Withdraw
from argosy.coordinator.plan import Plan, StepPlan
from argosy.coordinator.ready import advance
from argosy.coordinator.retry import next_attempt_ms
from argosy.coordinator.state import TERMINAL, Cause, TaskResult, TaskState
from argosy.coordinator.turn import Turn
from argosy.schemas.fault import Fault
from argosy.schemas.ids import local_part, step_of
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import TaskSettled


def find(plan: Plan, local: str) -> tuple[StepPlan, int | None] | None:
    """Find the step and shard of a task's local name; None if the plan has no such task."""
    name, shard = step_of(local)
    step = plan.steps.get(name)
    if step is None or step.is_map != (shard is not None) or step.local(shard) != local:
        return None
    return step, shard


def settle(turn: Turn, settled: TaskSettled) -> None:
    """Take a settle into the run, or find that it changes nothing.

    A success of any attempt is taken while its task is not terminal; anything else counts for the current attempt
    alone. A settle of a terminal task still deletes its claim: it may have been put back while the lane was not live.
    """
    local = local_part(settled.task_id)
    found = find(turn.plan, local)
    task = turn.state.task(local)
    if found is None or (task is None and turn.state.step(found[0].name).letter in TERMINAL):
        turn.decisions.append(Unclaim(local))
        return
    step, shard = found
    if task is None or not 1 <= settled.attempt <= step.contract.retries + 1:
        return  # never ordered
    task = _seen(turn, local, task, settled)
    if task.letter in TERMINAL:
        turn.decisions.append(Unclaim(local))
    elif settled.outcome == "succeeded":
        _succeeded(turn, step, shard, task, settled)
    elif settled.attempt == task.attempt and task.letter == "r":
        _failed(turn, step, shard, task, settled)


def _seen(turn: Turn, local: str, task: TaskState, settled: TaskSettled) -> TaskState:
    """Add the usage of an attempt once, however often its settle comes."""
    bit = 1 << settled.attempt
    if task.seen & bit:
        return task
    turn.count(usage=settled.usage)
    task = replace(task, seen=task.seen | bit)
    turn.state.put_task(local, task)
    return task


def _succeeded(turn: Turn, step: StepPlan, shard: int | None, task: TaskState, settled: TaskSettled) -> None:
    payload = settled.result or Inline(value=None, bytes=4, tokens=1)
    result = TaskResult(payload=payload, facts=settled.facts, traceparent=turn.event.traceparent)
    turn.end_task(step, shard, "k", task, result)
    if shard is None:
        turn.end_step(step, "k")
    else:
        shards.ended(turn, step, shard, result)
    advance(turn)


def _failed(turn: Turn, step: StepPlan, shard: int | None, task: TaskState, settled: TaskSettled) -> None:
    fault = settled.fault or Fault(code=settled.outcome, message="", retriable=settled.outcome == "failed")
    match settled.outcome:
        case "overflow":
            window = turn.state.pinned.windows.get(step.agent)
            fault = overflowed(step.agent, step.contract, window, settled.measured_tokens, fault)
        case "poison":
            fault = fault.model_copy(update={"retriable": False})
        case _:
            pass
    wait_ms = next_attempt_ms(settled.task_id, task.attempt, step.contract, fault)
    if wait_ms is not None:
        _back_off(turn, step, shard, task, fault, wait_ms)
        return
    result = TaskResult(fault=fault, traceparent=turn.event.traceparent)
    turn.end_task(step, shard, "f", task, result)
    if shard is None:
        turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=fault))
    else:
        shards.ended(turn, step, shard, result)
    advance(turn)


def _back_off(
    turn: Turn, step: StepPlan, shard: int | None, task: TaskState, fault: Fault, wait_ms: int
) -> None:
    local = step.local(shard)
    turn.state.put_task(local, replace(task, letter="b", earlier=turn.event.traceparent))
    turn.decisions.append(Withdraw(local, step.agent))
    turn.arm(f"retry:{local}", turn.event.time_ms + wait_ms)
    turn.changed("b", local, step.agent, task.attempt, fault.message)
