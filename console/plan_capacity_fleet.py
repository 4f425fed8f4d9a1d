"""What a load needs of Redis, and how many processes and partitions: the fleet itself. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from argosy.console.plan_capacity_constants import Constants, Cpu
from argosy.console.plan_capacity_load import Load, Traffic
from argosy.console.plan_capacity_run import in_redis
from argosy.schemas.payload import INLINE_BYTES
from argosy.schemas.settings import DAY_SECONDS, Settings

_KIB: Final = 1024
_MIB: Final = 1024 * 1024
_LEAST: Final = 2
"""Of each kind, so that one may die."""
_LANES: Final = 8
_LANES_EACH: Final = 4
"""Lanes for each coordinator: the number never changes, and there may be more coordinators one day."""
_INBOX: Final = 4


@dataclass(frozen=True, slots=True)
class RedisNeed:
    """Bytes, and the share of the server's one core at the peak."""

    active_run: int
    """Just before its end, when it is largest."""
    waiting_run: int
    ended_run: int
    active: int
    waiting: int
    ended: int
    """What ended runs leave, for as long as a submit may be repeated."""
    ended_days: float
    out: int
    """Tasks that are out, and their claims."""
    used: int
    maxmemory: int
    """What to give it: with room for fragments, clients, and the copy while it saves."""
    cores: float


@dataclass(frozen=True, slots=True)
class Workers:
    """Of one agent: tasks of a run, handlers at work at once, processes, what they use."""

    agent: str
    tasks_per_run: int
    slots: int
    processes: int
    cores: float
    memory_mib: int
    """Of all its processes."""
    work_partitions: int


@dataclass(frozen=True, slots=True)
class FleetNeed:
    """The processes, and the partitions that let them share their work."""

    coordinators: int
    coordinator_cores: float
    coordinator_mib: int
    """Of one."""
    lanes: int
    dispatch_window: int
    """That lets each agent's handlers all be at work."""
    inbox_partitions: int
    workers: tuple[Workers, ...]
    kafka_cores: float
    partitions: int
    """Of all topics, without replicas."""


def redis_need(load: Load, found: Traffic, settings: Settings, known: Constants) -> RedisNeed:
    """Add up what active, waiting and ended runs take."""
    each = in_redis(load.run, known)
    life = settings.fleet.longest_run_seconds + settings.fleet.window_seconds
    active, waiting = found.runs_active * each.full, found.runs_waiting * each.waiting
    ended = load.runs_per_day * life // DAY_SECONDS * each.ended
    out = found.tasks_at_once * known.held.out
    used = active + waiting + ended + out
    return RedisNeed(
        active_run=each.full,
        waiting_run=each.waiting,
        ended_run=each.ended,
        active=active,
        waiting=waiting,
        ended=ended,
        ended_days=life / DAY_SECONDS,
        out=out,
        used=used,
        maxmemory=used * 1000 // known.assumed.redis_full,
        cores=cores(load, found, known.cpu.redis),
    )


def cores(load: Load, found: Traffic, cpu: Cpu, *, reads_all: bool = False) -> float:
    """Say how many cores a kind of process uses at the peak.

    `reads_all`: it handles values that lie in the payload store too, which others know by their reference alone.
    """
    size = load.run.payload_bytes
    seen = size if size <= INLINE_BYTES or reads_all else 0
    return found.runs_per_second * cpu.of(load.run.tasks, seen / _KIB) / 1e6


def fleet_need(
    load: Load, found: Traffic, settings: Settings, concurrency: int, known: Constants
) -> FleetNeed:
    """Say how many processes and partitions there must be; `concurrency`: handlers at once in one worker."""
    used = cores(load, found, known.cpu.coordinator)
    coordinators = max(_LEAST, math.ceil(used * 1000 / known.assumed.busy))
    workers = tuple(
        _workers(agent, count, load, found, concurrency, known)
        for agent, count in (("first", load.run.first), ("wide", load.run.wide), ("last", load.run.last))
        if count
    )
    lanes = _round(max(_LANES, _LANES_EACH * coordinators))
    window = max((math.ceil(each.slots / lanes) for each in workers), default=0)
    inbox = _round(max(_INBOX, coordinators))
    cache_mib = settings.fleet.run_cache_bytes // _MIB
    held_mib = math.ceil(found.runs_active * in_redis(load.run, known).full / coordinators / _MIB)
    return FleetNeed(
        coordinators=coordinators,
        coordinator_cores=used,
        coordinator_mib=known.memory.coordinator_mib + min(cache_mib, held_mib),
        lanes=lanes,
        dispatch_window=max(settings.fleet.dispatch_window, window),
        inbox_partitions=inbox,
        workers=workers,
        kafka_cores=cores(load, found, known.cpu.kafka),
        partitions=lanes + 3 * inbox + 2 + sum(each.work_partitions for each in workers),
    )


def _workers(  # noqa: PLR0913, PLR0917 - what each agent is reckoned from
    agent: str, count: int, load: Load, found: Traffic, concurrency: int, known: Constants
) -> Workers:
    slots = math.ceil(found.tasks_at_once * count / load.run.tasks)
    used = cores(load, found, known.cpu.worker, reads_all=True) * count / load.run.tasks
    by_slots, by_cores = math.ceil(slots / concurrency), math.ceil(used * 1000 / known.assumed.busy)
    processes = max(_LEAST, by_slots, by_cores)
    # Each handler has what it was given, and what it gives.
    values = 2 * slots * load.run.payload_bytes // _MIB
    memory = processes * known.memory.worker_mib + slots * known.memory.handler_kib // _KIB + values
    return Workers(agent, count, slots, processes, used, memory, _round(max(_LANES, processes)))


def _round(count: int) -> int:
    """Round up to a power of two, which leaves room and divides evenly."""
    return 1 << (count - 1).bit_length()
