"""Faults that are made of messages: old ones again, undecodable ones, offsets set back, members that come and go."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from argosy.broker import inside
from argosy.broker.topics import TopicNames
from argosy.client.connection import Argosy
from argosy.console.chaos_arena import OWN_APP, WORK_PARTITIONS, Arena
from argosy.pipelines.discover import discover
from argosy.schemas.errors import Unreachable
from argosy.schemas.runlog import TaskSettled
from argosy.testing.chaos_plan import Strike
from argosy.testing.outside import Line, Witness

_RECENT: Final = 40
"""Records of each partition that may be written once more."""
_AGAIN_SECONDS: Final = 0.5
_BLOCKED_LEASES: Final = 2.5
_POISON_KEY: Final = b"poison"
"""No id that a fleet gives: those of runs end with a number."""
_VERSION_9: Final = (("ce_specversion", b"1.0"), ("ce_type", b"argosy.no.such.v1"), ("ce_id", b"x"))
_POISON: Final[tuple[tuple[bytes, tuple[tuple[str, bytes], ...]], ...]] = (
    (b"\x00\xff\xfe nothing", ()),
    (b"[" * 20_000, (("ce_id", b"deep"), *_VERSION_9[:1])),
    (b"{}", (("ce_type", b"\xff\xfe"),)),
    (b'{"task_id": 7}', (*_VERSION_9, ("ce_source", b"\xff"))),
)


@asynccontextmanager
async def _producer(arena: Arena) -> AsyncGenerator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=arena.stack.bootstrap_servers)
    try:
        await producer.start()
        yield producer
    finally:
        await inside.close(producer)


async def duplicates(arena: Arena, strike: Strike) -> str:
    """Append recent submits, orders and settles once more, as retries of their senders would."""
    chance = random.Random(strike.dice)  # noqa: S311 - a reproducible choice, no secret
    names = TopicNames(arena.settings.kafka.topic_prefix)
    async with Witness(arena.stack.bootstrap_servers, names.prefix) as witness:
        ends = await witness.ends()
        since = {where: max(0, end - _RECENT) for where, end in ends.items()}
        lines = [line for line in await witness.read(since) if _is_repeated(names, line)]
    async with _producer(arena) as producer:
        sent: list[Awaitable[object]] = []
        for line in chance.sample(lines, min(len(lines), _RECENT)):
            assert line.record is not None  # noqa: S101 - what was read from Kafka has one
            record, headers = line.record, list(line.record.headers)
            sent += [
                await producer.send(line.topic, record.value, record.key, line.partition, headers=headers)
                for _ in range(chance.randint(1, 3))
            ]
        await asyncio.gather(*sent)
    return f"{len(sent)} copies of old records" if sent else ""


def is_poison(line: Line) -> bool:
    """Tell poison of ours: whether a send that was not answered arrived is known from Kafka alone."""
    return line.record is not None and line.record.key == _POISON_KEY


def _is_repeated(names: TopicNames, line: Line) -> bool:
    if line.topic == names.runs:
        return isinstance(line.message, TaskSettled)
    return line.message is not None and (line.topic == names.inbox or names.agent_of(line.topic) is not None)


async def poison(arena: Arena, strike: Strike) -> str:
    """Append what nobody can decode, to the inbox and to every agent's work."""
    chance = random.Random(strike.dice)  # noqa: S311 - as above
    names = TopicNames(arena.settings.kafka.topic_prefix)
    topics = [names.inbox, *(names.tasks(agent) for agent in arena.cast.agents)]
    async with _producer(arena) as producer:
        for topic in topics:
            value, headers = chance.choice(_POISON)
            await producer.send_and_wait(topic, value, _POISON_KEY, 0, headers=list(headers))
    return f"{len(topics)} undecodable records"


async def replay(arena: Arena, strike: Strike) -> str:
    """Stop the workers of an agent, set its committed offsets to the beginning, let them come back."""
    (agent,) = strike.victims
    names, supervisor = TopicNames(arena.settings.kafka.topic_prefix), arena.stack.supervisor
    workers = [name for name, agents in arena.crew.items() if agent in agents.split(",")]
    try:
        async with asyncio.TaskGroup() as group:
            for name in workers:
                group.create_task(supervisor.rest(name), name=f"rest {name}")
        offsets = await _set_back(arena, names.group(agent), names.tasks(agent))
    finally:
        async with asyncio.TaskGroup() as group:
            for name in workers:
                group.create_task(supervisor.resume(name), name=f"resume {name}")
    return f"{agent} reads {offsets} orders again" if offsets else ""


async def _set_back(arena: Arena, group: str, topic: str) -> int:
    """Commit the beginning; return how many orders lie behind it. Kafka refuses while the group has members."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=arena.stack.bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    until = asyncio.get_running_loop().time() + 3 * arena.shape.session_seconds
    try:
        await consumer.start()
        partitions = [TopicPartition(topic, number) for number in range(WORK_PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        while True:
            try:
                await consumer.commit(dict.fromkeys(partitions, 0))
            except KafkaError:
                if asyncio.get_running_loop().time() > until:
                    return 0
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return sum(ends.values())
    finally:
        await inside.close(consumer)


async def rebalances(arena: Arena, strike: Strike) -> str:
    """Join the group of an agent and leave it, again and again; who joins does no work."""
    (agent,) = strike.victims
    names = TopicNames(arena.settings.kafka.topic_prefix)
    loop = asyncio.get_running_loop()
    until, times = loop.time() + strike.seconds, 0
    while loop.time() < until:
        consumer = AIOKafkaConsumer(
            names.tasks(agent),
            bootstrap_servers=arena.stack.bootstrap_servers,
            group_id=names.group(agent),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(arena.shape.session_seconds * 1000),
            rebalance_timeout_ms=int(arena.shape.session_seconds * 1000),
            heartbeat_interval_ms=500,
        )
        try:
            async with asyncio.timeout(2 * arena.shape.session_seconds):
                await consumer.start()
                while not consumer.assignment():  # noqa: ASYNC110 - the broker says when, in its own time
                    await asyncio.sleep(0.05)
            times += 1
        except (KafkaError, TimeoutError):
            await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            await inside.close(consumer)
    return f"{times} members of {agent} came and went" if times else ""


async def killer(arena: Arena, strike: Strike) -> str:
    """Submit a task that ends every process that runs it; it must end as poison, and nobody else's task with it."""
    await _submit(arena, "killer", "boom", f"killer-{strike.number}", "failed/poison")
    return "a task that kills was submitted"


async def block_loop(arena: Arena, strike: Strike) -> str:
    """Submit a task that blocks its worker's event loop, once, for longer than its lease."""
    seconds = _BLOCKED_LEASES * arena.shape.lease_seconds
    await _submit(arena, "blocker", seconds, f"blocker-{strike.number}", "succeeded")
    return f"a task that blocks for {seconds:g} s was submitted"


async def _submit(arena: Arena, pipeline: str, value: str | float, run_id: str, ends: str) -> None:
    """Submit until it is acknowledged; other faults may be under way."""
    found = discover(OWN_APP).pipeline(pipeline)
    while run_id not in arena.expected:
        try:
            async with Argosy.connect(arena.settings) as fleet:
                await fleet.submit(found.compile(), value, run_id=run_id)
        except Unreachable:
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            arena.expected[run_id] = ends
