"""One small fleet of the kill matrix: its own topics and keys, one coordinator and one worker that live on."""

import asyncio
import json
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from argosy.broker.keys import LaneKeys
from argosy.broker.redis import RedisStore
from argosy.client.connection import Argosy
from argosy.coordinator.rebuild import rebuild
from argosy.schemas.settings import Settings
from argosy.testing import ScriptedModels
from support.crash_history import Place
from support.crash_plain import Stored, left_over
from support.crash_points import VARIABLE, Role
from support.forks import Forks, Process
from support.ledger import Ledger
from support.patient_redis import patient
from support.small_fleet import PARTS, settings_of, variables_of
from support.starvation import is_starved
from support.valkey import Valkey
from support.waiting import eventually
from support.witness import Witness

APP: Final = Path(__file__).with_name("crash_app.py")
_LIMITS: Final = json.dumps({"*": {"requests_per_minute": 1200, "calls": 4, "burst_seconds": 5}})
"""Of the model, which all workers share."""
_PATIENCE_SECONDS: Final = 150.0
"""For an answer to whoever tries the fleet and judges it: a busy machine stands still for longer than users wait."""
_NUMBERS: Final = count(1)


@dataclass
class CrashWorld:
    """Made by `open_world`."""

    name: str
    folder: Path
    settings: Settings
    forks: Forks
    variables: dict[str, str]
    ledger: Ledger
    valkey: Valkey
    redis: Any  # the library's types are half unknown
    """A client that knows nothing of ours."""
    store: RedisStore
    producer: AIOKafkaProducer
    """The same for Kafka."""
    witness: Witness
    leave: AsyncExitStack
    processes: list[Process] = field(default_factory=list[Process])
    client: Argosy | None = None
    starved: int = 0
    """How many workers ended themselves that were to live on."""
    keeping: asyncio.Task[None] | None = None
    unreadable: set[Place] = field(default_factory=set[Place])
    """Where all garbage lies that this fleet was ever given."""

    async def start(self, role: Role, words: Sequence[str] = (), *, cell: str | None = None) -> Process:
        """Start a process; one that dies or stands still at a cell's point, if one is named."""
        match role:
            case "coordinator":
                line = ["coordinator"]
            case "worker":
                line = ["worker", str(APP)]
            case "client":
                line = ["run", "diamond", "--app", str(APP), *words]
            case "gateway":
                line = ["gateway", "--port", "0", *words]
        log = self.folder / f"{cell or f'{role}-{len(self.processes)}'}.log"
        process = await self.forks.start(line, {**self.variables, **({VARIABLE: cell} if cell else {})}, log)
        self.processes.append(process)
        return process

    async def begin(self) -> None:
        """Start who lives on, and the client."""
        ready = self.folder / "ready"
        log = self.folder / "coordinator.log"
        words = ["coordinator", "--ready-file", str(ready)]
        self.processes.append(await self.forks.start(words, self.variables, log))
        await eventually(lambda: asyncio.to_thread(ready.exists), f"a coordinator of {self.name} serves")
        self.keeping = asyncio.create_task(self._keep(await self.start("worker")), name="keep a worker")
        self.client = await self.leave.enter_async_context(Argosy.connect(_patient(self.settings)))

    async def _keep(self, worker: Process) -> None:
        """Start another one, as a supervisor would, where the machine was too busy for a worker."""
        while await asyncio.shield(worker.ended) and starved(worker):
            self.starved += 1
            worker = await self.start("worker")

    @property
    def lanes(self) -> list[LaneKeys]:
        """The keys of each lane."""
        return [LaneKeys(self.settings.redis.key_prefix, number) for number in range(PARTS)]

    @property
    def stored(self) -> Stored:
        """What lies in the payload store."""
        return Stored(self.folder / "payloads")

    async def save(self) -> None:
        """Have Redis write down what it has: with `lose_tail` it comes back to this."""
        await self.redis.save()

    async def lose_all(self) -> None:
        """FLUSHALL: everything is gone, and the server is the same."""
        await self.redis.flushall()

    async def lose_tail(self) -> None:
        """Kill Redis; another one starts with what was saved last."""
        await asyncio.to_thread(self.valkey.kill)
        await asyncio.to_thread(self.valkey.start)
        await self.redis.connection_pool.disconnect()

    async def garbage(self, run_id: str, number: int) -> dict[Place, bytes]:
        """Append what can't be read to inbox, run log and work; return where it lies."""
        found: dict[Place, bytes] = {}
        for topic, kind, name, subject in (
            ("inbox", "run.submitted", f"{run_id}-bad", f"{run_id}-bad"),
            ("runs", "task.settled", f"{run_id}-bad", f"{run_id}-bad"),
            ("tasks.branch", "task.dispatched", f"{run_id}/left#1", run_id),
        ):
            value = f'{{"garbage": of {run_id}'.encode()
            told = {
                "ce_specversion": "1.0",
                "ce_type": f"argosy.{kind}.v1",
                "ce_id": name,
                "ce_source": "/nobody",
                "ce_subject": subject,
            }
            headers = [(key, text.encode()) for key, text in told.items()]
            part = number % PARTS
            where = await self.producer.send_and_wait(
                f"{self.name}.{topic}", value, run_id.encode(), part, headers=headers
            )
            found[where.topic, where.partition, where.offset] = value
        self.unreadable |= found.keys()
        return found

    async def rebuild(self) -> None:
        """Have the state of all lanes dropped and made again."""
        for keys in self.lanes:
            await rebuild(self.store, keys)

    async def trouble(self) -> str:
        """What keeps this fleet from being at rest."""
        lag, left = await self.witness.lag(), await self._left_over()
        return f"unread {lag}, left over {left[:10]}" if lag or left else ""

    async def _left_over(self) -> list[str]:
        found: list[str | None] = []
        async for raw in self.redis.scan_iter(count=1_000):
            key = raw.decode()
            fence = await self.redis.hget(key, "fence") if ":task:" in key else None
            found.append(left_over(key, await self.redis.ttl(key), fence))
        return [why for why in found if why is not None]

    async def until_quiet(self, seconds: float) -> None:
        """Wait until nothing is unread and nothing left over."""
        until = time.monotonic() + seconds
        while trouble := await self.trouble():
            assert time.monotonic() < until, f"not quiet: {trouble}"
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """End it all."""
        if self.keeping is not None:
            self.keeping.cancel()
            await asyncio.wait({self.keeping})
        for process in self.processes:
            process.signal(signal.SIGKILL)
        await self.leave.aclose()
        self.ledger.close()


