"""Which tasks have the values that a task is given: what `coordinator.inputs` reads, by name. Pure."""

from argosy.coordinator.inputs import is_map, over_of
from argosy.coordinator.nesting import is_item
from argosy.coordinator.place import Place
from argosy.coordinator.plan import Plan
from argosy.coordinator.planned_steps import Gathering
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import StepPlan, iteration_of
from argosy.coordinator.system_tasks import sources
from argosy.schemas.edges import INPUT, Constant, InputEdge
from argosy.schemas.pipeline import MapStep

Names = tuple[str, ...]
_WRITTEN: Names = ("",)
"""A constant: the author wrote it down."""


def names_of(state: RunState, plan: Plan, place: Place) -> dict[str, Names]:
    """Name, by argument, who has each value that it is made of: as many as its parts. Raises as `inputs_for`."""
    if place.role == "merge":
        return dict.fromkeys(_merged(place), tuple(sources(state, place)))
    while place.system is not None:
        place = place.system.above
    over = place.step.step.over if isinstance(place.step.step, MapStep) else None
    found: dict[str, Names] = {}
    for given in place.step.step.inputs:
        if place.shard is not None and given.name == over:
            found[given.name] = _item(plan, given, place.shard)
        elif isinstance(given, Constant):
            found[given.name] = _written(plan, place.step)
        elif isinstance(given, Gathering):
            parts = (_one(state, plan, place.step, part) for part in given.parts)
            found[given.name] = tuple(name for names in parts for name in names)
        else:
            found[given.name] = _edge(state, plan, given)
    return found


def shards_of(state: RunState, plan: Plan, step: StepPlan) -> Names:
    """Name who has the value of each shard of a map."""
    return tuple(_shard(plan, step, shard) for shard in range(state.step(step.name).length))


def _written(plan: Plan, step: StepPlan) -> Names:
    """Name who wrote a constant: the author, or the planner of a task that was planned."""
    owner = None if step.owner is None else plan.steps[step.owner]
    return _WRITTEN if owner is None or owner.allowed is None else (owner.name,)


def _one(state: RunState, plan: Plan, step: StepPlan, part: InputEdge | Constant) -> Names:
    return _written(plan, step) if isinstance(part, Constant) else _edge(state, plan, part)


def _merged(place: Place) -> Names:
    return ("results",) if place.merge is None else (place.merge.parameter,)


def _edge(state: RunState, plan: Plan, edge: InputEdge) -> Names:
    if is_item(edge.source):
        return _given(state, plan, edge.source.removesuffix(f"/{INPUT}"))
    if edge.source != INPUT and plan.steps[edge.source].is_map:
        return shards_of(state, plan, plan.steps[edge.source])
    return (edge.source,)


def _given(state: RunState, plan: Plan, owner: str) -> Names:
    """Name who has what a shard's pipeline, or an iteration, is given."""
    iteration = iteration_of(owner)
    if iteration is None:
        name, _, shard = owner.rpartition(".")
        return _item(plan, over_of(plan.steps[name]), int(shard))
    loop, number = iteration
    step = plan.steps[loop]
    if number > 1:
        before = step.iteration(number - 1)
        inside = plan.steps[before].inside
        return (before if inside is None or inside.result is None else inside.result.source,)
    over = over_of(step)
    return _WRITTEN if isinstance(over, Constant) else _edge(state, plan, over)


def _item(plan: Plan, over: InputEdge | Constant, shard: int) -> Names:
    if isinstance(over, Constant):
        return _WRITTEN
    if over.select is None and is_map(plan, over.source):
        return (_shard(plan, plan.steps[over.source], shard),)
    return (over.source,)


def _shard(plan: Plan, step: StepPlan, shard: int) -> str:
    local = step.local(shard)
    if not step.is_each:
        return local
    inside = plan.steps[local].inside
    return local if inside is None or inside.result is None else inside.result.source
