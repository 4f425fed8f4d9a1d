"""Runs again what has run in a chaos run: from its last step on, while faults go on."""

import asyncio
from collections import Counter
from typing import Final

from argosy.console.chaos_arena import Arena
from argosy.console.connection import Argosy, Changes, Replay
from argosy.schemas.errors import ArgosyError
from argosy.testing.chaos_load import Journal
from argosy.testing.chaos_replays import AGAIN_FROM

_PAUSE_SECONDS: Final = 4.0
_AGAIN_SECONDS: Final = 0.5


async def run_again(arena: Arena, journal: Journal, over: asyncio.Event) -> None:
    """Replay an ended run now and then, until `over`; the run's id is `again-<number>`.

    The last of the pipeline that was replayed least: of each a few.
    """
    done, times = set[int](), Counter[str]()
    while not over.is_set():
        await asyncio.sleep(_PAUSE_SECONDS)
        ended = [
            number
            for number, outcome in journal.ended.items()
            if outcome == "succeeded" and number not in done and arena.load.offered(number)[0] in AGAIN_FROM
        ]
        if ended:
            number = min(ended, key=lambda each: (times[arena.load.offered(each)[0]], -each))
            done.add(number)
            times[arena.load.offered(number)[0]] += 1
            await _replay(arena, number, over)


async def _replay(arena: Arena, number: int, over: asyncio.Event) -> None:
    """Replay one; it is sent as it was prepared, until that is acknowledged."""
    run_id = f"again-{number}"
    from_ = frozenset({AGAIN_FROM[arena.load.offered(number)[0]]})
    prepared: Replay | None = None
    while not over.is_set() or prepared is not None:
        try:
            async with Argosy.connect(arena.settings) as fleet:
                if prepared is None:
                    prepared = await fleet.prepare(arena.load.run_id(number), Changes(from_=from_))
                await fleet.start(prepared, new_run_id=run_id)
        except ArgosyError:
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            arena.expected[run_id] = "succeeded"
            return