def starved(process: Process) -> bool:
    """Say whether a process has ended itself since it got no turn of a busy machine for a whole lease."""
    return process.ended.done() and is_starved(process.ended.result(), process.said())


def _patient(settings: Settings) -> Settings:
    """Return the settings of who waits for a slow answer."""
    kafka = settings.kafka.model_copy(update={"send_deadline_seconds": _PATIENCE_SECONDS})
    redis = settings.redis.model_copy(update={"timeout_seconds": _PATIENCE_SECONDS})
    return settings.model_copy(update={"kafka": kafka, "redis": redis})


async def open_world(
    folder: Path, forks: Forks, servers: str, more: Mapping[str, str] | None = None
) -> CrashWorld:
    """Make a fleet of its own on this Kafka, with a Redis of its own; its caller closes it.

    `more`: variables of all its processes.
    """
    name = f"cells{next(_NUMBERS)}"
    folder = folder / name
    folder.mkdir()
    leave = AsyncExitStack()
    valkey = Valkey(folder, "--maxmemory-policy", "noeviction")
    leave.callback(valkey.kill)
    await asyncio.to_thread(valkey.start)
    settings = settings_of(name, folder, servers, valkey.url)
    ledger = folder / "ledger.sqlite"
    variables = dict(variables_of(settings, folder, ledger))
    models = await leave.enter_async_context(ScriptedModels())
    variables |= models.environment | {"ARGOSY_MODEL__API_KEY": "none", "ARGOSY_MODEL__LIMITS": _LIMITS}
    store = RedisStore(_patient(settings).redis)
    redis = patient(valkey.url)
    leave.push_async_callback(store.close)
    leave.push_async_callback(redis.aclose)
    producer = await leave.enter_async_context(AIOKafkaProducer(bootstrap_servers=servers))
    witness = await leave.enter_async_context(Witness(servers, name))
    parts = (valkey, redis, store, producer, witness, leave)
    world = CrashWorld(name, folder, settings, forks, {**variables, **(more or {})}, Ledger(ledger), *parts)
    try:
        await world.begin()
    except BaseException:
        await world.close()
        raise
    return world
