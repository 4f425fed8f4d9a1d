"""Looks: what fold must know of a value that no task sees. The lane finds out, and appends what it found as a settle.

That is the list that a map made, if a step has a condition on it, spreads a part of it or returns one; and what the
pipeline of a shard or of an iteration is given, if a step in there has a condition on it or spreads a part of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from argosy.coordinator import waits
from argosy.coordinator.allowed import made_by
from argosy.coordinator.inputs import Given, gathered, inputs_of, item_of, planned_entries
from argosy.coordinator.kept import Cause, TaskResult
from argosy.coordinator.nesting import is_item
from argosy.coordinator.plan import Plan
from argosy.coordinator.planned_steps import kept
from argosy.coordinator.ready import advance, looked
from argosy.coordinator.run_plan import plan_in
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import StepPlan, Waits, template_of
from argosy.coordinator.turn import Turn
from argosy.coordinator.waiting import first_signal, waiting_of
from argosy.coordinator.waits import approval_of
from argosy.schemas.contract import JsonSchema
from argosy.schemas.facts import Want
from argosy.schemas.fault import Fault
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import ApprovalStep, SignalStep
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.taint import UNTAINTED

if TYPE_CHECKING:
    from pydantic import JsonValue

ATTEMPT = 1
"""A look isn't tried again: what keeps it from being made keeps its record from being sent."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a value has to be, to count."""

    identity: str
    """The schema is compiled once for each."""
    schema: JsonSchema


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be looked at, and what is to be found out."""

    local: str
    at: Given
    wants: tuple[Want, ...]
    whole: bool
    """One payload is to be made of it."""
    attempt: int = ATTEMPT
    check: Check | None = None
    canonical: bool = False
    """Its bytes are to be the canonical JSON: people name it by their hash."""
    keys: tuple[str, ...] | None = None
    """Of what the tasks of a plan gave: the key of each entry."""


def look_of(state: RunState | None, local: str) -> Look | None:
    """Rebuild a look that was asked for; None if it is moot."""
    if state is None or state.st != "active":
        return None
    plan = plan_in(state)
    step = plan.looked_at(local)
    if step is None or not _is_open(state, step):
        return None
    if step.allowed is not None:
        return _planned(state, plan, step, local)
    if isinstance(step.runs, Waits):
        return _wait(state, plan, step, step.runs)
    if is_item(local):
        return Look(local, item_of(state, plan, local), step.looks, whole=False)
    entries = gathered(state, plan, step)
    source = Given(step.name, Inline(value=[], bytes=2, tokens=0), gathered=entries)
    return Look(local, source, step.looks, step.whole)


def _planned(state: RunState, plan: Plan, step: StepPlan, local: str) -> Look:
    """Rebuild the look at what the tasks of a plan gave: it makes one value of all of them."""
    made = kept(state, step.name)
    keys = () if made is None else tuple(task.key for task in made.tasks)
    source = Inline(value=[], bytes=2, tokens=0, taint=UNTAINTED if made is None else made.taint)
    at = Given(step.name, source, gathered=planned_entries(state, plan, step, keys))
    return Look(local, at, step.looks, whole=True, keys=keys)


def _wait(state: RunState, plan: Plan, step: StepPlan, runs: Waits) -> Look | None:
    """Rebuild the look at what an approval is about, or at the signal that is next."""
    waiting = waiting_of(state, step.name)
    if isinstance(step.step, ApprovalStep) and not waiting.sha256:
        (about,) = inputs_of(state, plan, step, None)
        return Look(step.name, about, (), whole=True, attempt=waiting.asked, canonical=True)
    signal = first_signal(state, waiting)
    if signal is None:
        return None
    if isinstance(step.step, SignalStep):
        schema: JsonSchema = {**step.step.takes, "schemas": cast("JsonValue", runs.schemas)}
        check = Check(f"{state.pinned.identity}/{template_of(step.name)}", schema)
        value = signal.value_ref or Inline(value=signal.value, bytes=0, tokens=0)
    else:
        check, value = None, Inline(value=approval_of(signal), bytes=0, tokens=0)
    return Look(
        step.name, Given(step.name, value), step.wants, whole=True, attempt=waiting.asked, check=check
    )


def answered(turn: Turn, local: str, settled: TaskSettled) -> bool:
    """Take what a look found out; False if none of this name was asked for."""
    step = turn.plan.looked_at(local)
    if step is None or not _is_open(turn.state, step):
        return False
    if isinstance(step.runs, Waits):
        if waits.looked(turn, step, settled):
            advance(turn)
        return True
    state = turn.state.step(step.name)
    state.looking = False
    turn.state.put_step(step.name, state)
    if settled.outcome == "succeeded":
        found = TaskResult(payload=settled.result, facts=settled.facts, traceparent=turn.event.traceparent)
        turn.state.put_result(step.name if step.allowed is not None else local, found)
        looked(turn, step)
        return True
    fault = settled.fault or Fault(code=settled.outcome, message="it could not be looked at")
    turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=fault))
    advance(turn)
    return True


def pending(state: RunState) -> Iterator[str]:
    """Name what the lane was asked to look at and has not answered; for people, it walks through all steps."""
    plan = plan_in(state)
    for name in sorted(field[2:] for field in state.dump() if field.startswith("s:")):
        step = plan.steps[name]
        if _is_open(state, step):
            yield made_by(name) if step.allowed else step.given if step.inside is not None else name


def _is_open(state: RunState, step: StepPlan) -> bool:
    found = state.step(step.name)
    return found.letter == "r" and found.looking
