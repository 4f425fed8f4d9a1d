"""How many handlers of each agent the fleet runs at once, as its workers say: what a dispatch window begins with.

Advice, as windows are: nothing correct depends on it, and it may be some seconds old.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from argosy.broker.presence import BEAT_SECONDS, Present, present
from argosy.broker.store import Store
from argosy.schemas.errors import Refused, Unreachable


@dataclass(slots=True)
class Crew:
    """Read every few seconds. Redis away: what was known stays."""

    store: Store
    key_prefix: str
    lanes: int
    shares: dict[str, int] = field(default_factory=dict[str, int])
    """By agent: twice what its workers run at once, divided among the lanes. This very object is kept up to date."""

    async def run(self, stop: asyncio.Event) -> None:
        """Read until the stop."""
        while not stop.is_set():
            with suppress(Unreachable, Refused):
                found = shares_of(await present(self.store, self.key_prefix), self.lanes)
                self.shares.clear()
                self.shares.update(found)
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await stop.wait()


def shares_of(found: Present, lanes: int) -> Mapping[str, int]:
    """Say what each lane may begin with: all slots are taken, and as much again waits for them."""
    slots = Counter[str]()
    for process in found.processes:
        slots.update({agent: held.slots for agent, held in process.agents.items()})
    return {agent: -(-2 * count // lanes) for agent, count in slots.items()}
