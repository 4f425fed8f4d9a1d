"""`argosy schedules list|pause|resume`: what runs by the clock, when next, and what became of its last run."""

import asyncio
import time
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import typer

from argosy.client.connection import Argosy
from argosy.client.run import RunStatus
from argosy.client.schedule_book import Noted, ScheduleBook
from argosy.console.config import load_settings
from argosy.console.moments import ago, moment
from argosy.console.output import note, show, show_table
from argosy.console.process_life import open_services
from argosy.pipelines.discover import discover
from argosy.pipelines.schedule import Missed, Overlap, Schedule
from argosy.pipelines.terms import check_name
from argosy.schemas.settings import Settings

COLUMNS = ("SCHEDULE", "CRON", "ZONE", "PIPELINE", "NEXT", "LAST RUN", "STATE", "MISSED", "OVERLAP")

schedules = typer.Typer(help="What runs by the clock: list it, pause it.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """One schedule of an app. Times are epoch milliseconds; 0: not known."""

    schedule: str
    cron: str
    timezone: str
    pipeline: str
    missed: Missed
    overlap: Overlap
    next_ms: tuple[int, ...]
    last_run: str
    """Empty: none that is known."""
    last_run_state: RunStatus
    seen_ms: int
    """When a scheduler was there last."""
    paused: bool


@schedules.command("list")
def list_schedules(
    app: Annotated[str, typer.Argument(help="A Python file or module with schedules.")],
    *,
    count: Annotated[int, typer.Option("--next", min=1, max=1_000, help="So many next times.")] = 1,
) -> None:
    """List the schedules of an app: next times, the last run and how it ended, what is paused."""
    found = asyncio.run(_lines(load_settings(), list(discover(app).schedules.values()), count))
    cells = [
        (
            line.schedule,
            line.cron,
            line.timezone,
            line.pipeline,
            "paused" if line.paused else ", ".join(map(moment, line.next_ms)),
            line.last_run,
            line.last_run_state if line.last_run else "",
            line.missed,
            line.overlap,
        )
        for line in found
    ]
    show_table(COLUMNS, cells, {"schedules": found})
    if not found:
        note(f"{app} has no schedules")
        return
    now_ms = time.time_ns() // 1_000_000
    seen_ms = max(line.seen_ms for line in found)
    if not seen_ms:
        note(f"nobody runs them yet: argosy coordinator {app}")
    elif now_ms - seen_ms > 60_000:  # noqa: PLR2004 - as long as a scheduler may be away
        note(f"nobody has run them for {ago(seen_ms, now_ms)}: argosy coordinator {app}")


@schedules.command("pause")
def pause(name: Annotated[str, typer.Argument(help="The schedule's name.")]) -> None:
    """Leave the slots of a schedule out from now on; what runs goes on. A wipe of Redis ends the pause."""
    _hold(name, paused=True)


@schedules.command("resume")
def resume(name: Annotated[str, typer.Argument(help="The schedule's name.")]) -> None:
    """Let a paused schedule go on with its next slot."""
    _hold(name, paused=False)


def _hold(name: str, *, paused: bool) -> None:
    check_name(name, kind="a schedule")
    noted = asyncio.run(_note(load_settings(), name, paused=paused))
    show({"schedule": name, "paused": noted.paused}, f"{name} {'is paused' if noted.paused else 'goes on'}")
    if not noted.seen_ms:
        note(f"no scheduler has run a schedule {name!r} yet")


async def _note(settings: Settings, name: str, *, paused: bool) -> Noted:
    async with open_services(settings, "schedules") as services:
        return await ScheduleBook(services.store, settings.redis.key_prefix).note(name, paused=paused)


async def _lines(settings: Settings, found: list[Schedule[Any]], count: int) -> list[ScheduleLine]:
    async with open_services(settings, "schedules") as services, Argosy.connect(settings) as fleet:
        book = ScheduleBook(services.store, settings.redis.key_prefix)
        return [await _line(schedule, await book.note(schedule.name), fleet, count) for schedule in found]


async def _line(schedule: Schedule[Any], noted: Noted, fleet: Argosy, count: int) -> ScheduleLine:
    run_id = schedule.run_id(noted.run_ms) if noted.run_ms else ""
    return ScheduleLine(
        schedule=schedule.name,
        cron=schedule.cron,
        timezone=schedule.timezone,
        pipeline=schedule.pipeline.name,
        missed=schedule.missed,
        overlap=schedule.overlap,
        next_ms=tuple(islice(schedule.slots(time.time_ns() // 1_000_000), count)),
        last_run=run_id,
        last_run_state=await fleet.run(run_id).state() if run_id else "unknown",
        seen_ms=noted.seen_ms,
        paused=noted.paused,
    )
