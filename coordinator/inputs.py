"""Inputs: what a step reads, found in the state: values, holes, lists."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from argosy.coordinator.condition import fact_missing
from argosy.coordinator.kept import Cause
from argosy.coordinator.nesting import is_given, is_item, part
from argosy.coordinator.plan import Plan
from argosy.coordinator.planned_steps import Gathering
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import StepPlan, iteration_of
from argosy.coordinator.wants import edge_want
from argosy.schemas.canonical import canonical_json
from argosy.schemas.edges import INPUT, Constant, InputEdge, Pick
from argosy.schemas.facts import Facts, ListFact, SizeFact, ValueFact, Want
from argosy.schemas.fault import Fault
from argosy.schemas.hole import Hole, HoleOutcome
from argosy.schemas.payload import Inline, Payload, tainted
from argosy.schemas.pipeline import LoopStep, MapStep
from argosy.schemas.taint import UNTAINTED, Taint
from argosy.schemas.task import Cut, HoleInput

Entry = Payload | HoleInput


class Given(NamedTuple):
    """One argument of a task; see `TaskInput`, which says the same on the wire."""

    name: str
    source: Entry
    select: str | None = None
    item: int | None = None
    of: int | None = None
    gathered: tuple[Entry, ...] | None = None
    pages: tuple[Cut, ...] = ()


EMPTY = Inline(value=[], bytes=2, tokens=0)
_OUTCOMES: dict[str, HoleOutcome] = {"f": "failed", "s": "skipped", "x": "cancelled", "e": "expired"}


def facts_of(state: RunState, plan: Plan, source: str) -> Facts:
    """Return the facts of a source: of the run's input, of a result, of what the lane looked at, of a constant."""
    if source == INPUT:
        return state.pinned.facts
    known = plan.facts(source)
    return state.result(source).facts if known is None else known


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


def gathered(state: RunState, plan: Plan, step: StepPlan) -> tuple[Entry, ...]:
    """List what a map's shards left, in the order of the shards, whatever order they ended in."""
    return tuple(shard_entry(state, plan, step, shard) for shard in range(state.step(step.name).length))


def planned_entries(state: RunState, plan: Plan, step: StepPlan, keys: Sequence[str]) -> tuple[Entry, ...]:
    """List what the tasks of a plan left, in its order."""
    return tuple(_planned_entry(state, plan.steps[f"{step.name}/{key}"]) for key in keys)


def _planned_entry(state: RunState, step: StepPlan) -> Entry:
    if state.step(step.name).letter == "k":
        return value_of(state, step.name)
    return _hole(state, cause_of(state, step))


def shard_entry(state: RunState, plan: Plan, step: StepPlan, shard: int) -> Entry:
    """Return the result of one shard, or its hole."""
    local = step.local(shard)
    if step.is_each:
        inner = plan.steps[local]
        if state.step(local).letter == "k" and inner.inside is not None and inner.inside.result is not None:
            return part_of(state, plan, inner.inside.result)
        return _hole(state, cause_of(state, inner))
    payload = state.result(local).payload if state.succeeded(local) else None
    if payload is not None:
        return payload
    return _hole(state, cause_of(state, step, shard))


def _hole(state: RunState, cause: Cause) -> HoleInput:
    task_id = f"{state.run_id}/{cause.local}"
    hole = Hole(task_id=task_id, outcome=cause.outcome, reason=cause.fault.message)
    return HoleInput(hole=hole, taint=cause.fault.taint)


def inputs_of(state: RunState, plan: Plan, step: StepPlan, shard: int | None) -> tuple[Given, ...]:
    """Build the inputs of a task, in declared order. The same for every attempt of it."""
    over = step.step.over if isinstance(step.step, MapStep) else None
    built: list[Given] = []
    for given in step.step.inputs:
        if shard is not None and given.name == over:
            built.append(shard_item(state, plan, given, shard))
        elif isinstance(given, Constant):
            built.append(Given(name=given.name, source=tainted(constant(given), step.taint)))
        elif isinstance(given, Gathering):
            built.append(Given(given.name, EMPTY, gathered=tuple(_gather(state, plan, step, given))))
        else:
            built.append(_input(state, plan, step, given))
    return tuple(built)


def _input(state: RunState, plan: Plan, step: StepPlan, edge: InputEdge) -> Given:
    source = edge.source
    # Most read the value of a step beside them, which has succeeded.
    beside = "/" not in source and source != INPUT and not step.via and not plan.steps[source].is_map
    if beside and state.step(source).letter == "k" and source not in state.step(step.name).absent:
        return Given(edge.name, value_of(state, source), edge.select)
    cause = missing(state, plan, step, step.via.get(edge.name, source))
    if cause is not None:
        return Given(name=edge.name, source=_hole(state, cause))
    if is_item(edge.source):
        item = item_of(state, plan, edge.source)
        return item._replace(name=edge.name, select=part(item.select, edge.select))
    if edge.source != INPUT and plan.steps[edge.source].is_map:
        entries = gathered(state, plan, plan.steps[edge.source])
        return Given(name=edge.name, source=EMPTY, select=edge.select, gathered=entries)
    return Given(name=edge.name, source=value_of(state, edge.source), select=edge.select)


def _gather(state: RunState, plan: Plan, step: StepPlan, given: Gathering) -> Iterator[Entry]:
    for each in given.parts:
        if isinstance(each, Constant):
            yield tainted(constant(each), step.taint)
        else:
            yield _input(state, plan, step, each).source


