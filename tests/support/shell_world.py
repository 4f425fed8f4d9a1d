"""A whole coordinator on the in-memory twins, with scripted workers that settle without claims."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue

from argosy import Context, Pipeline, agent
from argosy.broker import provision
from argosy.broker.facts import answer
from argosy.broker.keys import LaneKeys
from argosy.broker.log import Outgoing
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.broker.topics import TopicNames
from argosy.broker.values import encode_value, to_payload
from argosy.client.connection import Argosy
from argosy.coordinator.service import Coordinator
from argosy.schemas.codec import Message, decode_body, encode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.fault import Fault
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.settings import FleetSettings, Settings
from argosy.schemas.task import TaskDispatched

Handler = Callable[[TaskDispatched], JsonValue | Fault | None]
"""What a scripted worker does: a value, a fault, or None to let the dispatch fall."""


@agent(retries=1, backoff_seconds=0.05)
async def first(ctx: Context, text: str) -> str:  # noqa: ARG001
    return text


@agent(retries=1, backoff_seconds=0.05)
async def second(ctx: Context, text: str) -> str:  # noqa: ARG001
    return text


@agent(retries=1, backoff_seconds=0.05)
async def both(ctx: Context, left: str, right: str) -> str:  # noqa: ARG001
    return left + right


@agent(retries=0)
async def one_of_many(ctx: Context, item: str) -> str:  # noqa: ARG001
    return item


hello = Pipeline("hello", takes=str, gives=str)
hello.returns(hello.step(first, hello.input))

diamond = Pipeline("diamond", takes=str, gives=str)
_left, _right = diamond.step(first, diamond.input), diamond.step(second, diamond.input)
diamond.returns(diamond.step(both, _left, _right))

many = Pipeline("many", takes=list[str], gives=list[str])
many.returns(many.map(one_of_many, over=many.input, max_parallel=64))

AGENTS = ("first", "second", "both", "one_of_many")


def settings_of(**fleet: float) -> Settings:
    """Short waits, two lanes."""
    quick: dict[str, float] = {
        "lanes": 2,
        "renew_seconds": 0.05,
        "lease_seconds": 0.2,
        "lane_heartbeat_seconds": 0.05,
        "patience_seconds": 0.3,
        "patience_most_seconds": 2.0,
        "unknown_pipeline_seconds": 0.3,
    }
    return Settings(fleet=FleetSettings.model_validate({**quick, **fleet}))


def patient(**fleet: float) -> Settings:
    """Return the same, but that nothing is sent again for want of an answer: dispatches may then be counted."""
    return settings_of(**{"patience_seconds": 60, "patience_most_seconds": 60, **fleet})


@dataclass
class Process:
    """A coordinator that runs."""

    coordinator: Coordinator
    kafka: MemoryKafka
    stop: asyncio.Event
    task: asyncio.Task[None]

    def kill(self) -> None:
        """As -9 would: it says no goodbye, and its group learns of it by its session's end, which is now."""
        self.kafka.broker.deafen(self.kafka.name)
        self.task.cancel()
        self.kafka.broker.expel(self.kafka.name)


