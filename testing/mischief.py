"""Makes the events of a simulation happen."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Final

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Outgoing, Partition
from argosy.broker.memory_server import OUT_OF_MEMORY, READ_ONLY
from argosy.coordinator.rebuild import rebuild
from argosy.schemas.errors import ArgosyError
from argosy.testing.damage import Damage
from argosy.testing.faults import Event, Kind
from argosy.testing.process_faults import ProcessFaults
from argosy.testing.records_lost import RecordsLost
from argosy.testing.redis_lost import RedisLost
from argosy.testing.stage import Stage
from argosy.testing.wire import NETWORK

_BEFORE_WAKING_SECONDS: Final = 0.5


class Mischief:
    """Sets a timer for each event; `mend` undoes all that lasts."""

    def __init__(self, stage: Stage, seed: int | str) -> None:
        """Let the seed decide what events leave open: which connection, which lane, which old dispatch."""
        self._stage, self._world = stage, stage.world
        self._chance = random.Random(f"mischief {seed}")  # noqa: S311 - repeatable, no secret
        self.damage = Damage()
        self.losses = self.damage.losses
        """When Redis lost something."""
        self.records = RecordsLost(self._world, self.damage, self._chance)
        self._redis = RedisLost(self._world, self.damage, self._chance)
        self._processes = ProcessFaults(stage, self._redis, self._chance)
        self._strikes = {**self._of_services(), **self._of_the_world()}
        self._away = self._aways()

    def plan(self, events: Sequence[Event]) -> None:
        """Let each event happen in its time, counted from now."""
        now = self._world.loop.time()
        for event in events:
            self._later(now + event.at - self._world.loop.time(), partial(self._happen, event))

    def mend(self) -> None:
        """Bring back all that is away."""
        for _, back in self._away.values():
            back()
        self._processes.mend()

    def _later(self, seconds: float, do: Callable[[], object]) -> None:
        self._world.loop.call_later(seconds, do, context=NETWORK)

    def _happen(self, event: Event) -> None:
        self._world.trace.note("FAULT", str(event))
        if event.kind == "sleep":
            self._sleep([event.who], event.amount)
        elif event.who:
            self._processes.meet(event)
        elif event.kind in self._away:
            away, back = self._away[event.kind]
            away()
            self._later(event.amount, back)
        else:
            self._strikes[event.kind](event.amount)

    def _aways(self) -> Mapping[Kind, tuple[Callable[[], object], Callable[[], object]]]:
        """Return what is away, or refuses, for some seconds: how it goes, and how it comes back."""
        server, broker, payloads = self._world.server, self._world.broker, self._world.payloads
        writes = partial(server.refuse_writes, "")
        return {
            "redis_down": (server.down, server.up),
            "redis_refuses": (server.refuse, partial(server.refuse, "")),
            "redis_read_only": (partial(server.refuse_writes, READ_ONLY), writes),
            "redis_full": (partial(server.refuse_writes, OUT_OF_MEMORY), writes),
            "kafka_down": (broker.stop, broker.start),
            "payloads_down": (payloads.down, payloads.up),
        }

    def _of_services(self) -> Mapping[Kind, Callable[[float], object]]:
        clocks = self._world.clocks
        return {
            "wipe": self._redis.wipe,
            "restart": self._redis.restart,
            "failover": self._redis.failover,
            "failback": self._redis.failback,
            "redis_clock": lambda seconds: clocks.update(redis=clocks["redis"] + seconds),
            "kafka_clock": lambda seconds: clocks.update(kafka=clocks["kafka"] + seconds),
            "tail_lost": lambda records: self.records.tail(int(records)),
            "cut": lambda _: self.records.cut(self._lane()),
            "retention": lambda _: self.records.old(),
            "payloads_lost": lambda count: self._lose_payloads(int(count)),
        }

    def _of_the_world(self) -> Mapping[Kind, Callable[[float], object]]:
        broker, runs = self._world.broker, self._world.names.runs
        return {
            "all_sleep": lambda seconds: self._sleep(self._stage.supervisor.names, seconds),
            "rebalance": lambda _: broker.rebalance(self._chance.choice(self._groups())),
            "offsets_lost": lambda _: self._lose_offsets(),
            "gap": lambda offsets: broker.skip(Partition(runs, self._lane()), int(offsets)),
            "again": lambda _: self._again(),
            "leaders_moved": lambda partitions: self._move_leaders(int(partitions)),
            "rebuild": lambda _: self._begin_rebuild(),
        }

    def _sleep(self, names: Sequence[str], seconds: float) -> None:
        """Let processes sleep until tombstones are gone; retention goes by meanwhile."""
        self.damage.slept = True
        for name in names:
            process = self._stage.supervisor.find(name)
            if process is not None:
                self._stage.supervisor.pause(process, seconds)
        self._later(seconds - _BEFORE_WAKING_SECONDS, self.records.old)

    def _lose_payloads(self, count: int) -> None:
        objects = self._world.payloads.objects
        for sha256 in self._chance.sample(sorted(objects), min(count, len(objects))):
            self.damage.payloads = True
            del objects[sha256], self._world.payloads.written[sha256]

    def _lose_offsets(self) -> None:
        """Offsets expire when nobody is there: who comes reads from the start."""
        group = self._chance.choice(self._groups())
        self._world.broker.groups(group).offsets.clear()
        self.damage.offsets = True
        self._world.broker.rebalance(group)

    def _groups(self) -> list[str]:
        names = self._world.names
        return [names.lanes, names.receivers, *(names.group(agent) for agent in sorted(self._stage.agents))]

    def _lane(self) -> int:
        return self._chance.randrange(self._world.settings.fleet.lanes)

    def _move_leaders(self, count: int) -> None:
        broker = self._world.broker
        places = [
            Partition(topic, number) for topic, many in broker.sizes().items() for number in range(many)
        ]
        for place in self._chance.sample(places, min(count, len(places))):
            broker.move_leader(place)

    def _again(self) -> None:
        """Append an old dispatch once more."""
        world = self._world
        topics = [world.names.tasks(agent) for agent in sorted(self._stage.agents)]
        records = [
            record
            for topic in topics
            for number in range(world.broker.sizes()[topic])
            for record in world.records(Partition(topic, number))
        ]
        if records:
            old = self._chance.choice(records)
            copy = Outgoing(old.topic, old.key or b"", old.value or b"", old.headers, old.partition)
            world.broker.append(copy)

    def _begin_rebuild(self) -> None:
        self.damage.rebuilt = True
        keys = LaneKeys(self._world.settings.redis.key_prefix, self._lane())
        self._world.loop.create_task(self._rebuild(keys), name="rebuild", context=Context())

    async def _rebuild(self, keys: LaneKeys) -> None:
        with suppress(ArgosyError):
            await rebuild(self._stage.doors.redis, keys)
