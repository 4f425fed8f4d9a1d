"""The scheduler of a coordinator process that was given an app."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from argosy.broker.store import Store
from argosy.client.connection import Argosy
from argosy.client.schedule_book import ScheduleBook
from argosy.client.scheduler import Scheduler
from argosy.pipelines.schedule import Schedule
from argosy.schemas.errors import ArgosyError
from argosy.schemas.settings import Settings
from argosy.telemetry import logs

_AGAIN_SECONDS: Final = 5.0


async def run_schedules(
    settings: Settings, store: Store, schedules: Sequence[Schedule[Any]], stop: asyncio.Event
) -> None:
    """Submit what comes due, until the stop; while the fleet can't be reached, try again."""
    book = ScheduleBook(store, settings.redis.key_prefix)
    while schedules and not stop.is_set():
        try:
            async with Argosy.connect(settings) as fleet:
                await scheduler_of(settings, fleet, book, schedules).run(stop)
        except ArgosyError as error:
            logs.get("argosy.scheduler").warning("schedules wait", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_SECONDS):
                    await stop.wait()


def scheduler_of(
    settings: Settings, fleet: Argosy, book: ScheduleBook, schedules: Sequence[Schedule[Any]]
) -> Scheduler:
    """Make the scheduler of a fleet."""
    return Scheduler(schedules, fleet, book, settings.fleet.window_seconds)
