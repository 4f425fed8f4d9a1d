"""A worker between twins (or real services), no coordinator: the test writes the runs that claims are judged by."""

# ruff: noqa: ANN401 - settings and contracts are passed through

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import JsonValue

from argosy.agents.claim import Claim, Claims
from argosy.agents.handler_context import ModelSource
from argosy.agents.hold import Held, Holding, Holds
from argosy.agents.order import Order
from argosy.agents.worker import Worker
from argosy.broker.keys import LaneKeys
from argosy.broker.log import Cluster, Outgoing, Partition
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.broker.script import Script
from argosy.broker.store import Payloads, Store
from argosy.broker.topics import TopicNames, plan
from argosy.pipelines.agent import Agent
from argosy.schemas.codec import decode_body, encode_body
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.facts import Want
from argosy.schemas.ids import lane_of
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import StepRecorded, TaskSettled
from argosy.schemas.settings import FleetSettings, KafkaSettings, RedisSettings, Settings, WorkerSettings
from argosy.schemas.task import TaskDispatched, TaskInput

T = TypeVar("T")

EPOCH = "1"
_HSET = Script.of_text("hset", "return redis.call('HSET', KEYS[1], unpack(ARGV))")
_DEL = Script.of_text("del", "return redis.call('DEL', KEYS[1])")
_LIVE = Script.of_text("live", "--! prelude\nreturn redis.call('SET', KEYS[1], identity())")
WAIT_SECONDS = 150.0


async def eventually(ask: Callable[[], Awaitable[T]], enough: Callable[[T], bool]) -> T:
    """Ask until the answer is enough; that it never is, is the failure."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not enough(found := await ask()):  # noqa: ASYNC110 - what a server holds rings no bell
            await asyncio.sleep(0.003)
    return found


async def until(true: Callable[[], object]) -> None:
    """Wait on a condition of this process."""

    async def ask() -> bool:
        return bool(true())

    await eventually(ask, bool)


@dataclass
class Clock:
    """Epoch seconds of the twin's server, which a test can move."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def fast_settings(prefix: str, *, lanes: int = 2, **worker: Any) -> Settings:
    """Settings under which nothing is waited for that a test waits for; leases stay long: tests move the clock."""
    return Settings(
        kafka=KafkaSettings(topic_prefix=prefix, work_partitions=2),
        redis=RedisSettings(key_prefix=prefix),
        fleet=FleetSettings(lanes=lanes, lease_seconds=10.0, renew_seconds=0.05),
        worker=WorkerSettings.model_validate({"drain_seconds": 2.0, "grace_seconds": 0.3, **worker}),
    )


def input_of(name: str, value: JsonValue) -> TaskInput:
    return TaskInput(name=name, source=Inline(value=value, bytes=2, tokens=1))


async def claim_one(claims: Claims, order: Order, fence: str, *, suspects: bool = True) -> Claim:
    """Claim one attempt by itself."""
    (claim,) = await claims.claim(order.body.lane, [(order, fence)], suspects=suspects)
    return claim


async def store_one(holds: Holds, store: Store, holding: Holding) -> Held:
    """Hold on to one claim, with a result or without."""
    (said,) = await holds.store_results(store, holding.order.body.lane, [holding])
    return said


