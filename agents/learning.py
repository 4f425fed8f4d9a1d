"""Learning how models count: each answer tells what its prompt took; now and then the fleet is told."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.factors import Learnt, add, field_of
from argosy.broker.store import Store
from argosy.schemas.chat import Usage
from argosy.schemas.errors import Refused, Unreachable

TELL_SECONDS: Final = 10.0


@dataclass(slots=True)
class Learning:
    """What one process has learned and not yet told."""

    store: Store
    key_prefix: str
    _learnt: dict[str, Learnt] = field(default_factory=dict[str, Learnt])
    _anything: asyncio.Event = field(default_factory=asyncio.Event)

    def saw(self, agent: str, model: str | None, usage: Usage) -> None:
        """Take the usage of a model call, if its server told it and we had counted the prompt."""
        if model is None or not usage.counted_tokens or not usage.input_tokens:
            return
        name = field_of(agent, model)
        ours, theirs = self._learnt.get(name, Learnt())
        self._learnt[name] = Learnt(ours + usage.counted_tokens, theirs + usage.input_tokens)
        self._anything.set()

    async def run(self) -> None:
        """Tell the fleet while there is something to tell; for ever. What can't be told is forgotten."""
        while True:
            await self._anything.wait()
            await asyncio.sleep(TELL_SECONDS)
            await self.tell()

    async def tell(self) -> None:
        """Tell the fleet what was learned since."""
        learnt, self._learnt = self._learnt, {}
        self._anything.clear()
        if learnt:
            with suppress(Unreachable, Refused):
                await add(self.store, self.key_prefix, learnt)
