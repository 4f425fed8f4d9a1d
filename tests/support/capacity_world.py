"""Runs of known shapes on real servers, stopped where they hold most: what they wrote and held, by run."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from argosy.broker import provision
from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Partition
from argosy.broker.redis import RedisStore
from argosy.client.connection import Argosy
from argosy.client.run import Run
from support import capacity_app, capacity_taken
from support.capacity_app import AGENTS, asked, layered
from support.capacity_taken import Count
from support.fleet import RealFleet, real_fleet

APP: Final = Path(capacity_app.__file__)
PREFIX: Final = "argosy"
_LOOK_SECONDS: Final = 0.1
_LIMIT_SECONDS: Final = 240.0
_QUIET: Final = {
    "ARGOSY_TELEMETRY__LOG_LEVEL": "warning",
    "ARGOSY_FLEET__DISPATCH_WINDOW": "100000",  # nobody works while runs are looked at
    "ARGOSY_FLEET__DISPATCH_WINDOW_LEAST": "100000",
    "ARGOSY_FLEET__PATIENCE_SECONDS": "600",  # and nothing is sent again
    "ARGOSY_FLEET__LEASE_SECONDS": "60",  # or because a busy machine gave somebody no turn
    "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "45",
    "ARGOSY_WORKER__PER_PARTITION": "5000",
}


@dataclass(frozen=True)
class Asked:
    """So many runs of one shape."""

    depth: int
    width: int
    payload_bytes: int
    runs: int = 3
    waits: bool = False

    @property
    def joins(self) -> bool:
        """Say whether it has a last task."""
        return self.depth > 2

    @property
    def tasks(self) -> int:
        """Count the tasks of one run."""
        return (self.depth > 1) + self.joins + self.width * max(1, self.depth - 2)


@dataclass
class Measured:
    """What the runs of one shape took, each."""

    asked: Asked
    pipeline_bytes: int
    written: Mapping[str, Count] = field(default_factory=dict[str, Count])
    """Of all its runs."""
    begun: float = 0.0
    full: float = 0.0
    ended: float = 0.0


@dataclass
class World:
    """A real fleet of one coordinator, and eyes on its servers."""

    fleet: RealFleet
    cluster: KafkaCluster
    store: RedisStore
    client: Argosy

    async def held(self) -> Mapping[str, int]:
        """Say what each run's hash takes."""
        return await capacity_taken.by_run(self.store, PREFIX)

    async def counted(self) -> int:
        """Say what the lanes count for the runs under way, against the fleet's bound of bytes."""
        keys = [key.decode() async for key in self.store.scan(f"{PREFIX}:*:load")]
        return sum([int((await self.store.hmget(key, ["bytes"]))[0] or 0) for key in keys])

    async def until(self, what: Callable[[], Awaitable[bool]]) -> None:
        """Wait until an awaitable question is answered with yes."""
        async with asyncio.timeout(_LIMIT_SECONDS):
            while not await what():  # noqa: ASYNC110 - another process has no event
                await asyncio.sleep(_LOOK_SECONDS)

    async def settled(self, runs: int) -> None:
        """Wait until so many runs are known, and nothing is owed to Kafka."""

        async def done() -> bool:
            found = await capacity_taken.of_redis(self.store, PREFIX)
            return found.get("run", Count()).number == runs and not {"outbox", "ready"} & set(found)

        await self.until(done)

    async def at_rest(self, run_ids: Sequence[str]) -> None:
        """Wait until runs wait for their time."""

        async def done() -> bool:
            keys = [key.decode() async for key in self.store.scan(f"{PREFIX}:*:run:*")]
            waiting = [key for key in keys if key.rpartition(":run:")[2] in run_ids]
            return all([(await self.store.hmget(key, ["a:sleep:rest"]))[0] is not None for key in waiting])

        await self.until(done)

    async def appended(self, topic: str, records: int) -> None:
        """Wait until a topic has so many records."""
        name = f"{PREFIX}.{topic}"
        places = [Partition(name, number) for number in range(await self.cluster.partitions(name))]

        async def done() -> bool:
            return sum(end for _, end in (await self.cluster.all_edges(places)).values()) >= records

        await self.until(done)


@asynccontextmanager
async def capacity_world(folder: Path) -> AsyncGenerator[World]:
    """Start servers and a coordinator; no worker yet."""
    async with real_fleet(folder, coordinators=0, app=APP, variables=_QUIET) as fleet:
        cluster = KafkaCluster(fleet.settings.kafka, "capacity")
        store = RedisStore(fleet.settings.redis)
        try:
            await provision.ensure(cluster, fleet.settings, [*AGENTS, "resting"])
            await fleet.coordinator("coordinator-1")
            async with Argosy.connect(fleet.settings) as client:
                yield World(fleet, cluster, store, client)
        finally:
            await cluster.close()
            await store.close()


async def measure(world: World, shapes: Sequence[Asked]) -> tuple[list[Measured], int]:
    """Run all shapes side by side, in three acts: before the first worker, before the last tasks, to the end.

    With them comes what the lanes counted before the last tasks.
    """
    runs = {each: await _submit(world, each) for each in shapes}
    many = sum(len(started) for started in runs.values())
    await world.settled(many)
    begun = await world.held()
    await world.fleet.worker("worker-1", ["first", "wide"])
    joined = sum(each.runs for each in shapes if each.joins and not each.waits)
    waiting = sum(each.runs for each in shapes if each.waits)
    await world.appended("tasks.last", joined)
    await world.appended("results", many - joined - waiting)
    await world.at_rest([run.run_id for each in shapes if each.waits for run in runs[each]])
    await world.settled(many)
    full, counted = await world.held(), await world.counted()
    await world.fleet.worker("worker-2", ["last"])
    await asyncio.gather(*(run.result() for each in shapes if not each.waits for run in runs[each]))
    await world.settled(many)
    ended = await world.held()
    written = await capacity_taken.of_kafka(world.cluster, PREFIX)
    found = [
        Measured(
            each,
            len(layered(each.depth, waits=each.waits).compile().model_dump_json().encode()),
            _of(written, runs[each]),
            _mean(begun, runs[each]),
            _mean(full, runs[each]),
            _mean(ended, runs[each]),
        )
        for each in shapes
    ]
    return found, counted


async def _submit(world: World, each: Asked) -> list[Run[Any]]:
    pipeline = layered(each.depth, waits=each.waits)
    value = asked(each.depth, each.width, each.payload_bytes)
    return [await world.client.submit(pipeline, value) for _ in range(each.runs)]


def _mean(held: Mapping[str, int], runs: Iterable[Run[Any]]) -> float:
    sizes = [held[run.run_id] for run in runs]
    return sum(sizes) / len(sizes)


def _of(written: Mapping[tuple[str, str], Count], runs: Iterable[Run[Any]]) -> Mapping[str, Count]:
    ids = {run.run_id for run in runs}
    found: defaultdict[str, Count] = defaultdict(Count)
    for (run_id, name), count in written.items():
        if run_id in ids:
            found[name] = found[name].more(count.bytes, count.number)
    return found