def missing(state: RunState, plan: Plan, step: StepPlan, source: str) -> Cause | None:
    """Say why a step that went finds a hole at a source; None if there is a value."""
    if is_item(source):
        return _item_missing(state, plan, source)
    if is_given(source):
        if step.owner is None:
            return None
        owner = plan.steps[step.owner]
        if owner.loop is not None:
            return missing(state, plan, owner, source)
        (given,) = owner.step.inputs
        return None if isinstance(given, Constant) else missing(state, plan, owner, given.source)
    if source in state.step(step.name).absent:
        return _moved_on(source)
    return None if state.step(source).letter == "k" else cause_of(state, plan.steps[source])


def _shard_of(plan: Plan, item: str) -> tuple[InputEdge | Constant, int]:
    """Find of what list, and which number in it, a shard's pipeline is given."""
    name, _, shard = item.removesuffix(f"/{INPUT}").rpartition(".")
    return over_of(plan.steps[name]), int(shard)


def _item_missing(state: RunState, plan: Plan, item: str) -> Cause | None:
    if iteration_of(item.removesuffix(f"/{INPUT}")) is not None:
        return None
    over, shard = _shard_of(plan, item)
    if isinstance(over, Constant) or not _is_whole_map(plan, over):
        return None
    spread = plan.steps[over.source]
    if not isinstance(shard_entry(state, plan, spread, shard), HoleInput):
        return None
    return (
        cause_of(state, plan.steps[spread.local(shard)]) if spread.is_each else cause_of(state, spread, shard)
    )


def item_of(state: RunState, plan: Plan, item: str) -> Given:
    """Build the input that the pipeline of a shard is given (`c.7/input`), or that an iteration is."""
    iteration = iteration_of(item.removesuffix(f"/{INPUT}"))
    if iteration is not None:
        return _fed_back(state, plan, *iteration)
    over, shard = _shard_of(plan, item)
    return shard_item(state, plan, over, shard)


def _fed_back(state: RunState, plan: Plan, loop: str, number: int) -> Given:
    """Build what an iteration is given: what the loop starts with, or what the iteration before gave."""
    step = plan.steps[loop]
    over = over_of(step)
    if number > 1:
        return Given(name=over.name, source=value_of(state, step.iteration(number - 1)))
    if isinstance(over, Constant):
        return Given(name=over.name, source=constant(over))
    return _input(state, plan, step, over)


def part_of(state: RunState, plan: Plan, pick: Pick) -> Payload:
    """Return the value that a pipeline returns: of a step, or the part of it that its facts hold."""
    if pick.select is None:
        return value_of(state, pick.source)
    facts = facts_of(state, plan, pick.source)
    value = facts.get(Want(kind="value", select=pick.select).key)
    size = facts.get(Want(kind="size", select=pick.select).key)
    if isinstance(value, ValueFact) and isinstance(size, SizeFact):
        part = Inline(value=value.value, bytes=size.bytes, tokens=size.tokens)
        return tainted(part, taint_at(state, pick.source))
    message = f"{pick.source} gave no facts for the part that is returned"
    raise LookupError(message)


def taint_at(state: RunState, source: str) -> Taint:
    """Return the marks of a source: of the run's input, of a result, of what the lane looked at; none of a constant."""
    if source == INPUT:
        return state.pinned.input.taint
    payload = state.result(source).payload if state.has_result(source) else None
    return UNTAINTED if payload is None else payload.taint


def shard_item(state: RunState, plan: Plan, given: InputEdge | Constant, shard: int) -> Given:
    """Build what a shard is given of the list that is spread."""
    if isinstance(given, Constant):
        items = given.value if isinstance(given.value, list) else []
        return Given(name=given.name, source=constant(Constant(name=given.name, value=items[shard])))
    if _is_whole_map(plan, given):
        return Given(name=given.name, source=shard_entry(state, plan, plan.steps[given.source], shard))
    spread = facts_of(state, plan, given.source)[edge_want(given, given.name).key]
    if not isinstance(spread, ListFact):
        message = f"{given.source} gave no list"
        raise TypeError(message)
    return Given(name=given.name, source=spread.manifest, item=shard, of=spread.length)


def value_of(state: RunState, source: str) -> Payload:
    """Return the run's input, the result of a task step that succeeded, or the list that the lane made of a map."""
    payload = state.pinned.input if source == INPUT else state.result(source).payload
    if payload is None:
        message = f"{source} succeeded without a payload"
        raise LookupError(message)
    return payload


def spread_length(state: RunState, plan: Plan, step: StepPlan) -> ListFact | int | Fault:
    """Find the list that a map spreads: what is known of it, or just its length, or why it is none."""
    over = over_of(step)
    if isinstance(over, Constant):
        if isinstance(over.value, list):
            return len(over.value)
        return Fault(code="not_a_list", message=f"{over.name} of {step.name} is spread, and is no list")
    if _is_whole_map(plan, over):
        return state.step(over.source).length
    want = edge_want(over, over.name)
    match facts_of(state, plan, over.source).get(want.key):
        case ListFact() as fact:
            return fact
        case None:
            return fact_missing(over.source, want)
        case other:
            reason = f": {other.reason}" if other.kind == "none" else ""
            message = f"{over.name} of {step.name} is spread, and {over.source} gave no list{reason}"
            return Fault(code="not_a_list", message=message, taint=taint_at(state, over.source))


def over_of(step: StepPlan) -> InputEdge | Constant:
    """Return the input that a map spreads, or that a loop feeds back."""
    if not isinstance(step.step, MapStep | LoopStep):
        message = f"{step.name} is no map and no loop"
        raise TypeError(message)
    return next(given for given in step.step.inputs if given.name == step.step.over)


def _is_whole_map(plan: Plan, edge: InputEdge) -> bool:
    return edge.select is None and is_map(plan, edge.source)


def is_map(plan: Plan, source: str) -> bool:
    """Say whether a source is a map: it has the results of its shards, and none of its own."""
    return not is_given(source) and plan.steps[source].is_map
