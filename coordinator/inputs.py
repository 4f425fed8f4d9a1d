"""Inputs: what a step reads, found in the state: values, holes, lists, and how many tokens they are."""

from typing import NamedTuple

from argosy.coordinator.condition import fact_missing
from argosy.coordinator.kept import Cause
from argosy.coordinator.nesting import is_given
from argosy.coordinator.plan import Plan, StepPlan
from argosy.coordinator.state import RunState
from argosy.coordinator.wants import edge_want
from argosy.schemas.canonical import canonical_json
from argosy.schemas.facts import Facts, ListFact
from argosy.schemas.fault import Fault
from argosy.schemas.hole import Hole, HoleOutcome
from argosy.schemas.payload import Inline, Payload
from argosy.schemas.pipeline import INPUT, Constant, InputEdge, MapStep
from argosy.schemas.task import HoleInput

Entry = Payload | HoleInput


class Given(NamedTuple):
    """One argument of a task; see `TaskInput`, which says the same on the wire."""

    name: str
    source: Entry
    select: str | None = None
    item: int | None = None
    of: int | None = None
    gathered: tuple[Entry, ...] | None = None


_EMPTY = Inline(value=[], bytes=2, tokens=0)
_OUTCOMES: dict[str, HoleOutcome] = {"f": "failed", "s": "skipped", "x": "cancelled", "e": "expired"}


def facts_of(state: RunState, source: str) -> Facts:
    """Return the facts that came with the run's input or with the result of a task step."""
    return state.pinned.facts if source == INPUT else state.result(source).facts


