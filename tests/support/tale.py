"""One story told to a simulated fleet: what is done to it and when, and the oracle at its end."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from argosy import Run
from argosy.broker.keys import LaneKeys, kind_of
from argosy.broker.log import Outgoing, Partition
from argosy.broker.script import Arg, Script
from argosy.coordinator.rebuild import rebuild
from argosy.schemas.ids import lane_of
from argosy.testing.gate import GATE
from argosy.testing.mischief import Mischief
from argosy.testing.oracle import Finding, Oracle
from argosy.testing.process import Process
from argosy.testing.simulation import short_settings
from argosy.testing.stage import Stage, agents_of
from argosy.testing.witness import Witness
from argosy.testing.world import World
from support.seeds import quietly
from support.tale_cast import AT_EFFECT, KNOWN, MADE, PIPELINES, two

_QUIET_SECONDS = 120.0


@dataclass
class Tale:
    """The fleet, and what a story does to it. Its coroutines run inside the simulation."""

    stage: Stage
    mischief: Mischief
    handled: list[str] = field(default_factory=list)
    """Tasks whose handlers began, in order."""
    handlers: dict[str, str] = field(default_factory=dict[str, str])
    """The process in which the handler of a task began last."""

    @property
    def world(self) -> World:
        return self.stage.world

    async def submit(self, text: str, run_id: str, *, deadline_seconds: float | None = None) -> Run[str]:
        return await self.stage.client.submit(two, text, run_id=run_id, deadline_seconds=deadline_seconds)

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until something is so; that it never is, is the failure."""
        async with asyncio.timeout(_QUIET_SECONDS):
            while not true():  # noqa: ASYNC110 - virtual time, and nobody rings
                await asyncio.sleep(0.01)

    async def rebuild_all(self) -> None:
        """Have every lane's state dropped and made again from the log."""
        for lane in range(self.world.settings.fleet.lanes):
            await rebuild(self.stage.doors.redis, LaneKeys(self.world.settings.redis.key_prefix, lane))

    def process(self, name: str) -> Process:
        found = self.stage.supervisor.find(name)
        assert found is not None
        return found

    def crash(self, name: str) -> None:
        self.stage.supervisor.crash(self.process(name))

    def pause(self, name: str, seconds: float) -> None:
        self.stage.supervisor.pause(self.process(name), seconds)

    def here(self) -> str:
        """Name the process that runs now."""
        process = GATE.get()
        assert isinstance(process, Process)
        return process.name

    def life(self, name: str) -> int:
        """Say how often a process was started."""
        return self.process(name).life

    def lose_redis(self, writes: int | None = None) -> None:
        """Let Redis lose everything, or come back without its last writes."""
        self.mischief.losses.append(self.world.loop.time())
        if writes is None:
            self.world.server.wipe()
        else:
            self.world.server.restart(writes)

    def keys(self, lane: int) -> LaneKeys:
        return LaneKeys(self.world.settings.redis.key_prefix, lane)

    def hashes(self, kind: str) -> dict[str, dict[bytes, bytes]]:
        """Return what Redis holds in keys of a kind, by key."""
        held = self.world.server.dump().items()
        return {
            key.decode(): cast("dict[bytes, bytes]", value)
            for key, value in held
            if kind_of(key.decode()) == kind
        }

    def runs_in(self, lane: int, count: int) -> list[str]:
        """Name runs that lie in a lane."""
        lanes, names = self.world.settings.fleet.lanes, (f"r-{number}" for number in range(10_000))
        return [next(name for name in names if lane_of(name, lanes) == lane) for _ in range(count)]

    def log(self, lane: int) -> Partition:
        return Partition(self.world.names.runs, lane)

    def results(self) -> int:
        """Count the records of results."""
        return len(self.records("argosy.results", "run.ended"))

    def at_record(self, kind: str, do: Callable[[str], object]) -> None:
        """Do something, once, the moment that a record of this kind is in its topic; it is told who wrote it."""
        left = [True]

        def appended(who: str, record: Outgoing, _partition: int, _offset: int) -> None:
            if left[0] and f".{kind}.".encode() in dict(record.headers).get("ce_type", b""):
                left[0] = False
                do(who)

        self.world.observer.on_append.append(appended)

    def at_commit(self, of: str, do: Callable[[str], object]) -> None:
        """Do something, once, the moment that a commit has written something of this name; it is told whose."""
        left = [True]

        def ran(who: str, script: Script, _keys: object, args: Sequence[Arg], _reply: object) -> None:
            if left[0] and script.name == "commit" and of in args:
                left[0] = False
                do(who)

        self.world.observer.on_script.append(ran)

    def kill(self, who: str) -> None:
        """Kill whoever a record came from."""
        self.stage.supervisor.crash(self.world.observer.processes[who])

    def records(self, topic: str, kind: str) -> list[Outgoing]:
        """Return records of a topic, ready to be written again."""
        return [
            Outgoing(record.topic, record.key or b"", record.value or b"", record.headers, record.partition)
            for number in range(self.world.broker.sizes()[topic])
            for record in self.world.broker.log(Partition(topic, number)).all()
            if f".{kind}.".encode() in dict(record.headers).get("ce_type", b"")
        ]


def tell(  # noqa: PLR0913 - all by name
    story: Callable[[Tale], Awaitable[None]],
    *,
    coordinators: int = 1,
    workers: int = 1,
    seed: int = 0,
    fleet: Mapping[str, float] | None = None,
    worker: Mapping[str, float] | None = None,
    allowed: frozenset[str] = frozenset(),
) -> Tale:
    """Tell a story; then all must come to rest, and no promise be broken but what the story is about (`allowed`)."""
    MADE.clear()
    KNOWN.clear()
    AT_EFFECT.clear()
    settings = short_settings(random.Random(seed), **(fleet or {}))  # noqa: S311 - repeatable, no secret
    settings.worker = settings.worker.model_copy(update=dict(worker or {}))
    world = World(settings, seed=seed)
    stage = Stage(agents_of(PIPELINES), world, count_tokens=len)
    mischief = Mischief(stage, seed)
    tale, oracle = Tale(stage, mischief), Oracle(world)
    findings = Witness(stage, mischief.damage).findings

    def handles(who: str, task_id: str, _attempt: int) -> None:
        tale.handled.append(task_id)
        tale.handlers[task_id] = world.observer.processes[who].name

    world.observer.on_handler.append(handles)

    async def told() -> None:
        names = {f"worker-{n}": list(stage.agents) for n in range(1, workers + 1)}
        await stage.start(coordinators, names)
        await story(tale)
        with suppress(TimeoutError):  # the oracle says below what is not at rest
            await tale.until(lambda: next(oracle.leftovers(), None) is None)

    try:
        with quietly():
            world.loop.run_until_complete(told())
        findings += oracle.findings()
        findings += [Finding("left over", text) for text in oracle.leftovers()]
        findings += [Finding("defect", text) for text in stage.supervisor.defects]
        findings = [finding for finding in findings if finding.kind not in allowed]
        assert not findings, "\n".join([*map(str, findings), *str(world.trace).splitlines()[-60:]])
    finally:
        world.close()
    return tale
