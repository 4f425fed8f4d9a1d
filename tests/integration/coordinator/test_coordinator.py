"""Coordinators, a real worker and a client on real Kafka and a real Redis-protocol server."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from pydantic import SecretStr

from argosy import Argosy, Context, Pipeline, Reject, RunFailed, Unreachable, agent
from argosy.agents.worker import Worker
from argosy.broker import provision
from argosy.broker.cluster import KafkaCluster
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.redis import RedisStore
from argosy.console.valkey_server import flush_all
from argosy.coordinator.service import Coordinator
from argosy.schemas.settings import FleetSettings, KafkaSettings, RedisSettings, Settings
from support.leftovers import leftovers
from support.stack import StackThread
from support.waiting import eventually

pytestmark = pytest.mark.timeout(600)


@agent(concurrency=64, backoff_seconds=0.1)
async def left(ctx: Context, text: str) -> str:  # noqa: ARG001
    await asyncio.sleep(0.01)
    if text == "bad":
        message = "a bad text"
        raise Reject(message)
    return f"left {text}"


@agent(concurrency=64, backoff_seconds=0.1)
async def right(ctx: Context, text: str) -> str:  # noqa: ARG001
    return f"right {text}"


@agent(concurrency=64, backoff_seconds=0.1)
async def joined(ctx: Context, one: str, two: str) -> str:  # noqa: ARG001
    return f"{one}, {two}"


AGENTS = (left, right, joined)

diamond = Pipeline("diamond", takes=str, gives=str)
diamond.returns(diamond.step(joined, diamond.step(left, diamond.input), diamond.step(right, diamond.input)))


@dataclass
class RealFleet:
    """What runs in this process, each part with connections of its own, as processes have."""

    settings: Settings
    payloads: MemoryPayloads
    store: RedisStore
    tasks: asyncio.TaskGroup
    coordinators: list[tuple[Coordinator, asyncio.Task[None]]]

    def coordinator(self, stop: asyncio.Event) -> None:
        cluster, store = KafkaCluster(self.settings.kafka), RedisStore(self.settings.redis)
        made = Coordinator(self.settings, cluster, store, self.payloads, name=f"c{len(self.coordinators)}")

        async def run() -> None:
            try:
                await made.run(stop)
            finally:
                await cluster.close()
                await store.close()

        self.coordinators.append((made, self.tasks.create_task(run())))

    async def worker(self, stop: asyncio.Event) -> None:
        cluster, store = KafkaCluster(self.settings.kafka), RedisStore(self.settings.redis)
        try:
            await Worker(self.settings, cluster, store, self.payloads, AGENTS).run(stop)
        finally:
            await cluster.close()
            await store.close()

    async def live(self) -> bool:
        found = [made.live_lanes for made, task in self.coordinators if not task.done()]
        return frozenset[int]().union(*found) == frozenset(range(self.settings.fleet.lanes))


@asynccontextmanager
async def real_fleet(stack: StackThread, coordinators: int) -> AsyncGenerator[tuple[RealFleet, Argosy]]:
    # A worker whose loop stands still for a lease ends its process: here that is the tests' own.
    name = f"t{uuid4().hex[:10]}"
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers=stack.bootstrap_servers, topic_prefix=name, work_partitions=2),
        redis=RedisSettings(url=SecretStr(stack.redis_url), key_prefix=name),
        fleet=FleetSettings(lanes=3, renew_seconds=0.5, lease_seconds=30.0, patience_seconds=2.0),
    )
    cluster, store, payloads = KafkaCluster(settings.kafka), RedisStore(settings.redis), MemoryPayloads()
    stop = asyncio.Event()
    try:
        await provision.ensure(cluster, settings, [found.name for found in AGENTS])
        async with asyncio.TaskGroup() as tasks:
            fleet = RealFleet(settings, payloads, store, tasks, [])
            for _ in range(coordinators):
                fleet.coordinator(stop)
            tasks.create_task(fleet.worker(stop))
            await eventually(fleet.live, "every lane is live")
            async with Argosy(settings, cluster, store, payloads) as client:
                yield fleet, client
            stop.set()
    finally:
        stop.set()
        await cluster.close()
        await store.close()


async def nothing_left(fleet: RealFleet) -> None:
    async def empty() -> bool:
        return not await leftovers(fleet.store, fleet.settings.redis.key_prefix)

    try:
        await eventually(empty, "nothing is left over in Redis")
    except AssertionError:
        assert await leftovers(fleet.store, fleet.settings.redis.key_prefix) == []


async def test_runs_end_with_their_results_on_two_coordinators(stack: StackThread) -> None:
    async with real_fleet(stack, coordinators=2) as (fleet, client):
        # Alone: what a hundred runs have to tell at once may be too much for Kafka, and then is not told.
        alone = await client.submit(diamond, "text")
        assert [event.kind async for event in alone.events()][-1] == "ended"
        runs = [await client.submit(diamond, f"text {n}", run_id=f"run-{n}") for n in range(100)]
        bad = await client.submit(diamond, "bad")
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == [f"left text {n}, right text {n}" for n in range(100)]
        with pytest.raises(RunFailed, match="a bad text"):
            await bad.result(timeout_seconds=150)
        assert await runs[0].state() == "succeeded"
        assert [event async for event in runs[0].events()]
        await nothing_left(fleet)


async def test_runs_end_when_redis_is_wiped_and_a_coordinator_dies_meanwhile(stack: StackThread) -> None:
    async with real_fleet(stack, coordinators=2) as (fleet, client):
        runs = [await client.submit(diamond, f"text {n}", run_id=f"run-{n}") for n in range(60)]
        await runs[5].result(timeout_seconds=150)
        await flush_all(stack.redis_port)
        runs += [await client.submit(diamond, f"text {n}", run_id=f"run-{n}") for n in range(60, 120)]
        await runs[65].result(timeout_seconds=150)
        fleet.coordinators[0][1].cancel()
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == [f"left text {n}, right text {n}" for n in range(120)]
        await nothing_left(fleet)


async def test_a_submit_while_kafka_is_away_says_so_at_its_deadline() -> None:
    settings = Settings(kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1", send_deadline_seconds=1.0))
    with pytest.raises(Unreachable):
        async with Argosy.connect(settings):
            pass
