"""What limits a fleet first: what it needs of each thing that has an end, beside how much of it there is. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from argosy.console.plan_capacity_constants import Constants
from argosy.console.plan_capacity_fleet import FleetNeed, RedisNeed
from argosy.console.plan_capacity_kafka import KafkaNeed
from argosy.console.plan_capacity_load import Load, Traffic
from argosy.coordinator.wants import MOST_SHARDS
from argosy.schemas.payload import INLINE_BYTES
from argosy.schemas.settings import Settings

GIB: Final = 1024**3


@dataclass(frozen=True, slots=True)
class Given:
    """What there is, beside what the settings say."""

    redis_gib: float
    disk_gib: float | None = None
    """Of all brokers together."""
    model_tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Wall:
    """One thing that has an end. `share` above 1 is over it."""

    name: str
    needed: float
    there: float
    unit: str
    ends: Literal["setting", "machine", "design"]
    """What makes it end: a setting can be raised, a machine be larger; a design needs another plan."""
    do: str

    @property
    def share(self) -> float:
        """How much of it is needed."""
        return self.needed / self.there


@dataclass(frozen=True, slots=True)
class Needs:
    """What was reckoned before."""

    load: Load
    traffic: Traffic
    redis: RedisNeed
    kafka: KafkaNeed
    fleet: FleetNeed


def walls(needs: Needs, settings: Settings, given: Given, known: Constants) -> list[Wall]:
    """List them, the first to be met first."""
    found = [
        *_redis(needs, given, known),
        *_bounds(needs, settings, known),
        *_shares_of_work(needs, settings, known),
        *_one_run(needs, settings, known),
    ]
    if given.disk_gib is not None:
        cure = (
            "most is the run log, which is kept for twice longest run + window: shorten these, write smaller values, "
            "or values over 64 KiB, which lie in the payload store"
        )
        found.append(
            Wall("Kafka's disks", needs.kafka.bytes_kept / GIB, given.disk_gib, "GiB", "machine", cure)
        )
    if given.model_tokens_per_minute is not None:
        need = needs.traffic.model_tokens_per_minute
        cure = "ask for more, use a smaller model, or spread the peak: more workers don't help"
        found.append(Wall("model tokens", need, given.model_tokens_per_minute, "tokens/min", "machine", cure))
    return sorted(found, key=lambda wall: -wall.share)


def _redis(needs: Needs, given: Given, known: Constants) -> Iterator[Wall]:
    redis = needs.redis
    there = given.redis_gib * known.assumed.redis_full / 1000
    yield Wall("Redis memory", redis.used / GIB, there, "GiB", "machine", _memory_cure(redis))
    busy = known.assumed.busy / 1000
    cure = "a faster core; then split the load over fleets, each with a prefix and a Redis of its own"
    yield Wall("Redis's one core", redis.cores, busy, "cores", "design", cure)


def _memory_cure(redis: RedisNeed) -> str:
    parts = {
        "most is what ended runs leave: let them return something small (a large value's reference takes "
        "little), or shorten ARGOSY_FLEET__LONGEST_RUN_SECONDS and WINDOW_SECONDS": redis.ended,
        "most is runs that wait: let them hold less when they begin to (small results, or values over 64 KiB, "
        "which lie in the payload store)": redis.waiting,
        "most is runs under way: smaller results, or values over 64 KiB, which lie in the payload store": (
            redis.active + redis.out
        ),
    }
    return max(parts, key=lambda text: parts[text])


def _bounds(needs: Needs, settings: Settings, known: Constants) -> Iterator[Wall]:
    fleet, load = settings.fleet, needs.load
    runs = needs.traffic.runs_active + needs.traffic.runs_waiting
    cure = "raise ARGOSY_FLEET__MOST_RUNS, if Redis has the memory: what comes above it waits"
    yield Wall("runs at once", runs, fleet.most_runs, "runs", "setting", cure)
    counted = needs.redis.active + needs.redis.waiting + runs * load.run.tasks * known.held.counted
    cure = "raise ARGOSY_FLEET__MOST_RUN_BYTES, if Redis has the memory: what comes above it waits"
    yield Wall(
        "bytes of runs at once", counted / GIB, fleet.most_run_bytes / GIB, "GiB, as counted", "setting", cure
    )


def _shares_of_work(needs: Needs, settings: Settings, known: Constants) -> Iterator[Wall]:
    fleet, busy = settings.fleet, known.assumed.busy / 1000
    lanes = f"a new fleet with ARGOSY_FLEET__LANES={needs.fleet.lanes}: the number never changes under runs"
    yield Wall("lanes", needs.fleet.coordinator_cores, fleet.lanes * busy, "cores", "setting", lanes)
    if needs.fleet.workers:
        most = max(needs.fleet.workers, key=lambda each: each.slots)
        cure = f"set ARGOSY_FLEET__DISPATCH_WINDOW={needs.fleet.dispatch_window}"
        cure += f", with {lanes}" if needs.fleet.lanes > fleet.lanes else ""
        yield Wall(
            "tasks of one agent that may be out",
            most.slots,
            fleet.lanes * fleet.dispatch_window,
            "tasks",
            "setting",
            cure,
        )
        cure = "raise ARGOSY_KAFKA__WORK_PARTITIONS (at any time), or --concurrency of the workers"
        partitions = settings.kafka.work_partitions
        yield Wall("workers of one agent", most.processes, partitions, "processes", "setting", cure)
    kafka = needs.kafka
    held = needs.fleet.partitions * kafka.replicas
    cure = "more brokers, or fewer work partitions of agents that have little to do"
    yield Wall(
        "partitions of Kafka",
        held,
        kafka.brokers * known.assumed.kafka_partitions,
        "partitions",
        "machine",
        cure,
    )


def _one_run(needs: Needs, settings: Settings, known: Constants) -> Iterator[Wall]:
    load, run = needs.load, needs.load.run
    if run.maps:
        cure = "split the list: a map of maps, or more runs"
        yield Wall("width of a map", run.width, MOST_SHARDS, "shards", "design", cure)
    worked = load.run.depth * load.task_seconds
    seen = (
        run.payload_bytes if run.payload_bytes <= INLINE_BYTES else 0
    )  # else a lane sees its reference alone
    folded = known.cpu.coordinator.of(run.tasks, seen / 1024) / 1e6
    cure = "a run has one lane, which is one core's work: split it into several runs"
    yield Wall("the lane of one run", folded, max(worked, 1.0), "s of its time", "design", cure)
    cure = "raise ARGOSY_FLEET__LONGEST_RUN_SECONDS: topics and tombstones are then kept longer"
    longest = settings.fleet.longest_run_seconds
    yield Wall("time of a run", worked + load.wait_seconds, longest, "s", "setting", cure)
