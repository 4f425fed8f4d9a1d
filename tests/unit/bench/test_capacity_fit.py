"""From measured runs to constants: what went in comes out again."""

from typing import Final

import pytest

from argosy.console.plan_capacity_constants import Constants, constants
from argosy.console.plan_capacity_run import Shape, in_redis, written
from support.bench_modules import bench_module
from support.capacity_taken import Count
from support.capacity_world import Asked, Measured

fit = bench_module("capacity_fit")
KNOWN: Final = constants()
REFERENCE: Final = Asked(3, 8, 600, 10)
SHAPES: Final = (
    REFERENCE,
    Asked(3, 40, 600, 5),
    Asked(4, 8, 600, 5),
    Asked(3, 8, 600, 5, waits=True),
    Asked(3, 40, 3_000, 5),
    Asked(1, 8, 600, 5),
    Asked(3, 4, 70_000, 3),
)


def measured(asked: Asked, known: Constants) -> Measured:
    """Make what the calculator says look as if it had been measured."""
    document = known.records.pipeline + (asked.depth - 1) * known.records.layer
    run = Shape(asked.width, asked.depth, asked.payload_bytes, document)
    rows: dict[str, Count] = {}
    for row in written(run, known):
        name = row.what.replace("wide 1", "wide-1").replace("wide 2…", "wide-2")
        name = f"{name}-1" if name.endswith("wide") else name
        rows[f"{row.topic}/{name}"] = Count(row.number * asked.runs, row.number * row.bytes_each * asked.runs)
    held = in_redis(run, known)
    return Measured(asked, document, rows, held.begun, held.waiting if asked.waits else held.full, held.ended)


def test_the_sizes_of_records_are_found_again() -> None:
    found = fit.records([measured(asked, KNOWN) for asked in SHAPES], REFERENCE)
    off = {"pipeline", "layer"}  # of a document nothing but its whole is known
    for name, value in KNOWN.records.model_dump(exclude=off).items():
        assert found[name] == pytest.approx(value, abs=12), name


def test_the_sizes_of_state_are_found_again() -> None:
    runs = [measured(asked, KNOWN) for asked in SHAPES]
    active = [each for each in runs if each.asked.joins]
    counted = sum(
        each.asked.runs * (each.full + (each.asked.tasks - 1) * KNOWN.held.counted) for each in active
    )
    found = fit.held(runs, REFERENCE, counted)
    for name, value in KNOWN.held.model_dump(exclude={"out"}).items():
        assert found[name] == pytest.approx(value, abs=12), name


def test_cpu_is_split_into_what_runs_tasks_and_bytes_take() -> None:
    narrow, wide, heavy, check = (
        Asked(3, width, size) for width, size in ((1, 600), (48, 600), (48, 8_000), (9, 2_000))
    )
    used = {
        each: {name: cpu.of(each.tasks, each.payload_bytes / 1024) / 1e6 for name, cpu in KNOWN.cpu}
        for each in (narrow, wide, heavy, check)
    }
    found = fit.cpus(used, narrow, wide, heavy)
    for name, cpu in KNOWN.cpu:
        assert found[name] == pytest.approx(cpu.model_dump(), abs=0.2)
    assert fit.checked(used[check], found, check) == dict.fromkeys(used[check], 1.0)


def test_cpu_that_was_too_little_to_be_seen_is_none() -> None:
    narrow, wide, heavy = Asked(3, 1, 600), Asked(3, 48, 600), Asked(3, 48, 8_000)
    used = {narrow: {"kafka": 0.0}, wide: {"kafka": 0.02}, heavy: {"kafka": 0.01}}
    assert fit.cpus(used, narrow, wide, heavy)["kafka"]["kib"] == 0.0
    assert fit.cpus(used, narrow, wide, heavy)["kafka"]["run"] == 0.0
