"""What meets one process of a simulation: death, sleep, a wrong clock, a bad connection."""

import random
from collections.abc import Callable, Mapping
from typing import Final

from argosy.testing.faults import Event, Kind
from argosy.testing.process import Process
from argosy.testing.redis_lost import RedisLost
from argosy.testing.stage import Stage
from argosy.testing.wire import NETWORK, Fate
from argosy.testing.world import Doors

_FATES: Final[Mapping[Kind, tuple[Fate | None, ...]]] = {
    "reply_lost": ("reply lost",),
    "request_lost": ("request lost",),
    "late": ("late",),
    "torn": (None, None, "reply lost", "request lost"),
}
_SLOW: Final[tuple[Fate, ...]] = ("slow", "slow", "slow", "request lost")
"""On a line that is slow: some requests are given up there."""


class ProcessFaults:
    """Lets events meet the life that a name has then; one that is stopped, or dead, is spared."""

    def __init__(self, stage: Stage, redis: RedisLost, chance: random.Random) -> None:
        """Let `chance` choose the connection."""
        self._stage, self._world, self._redis, self._chance = stage, stage.world, redis, chance

    def meet(self, event: Event) -> None:
        """Let an event happen to its process."""
        process = self._stage.supervisor.find(event.who)
        doors = self._stage.supervisor.doors(event.who)
        if process is None or doors is None or process.state != "up":
            return
        if event.kind in _FATES or event.kind in {"deaf", "cut_off", "split", "slow"}:
            self._disturb(event.kind, process, doors, event.amount)
        else:
            self._harm(event.kind, process, event.amount)

    def mend(self) -> None:
        """Let every process reach every service again, and forget deaths to come."""
        for name in self._stage.supervisor.names:
            doors = self._stage.supervisor.doors(name)
            if doors is not None:
                self._world.broker.heal(doors.kafka.name)
                doors.redis.heal()
                self._redis.joined(doors)
                for wire in doors.wires.values():
                    wire.fates.clear()
        for process in self._world.observer.processes.values():
            process.last_step = None

    def _harm(self, kind: Kind, process: Process, amount: float) -> None:
        supervisor = self._stage.supervisor
        match kind:
            case "crash":
                supervisor.crash(process)
            case "crash_soon":
                process.last_step = process.steps + int(amount)
            case "terminate":
                process.begin(_set(process))
            case "pause":
                supervisor.pause(process, amount)
            case "block":
                supervisor.pause(process, amount, threads=True)
            case _:
                process.skew_seconds += amount

    def _disturb(self, kind: Kind, process: Process, doors: Doors, amount: float) -> None:
        match kind:
            case "deaf":
                self._world.broker.deafen(process.full_name)
                self._later(amount, lambda: self._world.broker.heal(process.full_name))
            case "cut_off":
                doors.redis.deafen()
                self._later(amount, doors.redis.heal)
            case "split":
                self._redis.split(doors, amount)
                self._later(amount, lambda: self._redis.joined(doors))
            case "slow":
                for wire in doors.wires.values():
                    wire.fates.extend(self._chance.choice(_SLOW) for _ in range(int(amount)))
            case _:
                services = [
                    "redis",
                    "redis",
                    "kafka",
                    *(["payloads"] if self._world.payloads.objects else []),
                ]
                wire = doors.wires[self._chance.choice(services)]
                wire.fates.extend(self._chance.choice(_FATES[kind]) for _ in range(int(amount)))

    def _later(self, seconds: float, do: Callable[[], object]) -> None:
        self._world.loop.call_later(seconds, do, context=NETWORK)


async def _set(process: Process) -> None:
    process.stop.set()
