"""The factors that runs which begin are given: read now and then, only while somebody asks."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.factors import factors, field_of
from argosy.broker.store import Store
from argosy.schemas.contract import Contract
from argosy.schemas.errors import Refused, Unreachable

READ_SECONDS: Final = 60.0


@dataclass(slots=True)
class Factors:
    """What was read last. Asking never waits: the first who asks is told 1000 for everything."""

    store: Store
    key_prefix: str
    replaced: str | None = None
    """The model that all agents ask in place of their own."""
    known: Mapping[str, int] = field(default_factory=dict[str, int])
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def of(self, contracts: Mapping[str, Contract]) -> dict[str, int]:
        """Give the factors of agents that ask a model, per mille; one that is not there is 1000."""
        asking = {
            name: self.replaced or contract.model
            for name, contract in contracts.items()
            if contract.model is not None
        }
        if not asking:
            return {}
        self._asked.set()
        found = {name: self.known.get(field_of(name, model)) for name, model in asking.items()}
        return {name: factor for name, factor in found.items() if factor is not None}

    async def run(self, stop: asyncio.Event) -> None:
        """Read them when somebody has asked, and not again for a while; until the stop."""
        while not stop.is_set():
            await _either(self._asked, stop)
            if stop.is_set():
                return
            self._asked.clear()
            await self.read()
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_SECONDS):
                    await stop.wait()

    async def read(self) -> None:
        """Read them now; what was known stays if nobody answers."""
        with suppress(Unreachable, Refused):
            self.known = await factors(self.store, self.key_prefix)


async def _either(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait(), name="either") for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
