"""Runs again what has run in a chaos run: from its last step on, while faults go on."""

import asyncio
from typing import Final

from argosy.console.chaos_arena import Arena
from argosy.console.connection import Argosy, Changes, Replay
from argosy.schemas.errors import ArgosyError
from argosy.testing.chaos_load import Journal

_PAUSE_SECONDS: Final = 4.0
_AGAIN_SECONDS: Final = 0.5
_PIPELINE: Final = "work"
_FROM: Final = frozenset({"merge"})
"""The step that runs anew: the shards, and the step beside them, are taken over."""


async def run_again(arena: Arena, journal: Journal, over: asyncio.Event) -> None:
    """Replay an ended map now and then, until `over`; the run's id is `again-<number>`."""
    done = set[int]()
    while not over.is_set():
        await asyncio.sleep(_PAUSE_SECONDS)
        ended = [
            number
            for number, outcome in journal.ended.items()
            if outcome == "succeeded" and number not in done and arena.load.offered(number)[0] == _PIPELINE
        ]
        if ended:
            done.add(max(ended))
            await _replay(arena, max(ended), over)


async def _replay(arena: Arena, number: int, over: asyncio.Event) -> None:
    """Replay one; it is sent as it was prepared, until that is acknowledged."""
    run_id = f"again-{number}"
    prepared: Replay | None = None
    while not over.is_set() or prepared is not None:
        try:
            async with Argosy.connect(arena.settings) as fleet:
                if prepared is None:
                    prepared = await fleet.prepare(arena.load.run_id(number), Changes(from_=_FROM))
                await fleet.start(prepared, new_run_id=run_id)
        except ArgosyError:
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            arena.expected[run_id] = "succeeded"
            return
