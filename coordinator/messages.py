"""Bodies of messages, rebuilt from state: a commit names what it owes by id only. Always the same bytes."""

from argosy.coordinator.inputs import inputs_of
from argosy.coordinator.kept import Outcome
from argosy.coordinator.outcome import result_of_run
from argosy.coordinator.plan import Plan, StepPlan, plan_of
from argosy.coordinator.state import RunState
from argosy.schemas.ids import TaskId
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunEnded
from argosy.schemas.task import TaskDispatched

MOST_LINKS = 128
"""Traceparents of joined tasks in one dispatch: a span holds no more links than that by default."""


def dispatch_of(
    state: RunState | None, local: str, attempt: int, lane: int
) -> tuple[TaskDispatched, int, str | None] | None:
    """Rebuild a dispatch, with the offset that ordered it and the run's traceparent; None if it is moot.

    It is moot when the run is not active, or this attempt is not the one that may go out. `inputs` may be
    large: the caller moves them to the payload store if the body is over 64 KiB.
    """
    if state is None or state.st != "active":
        return None
    task = state.task(local)
    if task is None or task.letter != "r" or task.attempt != attempt:
        return None
    plan = _plan(state)
    place = plan.find(local)
    if place is None:
        return None
    step = place.step
    pinned = state.pinned
    due_ms = state.step(step.name).due_ms
    body = TaskDispatched(
        task_id=TaskId(f"{state.run_id}/{local}"),
        step=step.name,
        agent=step.agent,
        attempt=attempt,
        lane=lane,
        inputs=inputs_of(state, plan, step, place.shard),
        wants=step.wants,
        contract=step.terms,
        window=pinned.windows.get(step.agent),
        factor=pinned.factors.get(step.agent, 1000),
        deadline_ms=pinned.deadline_ms if due_ms is None else min(due_ms, pinned.deadline_ms),
        run_deadline_ms=pinned.deadline_ms,
        priority=pinned.priority,
        pipeline=plan.title,
        tenant=pinned.tenant,
        parents=_parents(state, plan, step),
        earlier=task.earlier,
    )
    return body, task.cause, pinned.traceparent


def ended_of(state: RunState | None) -> RunEnded | None:
    """Rebuild `run.ended` of a run whose outcome is decided; None if there is nothing to append.

    A result that is a reference of shape `manifest` was made here: `outcome.manifest_of` gives its bytes,
    to be put into the payload store before the record is produced.
    """
    if state is None or state.st != "ending":
        return None
    outcome = Outcome.model_validate_json(state.get("end") or b"")
    pinned, plan = state.pinned, _plan(state)
    usage, tasks = state.totals()
    return RunEnded(
        outcome=outcome.outcome,
        data_hash=pinned.data_hash,
        pipeline=plan.title,
        result=result_of_run(state, plan) if outcome.outcome == "succeeded" else None,
        fault=outcome.fault,
        usage=usage,
        tasks=tasks,
        accepted_ms=pinned.accepted_ms,
    )


def result_of(state: RunState | None) -> RunEnded | None:
    """Return the `run.ended` that was folded, from its tombstone; None for any other state."""
    if state is None or state.st != "ended":
        return None
    return RunEnded.model_validate_json(state.get("end") or b"")


def refusal_of(state: RunState | None, position: str) -> SubmitRefused:
    """Say why fold refused the submit at this position: its id is taken, or it came too late to tell."""
    if state is None or state.st == "cancel":
        message = "this submit was received so late that the run may have ended and been forgotten"
        return SubmitRefused(reason="too_late", message=message, position=position)
    message = "this run id is taken by a run with other data; repeat a submit unchanged, or choose another id"
    return SubmitRefused(reason="conflict", message=message, position=position)


def _plan(state: RunState) -> Plan:
    return plan_of(state.pinned.identity, state.get("plan") or b"")


def _parents(state: RunState, plan: Plan, step: StepPlan) -> tuple[str, ...]:
    """Traceparents of the tasks whose results the step joins, in declared order, each once."""
    locals_: list[str] = []
    while not step.parents and step.owner is not None:
        step = plan.steps[step.owner]
    for name in step.parents:
        parent = plan.steps[name]
        while parent.inside is not None:
            parent = plan.steps[parent.inside.returns]
        shards = range(min(state.step(parent.name).length, MOST_LINKS)) if parent.is_map else (None,)
        locals_ += [parent.local(shard) for shard in shards]
    found = (_traceparent(state, local) for local in locals_[:MOST_LINKS])
    return tuple(dict.fromkeys(traceparent for traceparent in found if traceparent is not None))


def _traceparent(state: RunState, local: str) -> str | None:
    return state.result(local).traceparent if state.has_result(local) else None