def constant(given: Constant) -> Inline:
    """Make a payload of a value that the author wrote down; its tokens are estimated, four bytes each."""
    size = len(canonical_json(given.value))
    return Inline(value=given.value, bytes=size, tokens=(size + 3) // 4)


def cause_of(state: RunState, step: StepPlan, shard: int | None = None) -> Cause:
    """Say why a step, or a shard, has no value: where it began."""
    if shard is None:
        found = state.step(step.name).cause
        return _moved_on(step.name) if found is None else found
    local = step.local(shard)
    task = state.task(local)
    if task is None or task.letter not in _OUTCOMES or not state.has_result(local):
        return _moved_on(local)
    fault = state.result(local).fault or Fault(code="unknown", message="")
    return Cause(local=local, outcome=_OUTCOMES[task.letter], fault=fault)


def _moved_on(local: str) -> Cause:
    fault = Fault(code="cancelled", message="the join went on without it")
    return Cause(local=local, outcome="cancelled", fault=fault)


def gathered(state: RunState, step: StepPlan) -> tuple[Entry, ...]:
    """List what a map's shards left, in the order of the shards, whatever order they ended in."""
    return tuple(shard_entry(state, step, shard) for shard in range(state.step(step.name).length))


def shard_entry(state: RunState, step: StepPlan, shard: int) -> Entry:
    """Return the result of one shard, or its hole."""
    local = step.local(shard)
    payload = state.result(local).payload if state.succeeded(local) else None
    if payload is not None:
        return payload
    return _hole(state, cause_of(state, step, shard))


def _hole(state: RunState, cause: Cause) -> HoleInput:
    task_id = f"{state.run_id}/{cause.local}"
    return HoleInput(hole=Hole(task_id=task_id, outcome=cause.outcome, reason=cause.fault.message))


def inputs_of(state: RunState, plan: Plan, step: StepPlan, shard: int | None) -> tuple[Given, ...]:
    """Build the inputs of a task, in declared order. The same for every attempt of it."""
    over = step.step.over if isinstance(step.step, MapStep) else None
    built: list[Given] = []
    for given in step.step.inputs:
        if shard is not None and given.name == over:
            built.append(_item(state, plan, given, shard))
        elif isinstance(given, Constant):
            built.append(Given(name=given.name, source=constant(given)))
        else:
            built.append(_input(state, plan, step, given))
    return tuple(built)


def _input(state: RunState, plan: Plan, step: StepPlan, edge: InputEdge) -> Given:
    cause = _missing(state, plan, step, step.via.get(edge.name, edge.source))
    if cause is not None:
        return Given(name=edge.name, source=_hole(state, cause))
    if edge.source != INPUT and plan.steps[edge.source].is_map:
        entries = gathered(state, plan.steps[edge.source])
        return Given(name=edge.name, source=_EMPTY, select=edge.select, gathered=entries)
    return Given(name=edge.name, source=value_of(state, edge.source), select=edge.select)


def _missing(state: RunState, plan: Plan, step: StepPlan, source: str) -> Cause | None:
    """Say why a step that went finds a hole at a source; None if there is a value."""
    if is_given(source):
        if step.owner is None:
            return None
        owner = plan.steps[step.owner]
        (given,) = owner.step.inputs
        return None if isinstance(given, Constant) else _missing(state, plan, owner, given.source)
    if source in state.step(step.name).absent:
        return _moved_on(source)
    return None if state.step(source).letter == "k" else cause_of(state, plan.steps[source])


def _item(state: RunState, plan: Plan, given: InputEdge | Constant, shard: int) -> Given:
    if isinstance(given, Constant):
        items = given.value if isinstance(given.value, list) else []
        return Given(name=given.name, source=constant(Constant(name=given.name, value=items[shard])))
    if given.source != INPUT and plan.steps[given.source].is_map:
        return Given(name=given.name, source=shard_entry(state, plan.steps[given.source], shard))
    spread = facts_of(state, given.source)[edge_want(given, given.name).key]
    if not isinstance(spread, ListFact):
        message = f"{given.source} gave no list"
        raise TypeError(message)
    return Given(name=given.name, source=spread.manifest, item=shard, of=spread.length)


def value_of(state: RunState, source: str) -> Payload:
    """Return the run's input or the result of a task step that succeeded."""
    payload = state.pinned.input if source == INPUT else state.result(source).payload
    if payload is None:
        message = f"{source} succeeded without a payload"
        raise LookupError(message)
    return payload


def spread_length(state: RunState, plan: Plan, step: StepPlan) -> ListFact | int | Fault:
    """Find the list that a map spreads: what is known of it, or just its length, or why it is none."""
    if not isinstance(step.step, MapStep):
        message = f"{step.name} is no map"
        raise TypeError(message)
    over = next(given for given in step.step.inputs if given.name == step.step.over)
    if isinstance(over, Constant):
        if isinstance(over.value, list):
            return len(over.value)
        return Fault(code="not_a_list", message=f"{over.name} of {step.name} is spread, and is no list")
    if over.source != INPUT and plan.steps[over.source].is_map:
        return state.step(over.source).length
    want = edge_want(over, over.name)
    match facts_of(state, over.source).get(want.key):
        case ListFact() as fact:
            return fact
        case None:
            return fact_missing(over.source, want)
        case other:
            reason = f": {other.reason}" if other.kind == "none" else ""
            message = f"{over.name} of {step.name} is spread, and {over.source} gave no list{reason}"
            return Fault(code="not_a_list", message=message)


def tokens_of(state: RunState, plan: Plan, step: StepPlan) -> int:
    """Sum the tokens of a task's inputs, or of what a map's shards share. What is unknown counts nothing."""
    over = step.step.over if isinstance(step.step, MapStep) else None
    return sum(_tokens(state, plan, step, given) for given in step.step.inputs if given.name != over)


def _tokens(state: RunState, plan: Plan, step: StepPlan, given: InputEdge | Constant) -> int:
    if isinstance(given, Constant):
        return constant(given).tokens
    if _missing(state, plan, step, step.via.get(given.name, given.source)) is not None:
        return 0
    if given.source != INPUT and plan.steps[given.source].is_map:
        # A part of a gathered list has no one who counted it: the worker does.
        return state.step(given.source).tokens if given.select is None else 0
    if given.select is None:
        return value_of(state, given.source).tokens
    fact = facts_of(state, given.source).get(edge_want(given, None).key)
    return fact.tokens if fact is not None and fact.kind == "size" else 0
