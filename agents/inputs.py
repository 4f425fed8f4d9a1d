"""A task's inputs: from payloads, holes and selections to what the agent's types are read from."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.broker.facts import select
from argosy.broker.store import Payloads
from argosy.broker.values import load, load_all, manifest_items
from argosy.pipelines.port import Given
from argosy.schemas.errors import InvalidInput
from argosy.schemas.payload import Payload
from argosy.schemas.task import HoleInput, TaskDispatched, TaskInput

_INPUTS: Final = TypeAdapter(tuple[TaskInput, ...])


async def read_inputs(body: TaskDispatched, payloads: Payloads) -> tuple[TaskInput, ...]:
    """Return the inputs of a dispatch, from the payload store if they lie there.

    Raises PayloadGone, InvalidInput, Unreachable.
    """
    if body.inputs_ref is None:
        return body.inputs
    try:
        return _INPUTS.validate_json(await payloads.get(body.inputs_ref.sha256))
    except ValidationError:
        message = "the stored inputs of this task are no list of inputs"
        raise InvalidInput(message) from None


async def given_of(inputs: Sequence[TaskInput], payloads: Payloads) -> Mapping[str, Given]:
    """Return what each parameter is given, by name. Raises PayloadGone, InvalidInput, Unreachable."""
    return {one.name: await _given(one, payloads) for one in inputs}


async def payload_of(one: TaskInput, payloads: Payloads) -> Payload | None:
    """Return an input's payload: of a shard, its item's; None for a hole or what was gathered of a map."""
    if isinstance(one.source, HoleInput) or one.gathered is not None:
        return None
    if one.item is None:
        return one.source
    items = await manifest_items(one.source, payloads)
    if not 0 <= one.item < len(items):
        message = f"{one.name}: the list has {len(items)} items, number {one.item} was asked for"
        raise InvalidInput(message)
    return items[one.item]


async def _given(one: TaskInput, payloads: Payloads) -> Given:
    if isinstance(one.source, HoleInput):
        return one.source.hole
    if one.gathered is not None:
        values = iter(await load_all([p for p in one.gathered if not isinstance(p, HoleInput)], payloads))
        gathered = [p.hole if isinstance(p, HoleInput) else next(values) for p in one.gathered]
        # JMESPath hands holes on as they are: they have no fields.
        return cast("Given", select(one.select, cast("JsonValue", gathered)))
    payload = await payload_of(one, payloads)
    if payload is None:
        return None
    value = await load(payload, payloads)
    # For a shard `select` was applied when the list was cut into items.
    return value if one.item is not None else select(one.select, value)
