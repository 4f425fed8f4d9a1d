"""The result of a run: the value of its `returns` step, as one payload."""

from typing import Final

from pydantic import JsonValue, TypeAdapter

from argosy.coordinator.condition import fact_missing
from argosy.coordinator.inputs import facts_of, gathered, part_of, taint_at
from argosy.coordinator.plan import Plan
from argosy.coordinator.run_plan import plan_in
from argosy.coordinator.state import RunState
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.edges import Pick
from argosy.schemas.facts import NoFact, Want
from argosy.schemas.fault import Fault
from argosy.schemas.hole import Hole
from argosy.schemas.payload import INLINE_BYTES, Inline, Payload, Reference
from argosy.schemas.taint import united
from argosy.schemas.task import HoleInput

NOT_SELECTED: Final = "not_selected"
_MANIFEST: Final = TypeAdapter(tuple[Inline | Reference, ...])
_HOLE: Final = TypeAdapter(Hole)


def result_of_run(state: RunState, plan: Plan) -> Payload:
    """Build the result of a run whose `returns` step succeeded.

    Of a map: the list of its shards' values, or a manifest if they are not all at hand or too large together.
    """
    step, select = plan.steps[plan.result.source], plan.result.select
    if step.is_map and select is None:
        return _listed(_items(state, plan))
    return part_of(state, plan, plan.result)


def lacking(state: RunState, plan: Plan, result: Pick, whose: str = "the shard's") -> Fault | None:
    """Say why a pipeline whose `returns` step succeeded has no result after all: its part can't be selected."""
    if result.select is None:
        return None
    facts = facts_of(state, plan, result.source)
    for want in (Want(kind="value", select=result.select), Want(kind="size", select=result.select)):
        fact = facts.get(want.key)
        if fact is None:
            return fact_missing(result.source, want)
        if isinstance(fact, NoFact):
            message = f"{whose} result, a part of {result.source}: {fact.reason}"
            return Fault(code=NOT_SELECTED, message=message, taint=taint_at(state, result.source))
    return None


def manifest_of(state: RunState) -> bytes | None:
    """Return the bytes of the manifest that the result refers to; None if it is no such reference."""
    if state.st != "ending" or state.get("plan") is None:
        return None
    plan = plan_in(state)
    step = plan.steps[plan.result.source]
    if not step.is_map or plan.result.select is not None or state.step(step.name).letter != "k":
        return None
    items = _items(state, plan)
    return _MANIFEST.dump_json(items) if isinstance(_listed(items), Reference) else None


def _items(state: RunState, plan: Plan) -> tuple[Payload, ...]:
    return tuple(
        _hole(entry) if isinstance(entry, HoleInput) else entry
        for entry in gathered(state, plan, plan.steps[plan.result.source])
    )


def _hole(entry: HoleInput) -> Inline:
    # Who declares `list[R | Hole]` reads it by its fields.
    value: JsonValue = _HOLE.dump_python(entry.hole, mode="json")
    return Inline(value=value, bytes=len(entry.hole.model_dump_json()), tokens=0, taint=entry.taint)


def _listed(items: tuple[Payload, ...]) -> Payload:
    tokens, taint = sum(item.tokens for item in items), united(*(item.taint for item in items))
    values = [item.value for item in items if isinstance(item, Inline)]
    size = sum(item.bytes for item in items) + max(2, len(items) + 1)
    if len(values) == len(items) and size <= INLINE_BYTES:
        return Inline(value=values, bytes=size, tokens=tokens, taint=taint)
    data = _MANIFEST.dump_json(items)
    return Reference(sha256=sha256_hex(data), bytes=len(data), tokens=tokens, shape="manifest", taint=taint)
