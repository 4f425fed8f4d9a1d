"""Makes the looks that fold asks for: reads the values from the payload store, and writes what it found as a settle."""

import asyncio
from collections.abc import Sequence
from typing import Final, cast

from pydantic import JsonValue

from argosy.broker import tokens
from argosy.broker.facts import answer, select
from argosy.broker.store import Payloads
from argosy.broker.values import encode_value, load, load_all, manifest_items, to_payload
from argosy.coordinator.input_check import InputCheck
from argosy.coordinator.look import Look
from argosy.schemas.canonical import canonical_json
from argosy.schemas.errors import FactsTooLarge, InvalidInput, Refused, Unreachable
from argosy.schemas.facts import tainted_facts
from argosy.schemas.fault import fault_of
from argosy.schemas.hole import Hole
from argosy.schemas.payload import Payload, tainted
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.taint import Taint, united
from argosy.schemas.task import HoleInput

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of a list that is looked at: all of it is in memory then."""
_AT_ONCE: Final = 2


class Looking:
    """Of one lane; a few looks are made at once."""

    def __init__(self, payloads: Payloads) -> None:
        """`payloads` is where the values lie."""
        self._payloads = payloads
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._values = InputCheck()

    async def look(self, look: Look, task_id: str) -> TaskSettled:
        """Find out what is asked. Raises Unreachable and Refused (payload store); any other trouble is the answer."""
        async with self._room:
            try:
                return await self._look(look, task_id)
            except (Unreachable, Refused):
                raise
            except Exception as error:  # noqa: BLE001 - whatever a value does to us is its run's trouble, never the lane's
                return TaskSettled(
                    task_id=task_id,
                    attempt=look.attempt,
                    outcome="failed",
                    fault=fault_of(error, retriable=False).model_copy(update={"taint": _taint(look)}),
                )

    async def _look(self, look: Look, task_id: str) -> TaskSettled:
        value = await self._read(look)
        if look.check is not None:
            self._values.check_value(look.check.identity, look.check.schema, value)
        taint = _taint(look)
        facts = tainted_facts(await answer(value, look.wants, tokens.count, self._payloads), taint)
        result: Payload | None = None
        if look.whole:
            encoded = canonical_json(value) if look.canonical else encode_value(value)
            payload = await to_payload(encoded, tokens.count, self._payloads)
            result = tainted(payload, taint)
        return TaskSettled(
            task_id=task_id, attempt=look.attempt, outcome="succeeded", result=result, facts=facts
        )

    async def _read(self, look: Look) -> JsonValue:
        if look.at.gathered is not None:
            listed = await self._list(look.local, look.at.gathered)
            made = cast("JsonValue", listed) if look.keys is None else _by_key(look.keys, listed)
            return select(look.at.select, made)
        source, item = look.at.source, look.at.item
        if isinstance(source, HoleInput):
            raise InvalidInput(f"{look.local} is a hole")
        if item is not None:
            source = (await manifest_items(source, self._payloads))[item]
        return select(look.at.select, await load(source, self._payloads))

    async def _list(self, local: str, entries: Sequence[Payload | HoleInput]) -> list[JsonValue | Hole]:
        parts = [entry for entry in entries if not isinstance(entry, HoleInput)]
        size = sum(part.bytes for part in parts)
        if size > MOST_BYTES:
            raise FactsTooLarge(
                f"the list that {local} made is {size} bytes, at most {MOST_BYTES} can be looked at"
            )
        values = iter(await load_all(parts, self._payloads))
        # JMESPath hands holes on as they are: they have no fields.
        return [entry.hole if isinstance(entry, HoleInput) else next(values) for entry in entries]


def _by_key(keys: Sequence[str], listed: Sequence[JsonValue | Hole]) -> JsonValue:
    """Make a `PlanResult` of what the tasks of a plan gave."""
    both = list(zip(keys, listed, strict=True))
    results: dict[str, JsonValue] = {key: found for key, found in both if not isinstance(found, Hole)}
    holes: dict[str, JsonValue] = {
        key: found.model_dump(mode="json") for key, found in both if isinstance(found, Hole)
    }
    return {"results": results, "holes": holes}


def _taint(look: Look) -> Taint:
    entries = (look.at.source, *(look.at.gathered or ()))
    return united(*(entry.taint for entry in entries))
