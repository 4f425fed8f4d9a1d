"""What `argosy plan-capacity` says: a page of text, and a table of what limits first."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from argosy.console.numbers import short
from argosy.console.plan_capacity_constants import Constants
from argosy.console.plan_capacity_first import First
from argosy.console.plan_capacity_walls import Needs, Wall
from argosy.schemas.settings import Settings

_MANY: Final = 10
_TENS: Final = 10
_HUNDREDS: Final = 100
_UNITS: Final = ("B", "KB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """Write bytes as people read them, in thousands: `950 B`, `4.1 KB`, `12 GB`."""
    power = min(len(_UNITS) - 1, int(math.log10(count)) // 3) if count >= 1 else 0
    value = count / 1000**power
    return f"{value:.1f} {_UNITS[power]}" if value < _TENS and power else f"{value:.0f} {_UNITS[power]}"


def number(value: float) -> str:
    """Write a rate or a share with two or three figures."""
    if value >= _HUNDREDS:
        return short(round(value))
    return f"{value:.3g}"


def days(count: float) -> str:
    """Write `1 day`, `9 days`."""
    return f"{count:g} {'day' if count == 1 else 'days'}"


def share(part: float) -> str:
    """Write a share: `62.5%`, from ten times on `12x`."""
    return f"{part:.1%}" if part < _MANY else f"{part:.0f}x"


def page(
    needs: Needs, found: Sequence[Wall], first: First | None, settings: Settings, known: Constants
) -> str:
    """Write the whole page."""
    return "\n".join(
        [
            *_load(needs),
            "",
            *_kafka(needs),
            "",
            *_redis(needs),
            "",
            *_processes(needs, settings),
            "",
            *_limits(found, first),
            "",
            *_where_from(known),
        ]
    )


def _load(needs: Needs) -> Iterator[str]:
    load, found, run = needs.load, needs.traffic, needs.load.run
    yield (
        f"{short(load.runs_per_day)} runs a day of {run.tasks} tasks each: {short(found.tasks_per_day)} tasks; "
        f"at the peak {number(found.runs_per_second)} runs and {number(found.tasks_per_second)} tasks a second"
    )
    yield (
        f"  at once: {short(found.runs_active)} runs under way, {short(found.runs_waiting)} waiting, "
        f"{short(found.tasks_at_once)} handlers at work"
    )
    yield f"  models:  {short(found.model_tokens_per_minute)} tokens a minute at the peak"


def _kafka(needs: Needs) -> Iterator[str]:
    kafka = needs.kafka
    yield (
        f"Kafka: {size(kafka.bytes_per_task)} a task, {size(kafka.bytes_per_run)} a run, "
        f"{size(kafka.bytes_per_day)} a day; {size(kafka.bytes_kept)} on disk with {kafka.replicas} replicas, "
        f"{kafka.mib_per_second:.3g} MiB/s at the peak, {kafka.brokers} brokers"
    )
    for each in kafka.topics:
        yield (
            f"  {each.topic:<8} {each.records_per_run:>7} records a run  {size(each.bytes_per_day):>7} a day, "
            f"kept {days(each.kept_days)}: {size(each.bytes_kept)}"
        )
    if kafka.payload_bytes_per_day:
        yield f"  and {size(kafka.payload_bytes_per_day)} a day into the payload store"


def _redis(needs: Needs) -> Iterator[str]:
    redis, found = needs.redis, needs.traffic
    yield (
        f"Redis: {size(redis.used)} used, so maxmemory {size(redis.maxmemory)}; {number(redis.cores)} of its core "
        "at the peak"
    )
    yield f"  under way {short(found.runs_active):>6} runs of {size(redis.active_run):>7}: {size(redis.active)}"
    yield f"  waiting   {short(found.runs_waiting):>6} runs of {size(redis.waiting_run):>7}: {size(redis.waiting)}"
    yield (
        f"  ended     {redis.ended_days:>4g} days' of {size(redis.ended_run):>7}: {size(redis.ended)}; "
        f"tasks that are out: {size(redis.out)}"
    )


def _processes(needs: Needs, settings: Settings) -> Iterator[str]:
    fleet = needs.fleet
    yield (
        f"Coordinators: {fleet.coordinators} of {fleet.coordinator_mib} MiB, {number(fleet.coordinator_cores)} cores "
        f"in all; lanes: {fleet.lanes} (set: {settings.fleet.lanes}), dispatch window: {fleet.dispatch_window} "
        f"(set: {settings.fleet.dispatch_window}), inbox partitions: {fleet.inbox_partitions} "
        f"(set: {settings.kafka.inbox_partitions}); Kafka itself: {number(fleet.kafka_cores)} cores"
    )
    for each in fleet.workers:
        yield (
            f"  workers of {each.agent:<5} {each.processes:>4} processes, {short(each.slots)} handlers at work, "
            f"{number(each.cores)} cores, {size(each.memory_mib * 2**20)}; work partitions: {each.work_partitions} "
            f"(set: {settings.kafka.work_partitions})"
        )


def _limits(found: Sequence[Wall], first: First | None) -> Iterator[str]:
    over = [wall for wall in found if wall.share > 1]
    if over:
        yield f"Over {len(over)} of {len(found)} limits; the first:"
    elif first is None:
        yield "Nothing limits more runs of this kind; the nearest:"
    else:
        yield f"What limits first: {first.wall.name}, met at {number(first.times)} times this load; now:"
    for wall in _told(found, first, max(4, len(over))):
        yield (
            f"  {share(wall.share):>7}  {wall.name}: {number(wall.needed)} of {number(wall.there)} {wall.unit} "
            f"({wall.ends})"
        )
        if wall in over or (first is not None and wall.name == first.wall.name):
            yield f"           {wall.do}"


def _told(found: Sequence[Wall], first: First | None, most: int) -> list[Wall]:
    """Choose the nearest ones, and the one that is met first, which some others may seem nearer than now."""
    told = list(found[:most])
    if first is not None:
        told += [wall for wall in found[most:] if wall.name == first.wall.name]
    return told


def _where_from(known: Constants) -> Iterator[str]:
    made = ", ".join(f"{name} {value}" for name, value in known.made.items())
    yield f"Sizes and times were measured ({made}); a core of another machine differs, bytes don't."
