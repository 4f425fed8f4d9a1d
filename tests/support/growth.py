"""A simulated fleet that has done so many runs: what each cost in records and calls, and what it left in Redis."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final, cast

from argosy.broker.keys import kind_of
from argosy.broker.log import Partition
from argosy.client.run import Run
from argosy.testing.stage import Stage, plain_settings
from argosy.testing.world import World
from support.capacity_app import AGENTS, asked, first, last, layered, wide
from support.capacity_taken import record_bytes
from support.capacity_world import Asked

SHAPE: Final = Asked(depth=3, width=2, payload_bytes=100)
_FLOCK: Final = 100
"""Runs that are under way at once, however many there are to be."""
_SECONDS: Final = 30.0
"""Virtual: less than a waiting run waits, more than it needs to come to that."""


@dataclass(frozen=True, slots=True)
class Grown:
    """Of so many runs. Sizes in Redis are those of names and values."""

    runs: int
    records_per_task: float
    kafka_bytes_per_task: float
    redis_calls_per_task: float
    state_per_run: float
    """Of a run that waits, or of what one that ended has left."""
    other_state: int
    """All keys that are no run's."""
    cpu_micros_per_task: float
    """Of all processes and services together: they are one process here."""


def grown(runs: int, *, waiting: bool = False) -> Grown:
    """Do so many runs; `waiting`: leave each where it waits for a day, all of them at once."""
    world = World(plain_settings(), trace=False)
    try:
        stage = Stage({"first": first, "wide": wide, "last": last}, world, count_tokens=len)
        world.loop.run_until_complete(stage.start(1, {"worker-1": list(AGENTS)}))
        calls, began = world.server.units, time.process_time()
        world.loop.run_until_complete(_flocks(stage, runs, waiting=waiting))
        used, called = time.process_time() - began, world.server.units - calls
        return _looked_at(world, runs, used, called)
    finally:
        world.close()


async def _flocks(stage: Stage, runs: int, *, waiting: bool) -> None:
    pipeline, value = (
        layered(SHAPE.depth, waits=waiting),
        asked(SHAPE.depth, SHAPE.width, SHAPE.payload_bytes),
    )

    async def one(number: int) -> Run[Any]:
        return await stage.client.submit(pipeline, value, run_id=f"run-{number:08}")

    for begin in range(0, runs, _FLOCK):
        started = await asyncio.gather(*(one(number) for number in range(begin, min(begin + _FLOCK, runs))))
        if waiting:
            await asyncio.sleep(_SECONDS)
        else:
            await asyncio.gather(*(run.result() for run in started))
    await asyncio.sleep(_SECONDS)


def _looked_at(world: World, runs: int, cpu_seconds: float, calls: int) -> Grown:
    tasks = runs * SHAPE.tasks
    records = [record for log in _logs(world) for record in world.broker.log(log).all()]
    held = world.server.dump()
    of_runs = {key: value for key, value in held.items() if kind_of(key.decode()) == "run"}
    if len(of_runs) != runs:
        message = f"{len(of_runs)} of {runs} runs are known"
        raise RuntimeError(message)
    return Grown(
        runs=runs,
        records_per_task=len(records) / tasks,
        kafka_bytes_per_task=sum(map(record_bytes, records)) / tasks,
        redis_calls_per_task=calls / tasks,
        state_per_run=sum(len(key) + _size(value) for key, value in of_runs.items()) / runs,
        other_state=sum(len(key) + _size(held[key]) for key in held.keys() - of_runs.keys()),
        cpu_micros_per_task=cpu_seconds / tasks * 1e6,
    )


def _logs(world: World) -> list[Partition]:
    return [
        Partition(topic, number)
        for topic, partitions in world.broker.sizes().items()
        for number in range(partitions)
    ]


def _size(value: object) -> int:
    """Count the bytes of names and values, not what a server needs to find them."""
    match value:
        case bytes():
            return len(value)
        case dict():
            pairs = cast("dict[object, object]", value)
            return sum(_size(name) + _size(held) for name, held in pairs.items())
        case list() | tuple() | set() | frozenset():
            return sum(map(_size, cast("list[object]", value)))
        case _:
            return 8
