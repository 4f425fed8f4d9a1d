"""The times of a cron expression, as instants: what a zone's clocks do twice or never comes out once.

The rules of daylight saving are Debian cron's, as `cronsim` has them: a time that the clocks leave out is made up for
right after; one that they show twice counts once, unless the expression names every hour or minute of it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from argosy.schemas.errors import BuildError


def check(name: str, cron: str, timezone: str) -> None:
    """Raise a BuildError for an expression that is none, or that never comes; and for a zone that nobody knows."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BuildError(
            what=f"schedule {name!r} has timezone={timezone!r}",
            why="the system's database of zones has no such one",
            do="give one like 'UTC' or 'Europe/Berlin'; where there is no database, install tzdata",
        ) from None
    try:
        next(CronSim(cron, datetime(2026, 1, 1, tzinfo=zone)))
    except (CronSimError, StopIteration) as error:
        raise BuildError(
            what=f"schedule {name!r} has cron={cron!r}",
            why=_why(cron, str(error)) or "such a time never comes",
            do="give five fields: minute hour day month weekday, as in '30 6 * * MON-FRI'; seconds may stand before",
        ) from None


def _why(cron: str, told: str) -> str:
    *before, _, weekday = cron.split() or ("", "")
    try:
        CronSim(" ".join((*before, "*", weekday)), datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError:
        return told
    return f"{told}: such a day never comes in such a month" if told.endswith("day-of-month") else told


def slots(cron: str, timezone: str, after_ms: int) -> Iterator[int]:
    """Yield the times after a moment, epoch milliseconds, rising; the same whatever moment one begins at."""
    start = datetime.fromtimestamp(after_ms / 1000, UTC)
    last_ms = after_ms
    for at in CronSim(cron, start.astimezone(ZoneInfo(timezone))):
        at_ms = round(at.timestamp() * 1000)
        if at_ms > last_ms:
            last_ms = at_ms
            yield at_ms


def stamp(slot_ms: int) -> str:
    """Write a slot as it stands in the id of its run: `20261126T214500Z`."""
    return datetime.fromtimestamp(slot_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
