"""The services of a simulated fleet on one virtual clock, and the doors through which its processes reach them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from argosy.broker.log import Outgoing, Partition, Record
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.memory_server import MemoryServer
from argosy.broker.script import Arg, Reply, Script
from argosy.broker.topics import TopicNames
from argosy.coordinator import lane_record
from argosy.coordinator.event import Event
from argosy.schemas.settings import Settings
from argosy.telemetry import logs
from argosy.testing import machine
from argosy.testing.gate import GATE
from argosy.testing.observer import Observer
from argosy.testing.process import Process, Thread
from argosy.testing.trace import Trace
from argosy.testing.virtual_loop import VirtualLoop
from argosy.testing.wire import Network, Wire
from argosy.testing.wired_kafka import WiredKafka
from argosy.testing.wired_redis import WiredPayloads, WiredRedis

EPOCH_SECONDS: Final = 1_800_000_000.0
"""The wall clock at virtual second 0: a day in January 2027."""
WAY_SECONDS: Final = 0.003


@dataclass(frozen=True, slots=True)
class Doors:
    """Through which one life of one process reaches the services."""

    kafka: WiredKafka
    redis: WiredRedis
    payloads: WiredPayloads
    wires: Mapping[str, Wire]
    """By service: `kafka`, `redis`, `payloads`."""


class World:
    """Twins of Kafka, Redis and the payload store. It is also the `Machine` of all processes."""

    def __init__(
        self, settings: Settings, *, seed: int | str = 0, gap_rate: float = 0.0, trace: bool = True
    ) -> None:
        """`gap_rate`: see `MemoryBroker`. The seed decides the order of steps, the times of ways, all chance."""
        self.settings, self.seed = settings, seed
        self.names = TopicNames(settings.kafka.topic_prefix)
        self.loop = VirtualLoop(seed, around=lambda: machine.inhabited(self))  # type: ignore[abstract]  # no sockets
        self.network = Network(self.loop, seed, WAY_SECONDS)
        self.trace = Trace(self.loop.time, on=trace)
        self.observer = Observer(self.trace, self.names)
        self._chance = random.Random(f"world {seed}")  # noqa: S311 - repeatable, no secret
        self.clocks = {"kafka": 0.0, "redis": 0.0}
        """How far the services' clocks are ahead, in seconds."""
        self.broker = MemoryBroker(self._kafka_time, seed=self._chance.getrandbits(30), gap_rate=gap_rate)
        self.broker.session_seconds = settings.kafka.session_timeout_seconds
        self.broker.deadline_seconds = settings.kafka.send_deadline_seconds
        self.broker.travel = self.network.travel
        self.server = MemoryServer(clock=self._redis_time, seed="c0ffee")
        self._cut: dict[Partition, list[Record]] = {}
        self.order: dict[tuple[str, int, int], int] = {}
        """Which of all records each was, by topic, partition and offset: clocks may lie."""
        self._events: dict[int, tuple[Record, Event]] = {}
        self.payloads = MemoryPayloads(clock=self.true_time)

    def true_time(self) -> float:
        """Return epoch seconds."""
        return EPOCH_SECONDS + self.loop.time()

    def _kafka_time(self) -> float:
        return self.true_time() + self.clocks["kafka"]

    def _redis_time(self) -> float:
        return self.true_time() + self.clocks["redis"]

    def cut(self, where: Partition, before: int) -> None:
        """Let retention take what lies before an offset; the oracle still has it."""
        gone = [record for record in self.broker.log(where).all() if record.offset < before]
        self._cut.setdefault(where, []).extend(gone)
        self.broker.cut(where, before)

    def records(self, where: Partition) -> tuple[Record, ...]:
        """Return the records of a partition that were not lost, also those that retention took."""
        kept = self.broker.log(where).all()
        return (*self._cut[where], *kept) if where in self._cut else kept

    def event(self, record: Record) -> Event:
        """Decode a record of the run log, once."""
        found = self._events.get(id(record))
        if found is None:
            found = self._events[id(record)] = record, lane_record.read(record)
        return found[1]

    def doors(self, name: str) -> Doors:
        """Open the services to the process `name`."""
        seconds = self.settings.redis.timeout_seconds
        kafka = Wire(self.network, "Kafka", self.settings.kafka.send_deadline_seconds)
        redis, store = Wire(self.network, "Redis", seconds), Wire(self.network, "the payload store", seconds)
        observer = self.observer

        def appended(record: Outgoing, partition: int, offset: int) -> None:
            self.order[record.topic, partition, offset] = len(self.order)
            observer.appended(name, record, partition, offset)

        def answered(script: Script, keys: Sequence[str], args: Sequence[Arg], reply: Reply) -> None:
            observer.ran(name, script, keys, args, reply)

        def committed(group: str, offsets: Mapping[Partition, int]) -> None:
            observer.committed(name, group, offsets)

        return Doors(
            WiredKafka(self.broker, name, kafka, appended, committed, partial(observer.sends, name)),
            WiredRedis(self.server, redis, observer.asked, answered),
            WiredPayloads(self.payloads, store),
            {"kafka": kafka, "redis": redis, "payloads": store},
        )

    def close(self) -> None:
        """End the world: no request has an effect any more, and every task comes to its end, the dead ones' too."""
        self.network.closed = True
        with logs.hushed():  # what they say of a service that is gone is no news
            for process in self.observer.processes.values():
                process.end()
            self.loop.close()

    # -- the machine that a process runs on

    def wall(self) -> float:
        """See `Machine`."""
        process = _here()
        return self.true_time() + (process.skew_seconds if process else 0.0)

    def steady(self) -> float:
        """See `Machine`."""
        return self.loop.time()

    def block(self, seconds: float) -> None:
        """See `Machine`."""
        self.loop.take(seconds)

    def chance(self) -> random.Random:
        """See `Machine`."""
        process = _here()
        return process.chance if process else self._chance

    def number(self) -> int:
        """See `Machine`: which life it is."""
        process = _here()
        return process.life if process else 0

    def host(self) -> str:
        """See `Machine`: the process's own name."""
        process = _here()
        return process.name if process else "test"


def _here() -> Process | None:
    gate = GATE.get()
    if isinstance(gate, Thread):
        return gate.process
    return gate if isinstance(gate, Process) else None