@dataclass
class Bench:
    """Services, and what a coordinator would have written into them."""

    settings: Settings
    cluster: Cluster
    store: Store
    payloads: Payloads
    clock: Clock = field(default_factory=Clock)
    lane: int = 0
    _workers: "list[RunningWorker]" = field(default_factory=list["RunningWorker"])

    @property
    def topics(self) -> TopicNames:
        return TopicNames(self.settings.kafka.topic_prefix)

    @property
    def keys(self) -> LaneKeys:
        return LaneKeys(self.settings.redis.key_prefix, self.lane)

    async def create(self, *agents: str) -> None:
        await self.cluster.create(plan(self.settings, agents))

    @staticmethod
    def partition(topic: str, number: int) -> Partition:
        return Partition(topic, number)

    def advance(self, seconds: float) -> None:
        """Let time pass, for the twin's server and for what is parked."""
        self.clock.ahead += seconds
        for running in self._workers:
            for desk in running.worker.desks:
                desk.brought()

    async def checkpoint(self, epoch: str = EPOCH) -> None:
        await self.store.run(_HSET, [self.keys.checkpoint], ["epoch", epoch, "chain", "c"])

    async def live(self) -> None:
        """Mark the lane live, as its owner's commit would."""
        await self.checkpoint()
        await self.store.run(_LIVE, [self.keys.live], [])

    async def not_live(self) -> None:
        await self.store.run(_DEL, [self.keys.live], [])

    async def run(self, run_id: str, *, epoch: str = EPOCH, st: str = "active", **tasks: str) -> None:
        """Write a run's hash: `tasks` are the fields that say how each task is, as `research="r 1"`."""
        fields = [part for name, state in tasks.items() for part in (f"t:{name}", state)]
        await self.store.run(_HSET, [self.keys.run(epoch, run_id)], ["st", st, *fields])

    async def field(self, task_id: str, name: str) -> bytes | None:
        return (await self.store.hmget(self.keys.task(task_id), [name]))[0]

    async def write(self, task_id: str, *fields: str | int | bytes) -> None:
        await self.store.run(_HSET, [self.keys.task(task_id)], fields)

    def dispatch(
        self,
        agent: Agent[..., Any],
        task_id: str,
        *inputs: TaskInput,
        attempt: int = 1,
        wants: Sequence[Want] = (),
        deadline_seconds: float = 3600.0,
        **contract: Any,
    ) -> TaskDispatched:
        terms = agent.contract.model_copy(update=contract)
        deadline_ms = int((self.clock() + deadline_seconds) * 1000)  # as Redis tells the time: rounded down
        return TaskDispatched(
            task_id=task_id,
            step=task_id.split("/")[1],
            agent=agent.name,
            attempt=attempt,
            lane=self.lane,
            inputs=inputs,
            wants=tuple(wants),
            contract=terms,
            window=1000,
            deadline_ms=deadline_ms,
            run_deadline_ms=deadline_ms,
        )

    async def order(
        self, agent: Agent[..., Any], task_id: str, *inputs: TaskInput, **options: Any
    ) -> tuple[int, int]:
        """Dispatch a task; return where the record lies."""
        return await self.send(self.dispatch(agent, task_id, *inputs, **options))

    async def send(self, body: TaskDispatched, *, topic: str | None = None) -> tuple[int, int]:
        envelope = Envelope(
            kind=TaskDispatched.KIND,
            id=f"{body.task_id}#{body.attempt}",
            source="test",
            subject=body.task_id.split("/")[0],
            cause=7,
        )
        topic = topic or self.topics.tasks(body.agent)
        return await self.raw(topic, body.task_id, encode_body(body), envelope.headers())

    async def raw(
        self, topic: str, key: str, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> tuple[int, int]:
        return await (await self.cluster.producer()).send(Outgoing(topic, key.encode(), value, headers, 0))

    async def log(self) -> list[tuple[Envelope, Any]]:
        """Read the lane's part of the run log."""
        return [
            (read_envelope(record.headers), decode_body(read_envelope(record.headers), record.value))
            async for record in self.cluster.scan(Partition(self.topics.runs, self.lane), 0)
        ]

    async def settled(self) -> list[TaskSettled]:
        return [body for _, body in await self.log() if isinstance(body, TaskSettled)]

    async def recorded(self) -> list[StepRecorded]:
        return [body for _, body in await self.log() if isinstance(body, StepRecorded)]

    async def until_settled(self, count: int = 1) -> list[TaskSettled]:
        async with asyncio.timeout(WAIT_SECONDS):
            while len(found := await self.settled()) < count:
                await self._look()
        return found

    async def dead(self) -> list[DeadLetter]:
        letters = self.cluster.scan(Partition(self.topics.dead, 0), 0)
        bodies = [decode_body(read_envelope(record.headers), record.value) async for record in letters]
        return [body for body in bodies if isinstance(body, DeadLetter)]

    async def committed(self, agent: Agent[..., Any], partition: int = 0) -> int:
        view = await self.cluster.group(self.topics.group(agent.name))
        return view.committed.get(Partition(self.topics.tasks(agent.name), partition), 0)

    async def until_committed(self, agent: Agent[..., Any], offset: int) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while await self.committed(agent) < offset:
                await self._look()

    async def _look(self) -> None:
        """Wait a little; a worker that has died is the answer to why nothing comes."""
        for running in self._workers:
            if running.task.done() and not running.task.cancelled() and (error := running.task.exception()):
                raise error
        await asyncio.sleep(0.005)

    @asynccontextmanager
    async def worker(
        self,
        *agents: Agent[..., Any],
        settings: Settings | None = None,
        cluster: Cluster | None = None,
        models: ModelSource | None = None,
        end: Callable[[str], None] | None = None,
    ) -> "AsyncGenerator[RunningWorker, None]":
        """Run a worker; at the end it is stopped and must leave in good order."""
        worker = Worker(
            settings or self.settings,
            cluster or self.cluster,
            self.store,
            self.payloads,
            agents,
            models=models,
            count_tokens=lambda text: len(text) // 4 + 1,
            end=end or _fail,
            clock=lambda: time.monotonic() + self.clock.ahead,
        )
        running = RunningWorker(worker)
        self._workers.append(running)
        running.task = asyncio.create_task(worker.run(running.stop), name="worker")
        try:
            yield running
            running.stop.set()
            if not running.task.cancelled():
                async with asyncio.timeout(WAIT_SECONDS):
                    await running.task
        finally:
            running.task.cancel()
            await asyncio.wait({running.task})


@dataclass
class RunningWorker:
    worker: Worker
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None]" = field(init=False)

    @property
    def parked(self) -> int:
        return sum(desk.parked for desk in self.worker.desks)

    @property
    def count(self) -> int:
        """Attempts that run or are being settled."""
        return sum(desk.running for desk in self.worker.desks)

    @property
    def open(self) -> int:
        return sum(desk.intake.open for desk in self.worker.desks)

    @property
    def assigned(self) -> int:
        return sum(desk.intake.assigned_count for desk in self.worker.desks)

    async def crash(self) -> None:
        """End it as kill -9 would, as far as that can be had inside a process: nothing is handed back."""
        self.task.cancel()
        await asyncio.wait({self.task})


def _fail(why: str) -> None:
    raise AssertionError(why)


def memory_bench(**worker: Any) -> tuple[Bench, MemoryBroker, MemoryServer]:
    """A bench of twins, with the two servers whose faults a test may make."""
    clock = Clock()
    broker, server = MemoryBroker(), MemoryServer(clock=clock)
    settings = fast_settings(f"t{uuid4().hex[:8]}", **worker)
    bench = Bench(settings, MemoryKafka(broker), MemoryRedis(server), MemoryPayloads(), clock)
    bench.lane = lane_of("run-1", settings.fleet.lanes)
    return bench, broker, server
