"""How many tokens the inputs of a task are, as far as the state tells."""

from argosy.coordinator.inputs import (
    Given,
    constant,
    facts_of,
    is_map,
    item_of,
    missing,
    over_of,
    shard_item,
    value_of,
)
from argosy.coordinator.nesting import is_item
from argosy.coordinator.plan import Plan
from argosy.coordinator.planned_steps import Gathering
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import StepPlan, iteration_of
from argosy.coordinator.wants import edge_want
from argosy.schemas.edges import INPUT, Constant, InputEdge
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import MapStep
from argosy.schemas.task import HoleInput


def tokens_of(state: RunState, plan: Plan, step: StepPlan) -> int:
    """Sum the tokens of a task's inputs, or of what a map's shards share. What is unknown counts nothing."""
    over = step.step.over if isinstance(step.step, MapStep) else None
    return sum(_tokens(state, plan, step, given) for given in step.step.inputs if given.name != over)


def item_tokens(state: RunState, plan: Plan, step: StepPlan, shard: int | None) -> int:
    """Count what a shard is given of the list that is spread; 0 where that is not known, and of any other task."""
    return 0 if shard is None else _item_tokens(shard_item(state, plan, over_of(step), shard))


def _tokens(state: RunState, plan: Plan, step: StepPlan, given: InputEdge | Constant) -> int:
    if isinstance(given, Constant):
        return constant(given).tokens
    if isinstance(given, Gathering):
        return sum(_tokens(state, plan, step, part) for part in given.parts)
    if missing(state, plan, step, step.via.get(given.name, given.source)) is not None:
        return 0
    if given.select is None:
        return _whole_tokens(state, plan, given.source)
    if (is_item(given.source) or is_map(plan, given.source)) and not state.has_result(given.source):
        return 0  # a part that no one has counted: the worker does
    fact = facts_of(state, plan, given.source).get(edge_want(given, None).key)
    return fact.tokens if fact is not None and fact.kind == "size" else 0


def _whole_tokens(state: RunState, plan: Plan, source: str) -> int:
    if is_item(source):
        first = iteration_of(source.removesuffix(f"/{INPUT}"))
        if first is not None and first[1] == 1:
            loop = plan.steps[first[0]]
            return _tokens(state, plan, loop, over_of(loop))
        return _item_tokens(item_of(state, plan, source))
    return state.step(source).tokens if is_map(plan, source) else value_of(state, source).tokens


def _item_tokens(given: Given) -> int:
    """Count an item; in a manifest that lies in the payload store fold can't look, and the worker checks again."""
    source, item = given.source, given.item
    if isinstance(source, HoleInput):
        return 0
    if item is None:
        return source.tokens
    items = source.value if isinstance(source, Inline) and isinstance(source.value, list) else []
    found = items[item] if item < len(items) else None
    tokens = found.get("tokens") if isinstance(found, dict) else None
    return tokens if isinstance(tokens, int) else 0