@dataclass
class ShellWorld:
    """The twins and what runs on them."""

    settings: Settings
    kafka: MemoryKafka
    server: MemoryServer
    payloads: MemoryPayloads
    handler: Handler = field(default=lambda _: "done")
    processes: list[Process] = field(default_factory=list[Process])
    seen: list[TaskDispatched] = field(default_factory=list[TaskDispatched])

    @property
    def names(self) -> TopicNames:
        return TopicNames(self.settings.kafka.topic_prefix)

    async def start(self) -> Process:
        """Start one more coordinator; it shares the lanes with the others."""
        kafka = self.kafka.view(f"coordinator-{len(self.processes)}")
        coordinator = Coordinator(
            self.settings, kafka, MemoryRedis(self.server), self.payloads, name=kafka.name
        )
        stop = asyncio.Event()
        process = Process(
            coordinator, kafka, stop, asyncio.create_task(coordinator.run(stop), name=kafka.name)
        )
        self.processes.append(process)
        return process

    async def all_live(self) -> None:
        """Wait until every lane is owned by somebody who publishes."""
        await self.until(
            lambda: (
                frozenset(range(self.settings.fleet.lanes))
                == frozenset[int]().union(
                    *(process.coordinator.live_lanes for process in self.processes if not process.task.done())
                )
            )
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(150):
            while not condition():
                for process in self.processes:
                    if process.task.done() and not process.task.cancelled():
                        process.task.result()
                await asyncio.sleep(0.005)

    async def send(self, topic: str, envelope: Envelope, value: bytes) -> str:
        """Produce as any client would; returns the position."""
        producer = await self.kafka.producer()
        partition, offset = await producer.send(
            Outgoing(topic, envelope.subject.encode(), value, envelope.headers())
        )
        return f"{partition}/{offset}"

    async def submit_raw(self, run_id: str, submit: RunSubmitted, time_ms: int | None = None) -> str:
        envelope = Envelope(submit.KIND, f"s-{run_id}", "test", subject=run_id, time_ms=time_ms)
        return await self.send(self.names.inbox, envelope, encode_body(submit))

    async def log(self, run_id: str, lane: int, body: Message) -> int:
        """Append to the run log as a trusted writer would."""
        producer = await self.kafka.producer()
        headers = Envelope(body.KIND, "x", "test", subject=run_id).headers()
        _, offset = await producer.send(
            Outgoing(self.names.runs, run_id.encode(), encode_body(body), headers, partition=lane)
        )
        return offset

    async def work(self, name: str) -> None:
        """Settle what is dispatched to one agent."""
        follower = self.kafka.follower(self.names.tasks(name))
        await follower.start(beginning=True)
        while True:
            for record in await follower.read(1.0):
                envelope = read_envelope(record.headers)
                order = decode_body(envelope, record.value)
                assert isinstance(order, TaskDispatched)
                self.seen.append(order)
                found = self.handler(order)
                if found is not None:
                    await self.settle(order, found, envelope)

    async def settle(self, order: TaskDispatched, found: JsonValue | Fault, envelope: Envelope) -> None:
        failed = isinstance(found, Fault)
        result = (
            None if isinstance(found, Fault) else await to_payload(encode_value(found), len, self.payloads)
        )
        facts = {} if isinstance(found, Fault) else await answer(found, order.wants, len, self.payloads)
        body = TaskSettled(
            task_id=order.task_id,
            facts=facts,
            attempt=order.attempt,
            outcome="failed" if failed else "succeeded",
            result=result,
            fault=found if isinstance(found, Fault) else None,
        )
        headers = Envelope(
            body.KIND, f"{order.task_id}#{order.attempt}", "w", subject=envelope.subject, cause=envelope.cause
        ).headers()
        producer = await self.kafka.producer()
        record = Outgoing(self.names.runs, envelope.subject.encode(), encode_body(body), headers, order.lane)
        await producer.send(record)

    def left_over(self) -> dict[str, object]:
        """What is in Redis besides what is permanent for each lane and tombstones with a TTL."""
        expiring = self.server.expiries()
        found = {
            key.decode(): value for key, value in self.server.dump().items() if expiring.get(key) is None
        }
        return {key: value for key, value in found.items() if not key.endswith((":lane", ":live", ":agents"))}


@asynccontextmanager
async def shell_world(
    settings: Settings | None = None,
    coordinators: int = 1,
    gap_rate: float = 0.0,
    agents: Sequence[str] = AGENTS,
) -> AsyncGenerator[ShellWorld]:
    """Coordinators, one scripted worker per agent; all of it is gone at the end."""
    settings = settings or settings_of()
    world = ShellWorld(
        settings, MemoryKafka(MemoryBroker(gap_rate=gap_rate)), MemoryServer(), MemoryPayloads()
    )
    await provision.ensure(world.kafka, settings, agents)
    workers = [asyncio.create_task(world.work(name), name=f"worker {name}") for name in agents]
    for _ in range(coordinators):
        await world.start()
    try:
        await world.all_live()
        yield world
    finally:
        world.kafka.broker.start()
        world.server.up()
        for process in world.processes:
            process.stop.set()
        for worker in workers:
            worker.cancel()
        await asyncio.wait([*(process.task for process in world.processes), *workers], timeout=150)
    for process in world.processes:
        assert process.task.done(), "a coordinator did not stop"
        if not process.task.cancelled():
            process.task.result()


@asynccontextmanager
async def client_of(world: ShellWorld) -> AsyncGenerator[Argosy]:
    """A client on the same twins."""
    async with AsyncExitStack() as stack:
        client = Argosy(world.settings, world.kafka.view("client"), MemoryRedis(world.server), world.payloads)
        yield await stack.enter_async_context(client)


def lane_hash(world: ShellWorld, lane: int) -> dict[str, str]:
    """Read a lane's checkpoint as it stands in Redis; empty if there is none."""
    key = LaneKeys(world.settings.redis.key_prefix, lane).checkpoint.encode()
    found = cast("dict[bytes, bytes]", world.server.dump().get(key, {}))
    return {name.decode(): value.decode() for name, value in found.items()}
