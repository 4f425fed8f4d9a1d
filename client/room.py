"""Whether the fleet has room for another run, as it says itself: asked before a submit is sent.

What is sent nevertheless is judged by the receiver that reads it. A fleet that says nothing, and a Redis that is away,
keep nobody from submitting.
"""

import asyncio
import time
from typing import Final

from argosy.broker.fullness import Fullness, fullness
from argosy.broker.store import Store
from argosy.schemas.errors import ArgosyError, Busy
from argosy.schemas.result import Full

FRESH_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 0.5
_AWAY_SECONDS: Final = 5.0
"""After no answer nobody is asked for so long."""


class Room:
    """What the fleet said last, for all submits of one client."""

    def __init__(self, store: Store, key_prefix: str) -> None:
        """Nothing has been asked yet."""
        self._store, self._prefix = store, key_prefix
        self._said: Fullness | None = None
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def full(self, pipeline: str) -> Full | None:
        """Say which bound keeps a run of this pipeline out; None: there is room, as far as anybody says."""
        if time.monotonic() >= self._until:
            async with self._asking:
                if time.monotonic() >= self._until:
                    await self._ask()
        return None if self._said is None else self._said.full(pipeline)

    async def _ask(self) -> None:
        seconds = FRESH_SECONDS
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                self._said = await fullness(self._store, self._prefix)
        except (ArgosyError, TimeoutError):
            self._said, seconds = None, _AWAY_SECONDS
        self._until = time.monotonic() + seconds


def busy(run_id: str, full: Full) -> Busy:
    """Make the error of a bound that is reached."""
    return Busy(
        run_id,
        full.said,
        retry_after_seconds=full.retry_after_seconds,
        under_way=full.under_way,
        most=full.most,
    )
