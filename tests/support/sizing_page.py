"""Tables of `docs/sizing.md` that the calculator makes: `cd tests && python -m support.sizing_page`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from argosy.console.numbers import short
from argosy.console.plan_capacity import reckon
from argosy.console.plan_capacity_constants import Constants, constants
from argosy.console.plan_capacity_load import Load
from argosy.console.plan_capacity_run import in_redis, shape
from argosy.console.plan_capacity_text import number, size
from argosy.console.plan_capacity_walls import Given, Needs, walls
from argosy.schemas.settings import KafkaSettings, Settings
from argosy.testing.stage import plain_settings
from support.page_tables import renewed

PAGE: Final = Path(__file__).parents[2] / "docs" / "sizing.md"
LOADS: Final = (
    ("1,000 runs 1→8→1", 1_000, 8, 0.0),
    ("10,000", 10_000, 8, 0.0),
    ("100,000", 100_000, 8, 0.0),
    ("1,000,000", 1_000_000, 8, 0.0),
    ("1,000,000, each waits a day for somebody", 1_000_000, 8, 86_400.0),
    ("1,000,000 runs 1→98→1: 10⁸ tasks", 1_000_000, 98, 0.0),
    ("1,000,000 runs 1→998→1: 10⁹ tasks", 1_000_000, 998, 0.0),
)
PROCESSES: Final = ("coordinator", "worker", "kafka", "redis")


def settings() -> Settings:
    """Return those of a fleet that nobody has set anything of."""
    return plain_settings(lanes=8).model_copy(update={"kafka": KafkaSettings()})


def tables() -> dict[str, str]:
    """Return each table by the name of its marks."""
    known = constants()
    return {
        "loads": "\n".join(_loads(known)),
        "limits": "\n".join(_limits(known)),
        "state": "\n".join(_state(known)),
        "micros": "\n".join(_micros(known)),
        "sources": "\n".join(_sources(known)),
    }


def _needs(runs: int, width: int, wait_seconds: float, known: Constants) -> Needs:
    run = shape(width=width, depth=3, payload_bytes=1_000, known=known)
    load = Load(runs, run, tokens=2_000, task_seconds=10.0, wait_seconds=wait_seconds, peak=3.0)
    return reckon(load, settings(), known, concurrency=64, replicas=3)


def _loads(known: Constants) -> Iterator[str]:
    yield (
        "| a day | tasks a second, peak | handlers at work | model tokens a minute | Kafka a task | Kafka a day | "
        "on disks, 3 replicas | Redis used | coordinators, cores | lanes | workers | work partitions |"
    )
    yield f"|{'---|' * 12}"
    for name, runs, width, wait in LOADS:
        needs = _needs(runs, width, wait, known)
        kafka, fleet, found = needs.kafka, needs.fleet, needs.traffic
        yield (
            f"| {name} | {number(found.tasks_per_second)} | {short(found.tasks_at_once)} | "
            f"{short(found.model_tokens_per_minute)} | {size(kafka.bytes_per_task)} | {size(kafka.bytes_per_day)} | "
            f"{size(kafka.bytes_kept)} | {size(needs.redis.used)} | "
            f"{fleet.coordinators}, {number(fleet.coordinator_cores)} | {fleet.lanes} | "
            f"{sum(each.processes for each in fleet.workers):,} | "
            f"{max(each.work_partitions for each in fleet.workers):,} |"
        )


def _limits(known: Constants) -> Iterator[str]:
    yield "| a day | settings to raise | nearest limit of the machines | nearest limit of the design |"
    yield "|---|---|---|---|"
    for name, runs, width, wait in LOADS:
        found = walls(_needs(runs, width, wait, known), settings(), Given(redis_gib=16.0), known)
        over = [wall for wall in found if wall.ends == "setting" and wall.share > 1]
        raised = ", ".join(f"{wall.name} ({wall.share:,.1f} times)" for wall in over) or "none"
        machine = next(wall for wall in found if wall.ends == "machine")
        design = next(wall for wall in found if wall.ends == "design")
        yield f"| {name} | {raised} | {machine.name}: {machine.share:.1%} | {design.name}: {design.share:.1%} |"


def _state(known: Constants) -> Iterator[str]:
    yield "| run | just accepted | before its end | waiting | ended, for nine days |"
    yield "|---|---|---|---|---|"
    for name, width, payload in (
        ("1→1→1, values of 1 KB", 1, 1_000),
        ("1→8→1, values of 1 KB", 8, 1_000),
        ("1→100→1, values of 1 KB", 100, 1_000),
        ("1→1,000→1, values of 1 KB", 1_000, 1_000),
        ("1→8→1, values of 10 KB", 8, 10_000),
        ("1→8→1, values of 100 KB", 8, 100_000),
    ):
        held = in_redis(shape(width=width, depth=3, payload_bytes=payload, known=known), known)
        yield f"| {name} | {size(held.begun)} | {size(held.full)} | {size(held.waiting)} | {size(held.ended)} |"


def _micros(known: Constants) -> Iterator[str]:
    yield "| process | a run | a task | a KiB of its value | reckoned / measured, of another shape |"
    yield "|---|---|---|---|---|"
    for name in PROCESSES:
        cpu = getattr(known.cpu, name)
        yield f"| {name} | {cpu.run:.0f} µs | {cpu.task:.0f} µs | {cpu.kib:.0f} µs | {known.checked[name]:.2f} |"


def _sources(known: Constants) -> Iterator[str]:
    yield "| constants | where they come from |"
    yield "|---|---|"
    for name, source in known.sources.items():
        yield f"| `{name}` | {source} |"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), tables()), encoding="utf-8")
