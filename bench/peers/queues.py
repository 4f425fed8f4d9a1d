"""Peers that take tasks from a queue: how each is run at its best, and how it is told what came out."""

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from peers.arms.tally import Tally
from peers.bench import ARMS, Bench, Round, check
from peers.watching import between, run

TASKS_DATABASE, RESULTS_DATABASE = 1, 2
PARTITIONS = 8
"""As many as argosy gives the topic of an agent."""
WAIT_SECONDS = 1.0
CELERY_QUIETLY = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "error")
"""One worker has nobody to talk to."""


class Comes(Enum):
    """How a peer's results are seen from outside."""

    AS_KEYS = "a key of Redis for each"
    OUT_OF_QUEUE = "arq's queue loses an entry with each"
    AS_RECORDS = "a record of Kafka for each"


@dataclass(frozen=True, slots=True)
class QueuePeer:
    """A peer: `worker` gives its command for a task's name and a number of slots, the environment's programs first."""

    name: str
    module: str
    worker: Callable[[str, int], tuple[str, ...]]
    comes: Comes
    settings: str
    guarantees: str
    slots: int
    """For a drain."""
    variables: Callable[[int], dict[str, str]] = lambda _: {}
    wait_settings: str = ""
    """How it waits best; empty: as it drains, with as many slots as are asked for."""

    @property
    def environment(self) -> str:
        """Name its lock."""
        return self.module.removesuffix("_arm")

    @property
    def servers(self) -> tuple[str, ...]:
        """Name what it stands on."""
        return ("kafka",) if self.comes is Comes.AS_RECORDS else ("valkey",)


@dataclass(frozen=True, slots=True)
class _Order:
    """What one round is about: which task, how many, in how many slots."""

    task: str
    tasks: int
    slots: int


Progress = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class _Filled:
    """A queue that holds all tasks of a round."""

    progress: Progress
    variables: dict[str, str]
    tally: Tally


async def drain(bench: Bench, peer: QueuePeer) -> Round:
    """Fill a queue with no-op tasks, then start one worker: from a tenth of the results to the last one."""
    tasks, watch = bench.sizes.drained, bench.watch(*peer.servers)
    order = _Order("noop", tasks, peer.slots)
    async with _filled(bench, peer, order) as filled, _worker(bench, peer, order, filled):
        began, before = await watch.until("worker", filled.progress, tasks // 10)
        ended, after = await watch.until("worker", filled.progress, tasks)
        note = check(filled.tally)
    used = between(began, ended)
    return Round(used, after - before, (after - before) / used.seconds, note)


async def wait(bench: Bench, peer: QueuePeer, slots: int) -> Round:
    """Fill a queue with tasks that wait for a second, then start one worker with so many slots.

    Ideal would be that all slots are taken from the first handler's begin to the last one's end.
    """
    tasks, watch = slots * bench.sizes.waves, bench.watch(*peer.servers)
    order = _Order("wait", tasks, slots)
    async with _filled(bench, peer, order) as filled, _worker(bench, peer, order, filled):
        done = _done(filled.tally, tasks)
        began, _ = await watch.until("worker", done, 1)
        ended, _ = await watch.until("worker", done, tasks)
        note = check(filled.tally)
        took = filled.tally.ended - filled.tally.began
    return Round(between(began, ended), tasks, bench.sizes.waves * WAIT_SECONDS / took, note)


def _done(tally: Tally, tasks: int) -> Progress:
    async def progress() -> int:
        return tasks - tally.missing

    return progress


@asynccontextmanager
async def _worker(bench: Bench, peer: QueuePeer, order: _Order, filled: _Filled) -> AsyncGenerator[None]:
    program, *arguments = peer.worker(order.task, order.slots)
    argv = (bench.environments.program(peer.environment, program), *arguments)
    async with bench.child("worker", argv, filled.variables):
        yield


@asynccontextmanager
async def _filled(bench: Bench, peer: QueuePeer, order: _Order) -> AsyncGenerator[_Filled]:
    tally = bench.tally(order.tasks)
    async with _progress(bench, peer.comes, order.tasks) as (progress, more):
        variables = bench.variables(**more, **peer.variables(order.slots))
        python = bench.environments.program(peer.environment, "python")
        await run((python, f"{peer.module}.py", "fill", order.task, str(order.tasks)), ARMS, variables)
        yield _Filled(progress, variables, tally)


@asynccontextmanager
async def _progress(
    bench: Bench, comes: Comes, tasks: int
) -> AsyncGenerator[tuple[Progress, dict[str, str]]]:
    match comes:
        case Comes.AS_KEYS | Comes.OUT_OF_QUEUE:
            async with databases(bench) as results:
                progress = _keys(results) if comes is Comes.AS_KEYS else _out_of_queue(results, tasks)
                yield progress, {}
        case Comes.AS_RECORDS:
            async with _topics(bench) as (progress, source, sink):
                yield progress, {"PEER_SOURCE": source, "PEER_SINK": sink}
        case _:
            assert_never(comes)


@asynccontextmanager
async def databases(bench: Bench) -> AsyncGenerator[Redis]:
    """Empty what the peers on Redis use, before and after; gives the one that takes results."""
    async with (
        Redis.from_url(f"{bench.redis}/{TASKS_DATABASE}") as queue,
        Redis.from_url(f"{bench.redis}/{RESULTS_DATABASE}") as results,
    ):
        await queue.flushdb()
        await results.flushdb()
        try:
            yield results
        finally:
            await queue.flushdb()
            await results.flushdb()


def _keys(results: Redis) -> Progress:
    async def progress() -> int:
        return int(await results.dbsize())

    return progress


def _out_of_queue(results: Redis, tasks: int) -> Progress:
    async def progress() -> int:
        return tasks - int(await results.zcard("arq:queue"))

    return progress


@asynccontextmanager
async def _topics(bench: Bench) -> AsyncGenerator[tuple[Progress, str, str]]:
    prefix = f"peer-{secrets.token_hex(4)}"
    source, sink = f"{prefix}-in", f"{prefix}-out"
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.stack.bootstrap_servers)
    ends = AIOKafkaConsumer(bootstrap_servers=bench.stack.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in (source, sink)])
        await ends.start()
        partitions = [TopicPartition(sink, number) for number in range(PARTITIONS)]

        async def progress() -> int:
            return sum((await ends.end_offsets(partitions)).values())

        yield progress, source, sink
        await admin.delete_topics([source, sink])
    finally:
        await ends.stop()
        await admin.close()
