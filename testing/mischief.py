"""Makes the events of a simulation happen."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Final

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Outgoing, Partition
from argosy.coordinator.rebuild import rebuild
from argosy.schemas.errors import ArgosyError
from argosy.testing.faults import Event
from argosy.testing.process import Process
from argosy.testing.stage import Stage
from argosy.testing.wire import NETWORK, Fate

_FATES: Final[dict[str, Fate]] = {"reply_lost": "reply lost", "request_lost": "request lost", "late": "late"}


class Mischief:
    """Sets a timer for each event; `mend` undoes all that lasts."""

    def __init__(self, stage: Stage, seed: int | str) -> None:
        """Let the seed decide what events leave open: which connection, which lane, which old dispatch."""
        self._stage, self._world = stage, stage.world
        self._chance = random.Random(f"mischief {seed}")  # noqa: S311 - repeatable, no secret
        self.losses: list[float] = []
        """When Redis lost something."""

    def plan(self, events: Sequence[Event]) -> None:
        """Let each event happen in its time, counted from now."""
        now = self._world.loop.time()
        for event in events:
            self._later(now + event.at - self._world.loop.time(), partial(self._happen, event))

    def mend(self) -> None:
        """Bring back all that is away."""
        self._world.server.up()
        self._world.server.refuse("")
        self._world.broker.start()
        self._world.payloads.up()
        for name in self._stage.supervisor.names:
            self._hear(name)
        for process in self._world.observer.processes.values():
            process.last_step = None

    async def rebuild_all(self) -> None:
        """Have every lane's state dropped and made again from the log."""
        for lane in range(self._world.settings.fleet.lanes):
            await self._rebuild(LaneKeys(self._world.settings.redis.key_prefix, lane))

    def _later(self, seconds: float, do: Callable[[], object]) -> None:
        self._world.loop.call_later(seconds, do, context=NETWORK)

    def _happen(self, event: Event) -> None:
        self._world.trace.note("FAULT", str(event))
        if event.who:
            process = self._stage.supervisor.find(event.who)
            if process is not None and process.state == "up":
                self._meet(process, event)
        else:
            self._strike(event)

    def _meet(self, process: Process, event: Event) -> None:
        supervisor, amount = self._stage.supervisor, event.amount
        doors = supervisor.doors(process.name)
        match event.kind:
            case "crash":
                supervisor.crash(process)
            case "crash_soon":
                process.last_step = process.steps + int(amount)
            case "terminate":
                process.begin(_set(process))
            case "pause":
                supervisor.pause(process, amount)
            case "skew":
                process.skew_seconds += amount
            case "deaf":
                self._world.broker.deafen(process.full_name)
                self._later(amount, lambda: self._world.broker.heal(process.full_name))
            case "cut_off" if doors:
                doors.redis.deafen()
                self._later(amount, doors.redis.heal)
            case "reply_lost" | "request_lost" | "late" if doors:
                wire = doors.wires[self._chance.choice(("redis", "redis", "kafka"))]
                wire.fates.extend(_FATES[event.kind] for _ in range(int(amount)))
            case _:
                pass

    def _hear(self, name: str) -> None:
        doors = self._stage.supervisor.doors(name)
        if doors is not None:
            self._world.broker.heal(doors.kafka.name)
            doors.redis.heal()
            for wire in doors.wires.values():
                wire.fates.clear()

    def _strike(self, event: Event) -> None:
        world, amount = self._world, event.amount
        broker = world.broker
        if event.kind in {"wipe", "restart", "failover", "failback"}:
            self._lose(event.kind, int(amount))
        elif event.kind in {"redis_down", "redis_refuses", "kafka_down", "payloads_down"}:
            self._away(event.kind, amount)
        else:
            match event.kind:
                case "rebalance":
                    broker.rebalance(self._chance.choice(self._groups()))
                case "offsets_lost":
                    group = self._chance.choice(self._groups())
                    broker.groups(group).offsets.clear()
                    broker.rebalance(
                        group
                    )  # offsets expire when nobody is there: who comes reads from the start
                case "gap":
                    broker.skip(Partition(world.names.runs, self._lane()), int(amount))
                case "again":
                    self._again()
                case _:
                    keys = LaneKeys(world.settings.redis.key_prefix, self._lane())
                    world.loop.create_task(self._rebuild(keys), name="rebuild", context=Context())

    def _away(self, kind: str, seconds: float) -> None:
        server, broker, payloads = self._world.server, self._world.broker, self._world.payloads
        away, back = {
            "redis_down": (server.down, server.up),
            "redis_refuses": (server.refuse, lambda: server.refuse("")),
            "kafka_down": (broker.stop, broker.start),
            "payloads_down": (payloads.down, payloads.up),
        }[kind]
        away()
        self._later(seconds, back)

    def _lose(self, kind: str, writes: int) -> None:
        server = self._world.server
        self.losses.append(self._world.loop.time())
        match kind:
            case "wipe":
                server.wipe()
            case "restart":
                server.restart(writes)
            case "failover":
                server.failover(writes)
            case _:
                server.failover(writes)
                server.failover(0)

    def _groups(self) -> list[str]:
        names = self._world.names
        return [names.lanes, names.receivers, *(names.group(agent) for agent in sorted(self._stage.agents))]

    def _lane(self) -> int:
        return self._chance.randrange(self._world.settings.fleet.lanes)

    def _again(self) -> None:
        """Append an old dispatch once more."""
        world = self._world
        topics = [world.names.tasks(agent) for agent in sorted(self._stage.agents)]
        records = [
            record
            for topic in topics
            for number in range(world.broker.sizes()[topic])
            for record in world.broker.log(Partition(topic, number)).all()
        ]
        if records:
            old = self._chance.choice(records)
            copy = Outgoing(old.topic, old.key or b"", old.value or b"", old.headers, old.partition)
            world.broker.append(copy)

    async def _rebuild(self, keys: LaneKeys) -> None:
        with suppress(ArgosyError):
            await rebuild(self._stage.doors.redis, keys)


async def _set(process: Process) -> None:
    process.stop.set()
