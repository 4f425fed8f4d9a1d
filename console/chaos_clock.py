"""Ends the schedules of a chaos run, so that it can come to rest."""

import asyncio
from typing import Final

from argosy.broker.redis import RedisStore
from argosy.client.schedule_book import ScheduleBook
from argosy.console.chaos_arena import Arena
from argosy.schemas.errors import ArgosyError
from argosy.testing.chaos_beats import SCHEDULES

_AGAIN_SECONDS: Final = 0.5


async def stop_the_clock(arena: Arena) -> dict[str, int]:
    """Pause the schedules of our own app; return by name the last slot that is noted as submitted (0: none is).

    Once no fault can come any more: a Redis that is wiped ends a pause.
    """
    redis, noted = arena.settings.redis, dict[str, int]()
    store = RedisStore(redis)
    try:
        book = ScheduleBook(store, redis.key_prefix)
        while len(noted) < len(SCHEDULES):
            try:
                for schedule in SCHEDULES:
                    noted[schedule.name] = (await book.note(schedule.name, paused=True)).run_ms
            except ArgosyError:
                await asyncio.sleep(_AGAIN_SECONDS)
    finally:
        await store.close()
    return noted
