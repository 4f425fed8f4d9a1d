"""Answers what runs of a chaos run wait for once the client that would have done it was stopped."""

import asyncio
from typing import Final

from argosy.client.connection import Argosy
from argosy.console.chaos_arena import Arena
from argosy.schemas.errors import ArgosyError
from argosy.testing.chaos_answers import answer
from argosy.testing.chaos_load import Journal

_LOOK_SECONDS: Final = 0.5


async def answer_the_rest(arena: Arena, journal: Journal) -> None:
    """Answer each run that waits, once, but for those that were answered before; until cancelled.

    An answer that the client was acknowledged is not given again: a fleet that loses it has its run wait for ever.
    """
    load, done = arena.load, set[int]()
    while load.answered:
        try:
            async with Argosy.connect(arena.settings) as fleet:
                while True:
                    journal.look()
                    for run_id in dict.fromkeys(one.run_id for one in await fleet.waiting()):
                        number = load.number(run_id)
                        if number is None or number in journal.answered or number in done:
                            continue
                        await answer(fleet.run(run_id), *load.offered(number), early=True)
                        done.add(number)
                    await asyncio.sleep(_LOOK_SECONDS)
        except ArgosyError:
            await asyncio.sleep(_LOOK_SECONDS)
