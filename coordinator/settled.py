"""What a settle does: which ones count, what is tried again, what ends a task."""

from argosy.coordinator import asking, look, loop, pages, planned, shards
from argosy.coordinator.capacity import REFUSED, overflowed
from argosy.coordinator.decision import Unclaim, Withdraw
from argosy.coordinator.kept import TERMINAL, Cause, TaskResult, TaskState
from argosy.coordinator.place import Place
from argosy.coordinator.planned_steps import remember
from argosy.coordinator.ready import advance, plan_made
from argosy.coordinator.retry import next_attempt_ms
from argosy.coordinator.turn import Turn
from argosy.schemas.fault import Fault
from argosy.schemas.ids import local_part
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import TaskSettled


def settle(turn: Turn, settled: TaskSettled) -> None:
    """Take a settle into the run, or find that it changes nothing.

    A success of any attempt is taken while its task is not terminal; anything else counts for the current
    attempt alone. A settle of a terminal task still deletes its claim: it may have been put back while the
    lane was not live.
    """
    local = local_part(settled.task_id)
    place = turn.plan.find(local)
    task = turn.state.task(local)
    if place is None and look.answered(turn, local, settled):
        return
    if place is None or (task is None and (_is_over(turn, place) or loop.is_over(turn, local))):
        turn.decisions.append(Unclaim(local))
        return
    if task is None or not 1 <= settled.attempt <= place.terms.retries + 1 + task.refused:
        return  # never ordered
    task = _seen(turn, local, task, settled)
    if task.letter in TERMINAL:
        turn.decisions.append(Unclaim(local))
    elif settled.outcome == "succeeded":
        _succeeded(turn, place, task, settled)
    elif settled.attempt == task.attempt and task.letter == "r":
        if settled.outcome == "overflow" and pages.may_be_cut(turn, place):
            pages.begin(turn, place, settled.measured_tokens)
        else:
            _failed(turn, place, task, settled)


def _is_over(turn: Turn, place: Place) -> bool:
    return turn.state.step(place.step.name).letter in TERMINAL


def _seen(turn: Turn, local: str, task: TaskState, settled: TaskSettled) -> TaskState:
    """Add the usage of an attempt once, however often its settle comes."""
    bit = 1 << settled.attempt
    if task.seen & bit:
        return task
    turn.count(usage=settled.usage)
    task = TaskState(task.letter, task.attempt, task.seen | bit, task.cause, task.earlier, task.refused)
    turn.state.put_task(local, task)
    return task


def _succeeded(turn: Turn, place: Place, task: TaskState, settled: TaskSettled) -> None:
    payload = settled.result or Inline(value=None, bytes=4, tokens=1)
    result = TaskResult(payload=payload, facts=settled.facts, traceparent=turn.event.traceparent)
    bad = planned.refused(place.step, result) if _plans(place) else None
    if bad is not None:
        if settled.attempt == task.attempt and task.letter == "r":
            _failed(turn, place, task, settled.model_copy(update={"outcome": "failed", "fault": bad}))
            if turn.state.is_open(place.local):
                remember(turn.state, place.step, bad)
        return
    turn.end_task(place, "k", task, result)
    task_ended(turn, place, result)


def task_ended(turn: Turn, place: Place, result: TaskResult) -> None:
    """Tell whoever the end of a task is for: the task that it was made for, its map, its step's children."""
    while place.system is not None:
        above = pages.ended(turn, place, result)
        if above is None:
            return
        place, result = above
    if place.shard is not None:
        shards.ended(turn, place, result)
    elif result.fault is None and _plans(place):
        plan_made(turn, place.step, result)
    elif result.fault is None:
        turn.end_step(place.step, "k")
    else:
        turn.end_step(place.step, "f", Cause(local=place.local, outcome="failed", fault=result.fault))
    advance(turn)


def _plans(place: Place) -> bool:
    return place.system is None and place.step.allowed is not None


def _failed(turn: Turn, place: Place, task: TaskState, settled: TaskSettled) -> None:
    fault = _fault(turn, place, settled)
    if asking.refused(turn, place, task, fault):
        return
    wait_ms = next_attempt_ms(settled.task_id, task.attempt - task.refused, place.terms, fault)
    if wait_ms is not None:
        turn.state.put_task(place.local, task._replace(letter="b", earlier=turn.event.traceparent))
        turn.decisions.append(Withdraw(place.local, place.agent))
        turn.arm(f"retry:{place.local}", turn.event.time_ms + wait_ms)
        turn.changed("b", place, task.attempt, fault.message)
        return
    result = TaskResult(fault=fault, traceparent=turn.event.traceparent)
    turn.end_task(place, "f", task, result)
    task_ended(turn, place, result)


def _fault(turn: Turn, place: Place, settled: TaskSettled) -> Fault:
    """Say what an attempt failed of: its own fault, or what its outcome makes of that."""
    fault = settled.fault or Fault(code=settled.outcome, message=f"the worker said {settled.outcome}")
    match settled.outcome:
        case "succeeded" | "failed":
            return fault if settled.fault is not None else fault.model_copy(update={"retriable": True})
        case "overflow":
            window = turn.state.pinned.windows.get(place.agent)
            if settled.measured_tokens is not None:
                was_cut = turn.pages and place.depth > 0
                return overflowed(place.agent, place.terms, window, settled.measured_tokens, was_cut=was_cut)
            return fault.model_copy(update={"code": REFUSED, "retriable": False})
        case "poison":
            return fault.model_copy(update={"retriable": False})
