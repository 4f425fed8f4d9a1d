"""A fleet for one measurement: topics and keys of its own on the bench's stack, each process a real one."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import SecretStr

from argosy.broker import provision
from argosy.broker.cluster import KafkaCluster
from argosy.broker.topics import TopicNames
from argosy.client.connection import Argosy
from argosy.console.child import ChildSpec, Restart
from argosy.console.config import environment_of
from argosy.console.fleet_children import coordinator_child, worker_child
from argosy.console.stack import LocalStack
from argosy.console.supervise import failure_of
from argosy.schemas.settings import FleetSettings, KafkaSettings, RedisSettings, Settings

HERE = Path(__file__).parent
APP = HERE / "app.py"
LOOK_SECONDS = 0.02
QUIET_SECONDS, QUIET_SHARE, QUIET_LOOKS = 0.3, 0.1, 3
LIMIT_SECONDS = 180.0
"""A measurement that takes longer did not finish."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a process was at one moment: seconds of the clock, its own CPU seconds, records that came out."""

    seconds: float
    cpu_seconds: float
    records: int

    def until(self, later: "Moment") -> "PerRecord":
        """Give what a record took between two moments."""
        count = later.records - self.records
        if count <= 0:
            message = "it was over between two looks: too little work to measure"
            raise TimeoutError(message)  # told as what did not finish
        return PerRecord(
            (later.cpu_seconds - self.cpu_seconds) / count, (later.seconds - self.seconds) / count
        )


@dataclass(frozen=True, slots=True)
class PerRecord:
    """What one record took, in seconds."""

    cpu_seconds: float
    wall_seconds: float


@dataclass
class Fleet:
    """Processes are named; `stop` one, or leave the context to stop them all."""

    stack: LocalStack
    settings: Settings
    environment: dict[str, str]
    names: TopicNames
    cluster: KafkaCluster
    ends: AIOKafkaConsumer
    _counts: dict[str, int] = field(default_factory=dict[str, int])

    async def coordinator(self, name: str = "coordinator") -> None:
        """Start a coordinator; its lanes come to life a moment later."""
        await self.stack.supervisor.start(coordinator_child(name, self.stack.folder, self.environment))

    async def worker(self, agents: Sequence[str], app: Path = APP, name: str = "worker") -> None:
        """Start one worker of some agents; return when some worker has partitions of each.

        It loads its vocabulary only then: until it has them it may stand still, and has not begun to.
        """
        target = f"{app}:{','.join(agents)}"
        await self.stack.supervisor.start(worker_child(name, target, self.stack.folder, self.environment))
        for agent in agents:
            await self.owned(agent)

    async def owned(self, agent: str, look_seconds: float = LOOK_SECONDS) -> None:
        """Return when some worker has partitions of an agent: nothing lies between that and its first poll."""
        while not await self.cluster.owners(self.names.group(agent)):  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(look_seconds)

    async def script(self, name: str, *arguments: str) -> None:
        """Start one of the reference arms beside this file."""
        argv = (sys.executable, str(HERE / f"{name}.py"), *arguments)
        log = self.stack.folder / "logs" / f"{name}.log"
        await self.stack.supervisor.start(ChildSpec(name, argv, log, restart=Restart.NEVER, stage=2))

    async def stop(self, *names: str) -> None:
        """Stop processes by name."""
        for name in names:
            await self.stack.supervisor.stop(name)

    def cpu_seconds(self, *names: str) -> float:
        """Give what processes have used so far, user and system, all their threads."""
        return sum(_cpu_seconds(self.stack, name) for name in names)

    async def appended(self, topic: str) -> int:
        """Count what was appended to a topic so far."""
        if topic not in self._counts:
            self._counts[topic] = await self.cluster.partitions(topic)
        partitions = [TopicPartition(topic, number) for number in range(self._counts[topic])]
        return sum((await self.ends.end_offsets(partitions)).values())

    async def until(self, topic: str, records: int) -> None:
        """Return when a topic has so many records."""
        while await self.appended(topic) < records:  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(LOOK_SECONDS)

    async def quiet(self, name: str) -> None:
        """Return when a process has nothing left to do of what it does at its start, as loading a vocabulary."""
        still = 0
        while still < QUIET_LOOKS:
            before = self.cpu_seconds(name)
            await asyncio.sleep(QUIET_SECONDS)
            still = still + 1 if self.cpu_seconds(name) - before < QUIET_SECONDS * QUIET_SHARE else 0

    @contextmanager
    def frozen(self, name: str) -> Generator[None]:
        """Hold a process still meanwhile: what comes for it waits."""
        pid = _process(self.stack, name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def resident_bytes(self, name: str) -> int:
        """Give the memory that a process has in use now."""
        return int(psutil.Process(_process(self.stack, name)).memory_info().rss)

    async def moment(self, process: str, topic: str, records: int, *others: str) -> Moment:
        """Return how things stand as soon as a topic has so many records; CPU of `others` is added."""
        while True:
            cpu, found = self.cpu_seconds(process, *others), await self.appended(topic)
            if found >= records:
                return Moment(time.monotonic(), cpu, found)
            await asyncio.sleep(LOOK_SECONDS)

    def connect(self) -> Argosy:
        """Open a producer of runs."""
        return Argosy.connect(self.settings)


@asynccontextmanager
async def fleet_on(stack: LocalStack, agents: Sequence[str], **environment: str) -> AsyncGenerator[Fleet]:
    """Make topics for a fleet; `environment` is added to that of its processes."""
    prefix = f"bench-{secrets.token_hex(4)}"
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers=stack.bootstrap_servers, topic_prefix=prefix),
        redis=RedisSettings(url=SecretStr(stack.redis_url), key_prefix=prefix),
        payloads=f"file://{stack.folder / 'payloads' / prefix}",
        fleet=FleetSettings(),
    )
    variables = {
        **environment_of(settings),
        "ARGOSY_KAFKA__TOPIC_PREFIX": prefix,
        "ARGOSY_REDIS__KEY_PREFIX": prefix,
        "ARGOSY_TELEMETRY__LOG_FORMAT": "json",
        **bytecode(stack),
        **environment,
    }
    cluster = KafkaCluster(settings.kafka, "argosy-bench")
    ends = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap_servers, metadata_max_age_ms=600_000)
    before = set(stack.supervisor.children)
    try:
        await provision.ensure(cluster, settings, agents)
        await ends.start()
        yield Fleet(stack, settings, variables, TopicNames(prefix), cluster, ends)
    finally:
        for name in sorted(
            set(stack.supervisor.children) - before, reverse=True
        ):  # workers, then coordinators
            await stack.supervisor.stop(name)
        await ends.stop()
        await cluster.close()


def bytecode(stack: LocalStack) -> dict[str, str]:
    """Let processes keep compiled modules for the next one, as an installed package has them, whatever is set here."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(stack.folder / "bytecode")}


def _process(stack: LocalStack, name: str) -> int:
    child = stack.supervisor.children[name]
    if child.process is None:
        raise failure_of(child)
    return child.process.pid


def _cpu_seconds(stack: LocalStack, name: str) -> float:
    pid = _process(stack, name)
    threads = Path(f"/proc/{pid}/task")
    try:
        # Nanoseconds; the usual figures come in hundredths of a second, as long as a bare loop needs for 500 records.
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads.iterdir()) / 1e9
    except (OSError, IndexError):
        used = psutil.Process(pid).cpu_times()
        return float(used.user + used.system)
