"""The values of a run's tasks, read as they were given; what was found in one is kept by its hash."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from argosy.agents.inputs import read_one
from argosy.broker.store import Payloads
from argosy.broker.values import load
from argosy.console.lineage_facts import Fed, hash_of
from argosy.schemas.errors import ArgosyError, InvalidInput, PayloadGone
from argosy.schemas.payload import Payload, Reference
from argosy.schemas.task import HoleInput, TaskInput

Test = Callable[[JsonValue], bool]
_NOTHING: Final = None
_PAGE: Final = {"text", "budget", "limit"}
"""What the page of a summary comes as, see `agents.cuts`."""


class Evidence:
    """Reads values, asks a question of each once, and remembers which ones are gone."""

    def __init__(self, payloads: Payloads, test: Test) -> None:
        """`test` is asked of every value."""
        self._payloads, self._test = payloads, test
        self._answers: dict[str, bool] = {}
        self.gone: dict[str, None] = {}

    async def has(self, payload: Payload | HoleInput | None) -> bool:
        """Say whether a value passes the test; False for one that is gone."""
        match payload:
            case None:
                return False
            case HoleInput():
                return self._test(payload.hole.reason)
            case _:
                key = hash_of(payload)
                if key not in self._answers:
                    value = await self.value(payload)
                    self._answers[key] = value is not None and self._test(value)
                return self._answers[key]

    async def fed_has(self, fed: Fed) -> bool:
        """Say whether an input passes it, as it was given."""
        given = fed.given
        if given.select or given.pages or given.item is not None:
            value = await self.fed_value(fed)
            return value is not None and self._test(value)
        for part in fed.parts:
            if await self.has(part.entry):
                return True
        return False

    async def value(self, payload: Payload) -> JsonValue:
        """Read a value; None for one that is gone. Who waits for the answer may leave at each."""
        await asyncio.sleep(0)
        try:
            return await load(payload, self._payloads)
        except (PayloadGone, InvalidInput) as error:
            self._note(payload, error)
            return _NOTHING

    async def fed_value(self, fed: Fed) -> JsonValue:
        """Read an input as it was given; None for one that is gone, or can't be cut so. As `value`."""
        await asyncio.sleep(0)
        try:
            shown, _ = await read_one(
                TaskInput.model_construct(**fed.given._asdict()), self._payloads, text=False
            )
        except (PayloadGone, InvalidInput) as error:
            for part in fed.parts:
                if isinstance(part.entry, Reference):
                    self._note(part.entry, error)
            return _NOTHING
        value: JsonValue = to_jsonable_python(shown.value)
        if isinstance(value, dict) and value.keys() == _PAGE and fed.given.pages:
            return value["text"]
        return value

    def _note(self, payload: Payload, error: ArgosyError) -> None:
        if isinstance(error, PayloadGone):
            self.gone[hash_of(payload)] = None


def holes_in(fed: Fed) -> Iterator[HoleInput]:
    """List the holes of an input."""
    for part in fed.parts:
        if isinstance(part.entry, HoleInput):
            yield part.entry
