"""A coordinator, a worker and a client in this process, each as a Kafka user of its own; Redis is the twin."""

import asyncio
import io
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from argosy.agents.worker import Worker
from argosy.broker import provision
from argosy.broker.cluster import KafkaCluster
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.broker.redis import RedisStore
from argosy.broker.store import Store
from argosy.broker.topics import TopicNames
from argosy.client.connection import Argosy
from argosy.coordinator.service import Coordinator
from argosy.schemas.errors import ArgosyError
from argosy.schemas.settings import FleetSettings, KafkaSettings, RedisSettings, Settings
from argosy.telemetry import logs
from support.all_logged import forget_logging
from support.rights import Right, grant, rights_of
from support.sasl_kafka import SaslKafka
from support.shell_world import first

AGENT: Final = "first"
ROLES: Final = {"coordinator": "coordinator", "worker": "worker of agent A", "producer": "producer"}
"""Users, and the rows of the page that they live by."""
_AGAIN_SECONDS: Final = 0.2


@dataclass
class GuardedFleet:
    """One fleet under a prefix of its own."""

    kafka: SaslKafka
    prefix: str
    lines: io.StringIO
    server: MemoryServer = field(default_factory=MemoryServer)
    payloads: MemoryPayloads = field(default_factory=MemoryPayloads)
    redis_url: str = ""
    """A real server, where commands of their own process are to see it too."""
    unknown_pipeline_seconds: float = 60.0
    """How long receivers wait for what they can't place: for a pipeline's name, and for a topic's rights."""
    errors: list[str] = field(default_factory=list[str])
    """Of processes that ended, which are started again as a supervisor would."""

    @property
    def names(self) -> TopicNames:
        """Its topics."""
        return TopicNames(self.prefix)

    def settings(self, user: str) -> Settings:
        """Settings of a process of this user."""
        kafka = self.kafka.settings(
            user=user,
            topic_prefix=self.prefix,
            inbox_partitions=1,
            work_partitions=1,
            send_deadline_seconds=20.0,
        )
        fleet = FleetSettings(
            lanes=1,
            lease_seconds=10,  # a worker whose loop stands still for one ends its process, which is the test's own here
            renew_seconds=1,
            unknown_pipeline_seconds=self.unknown_pipeline_seconds,
        )
        return Settings(kafka=kafka, fleet=fleet)

    @property
    def inside(self) -> Settings:
        """Settings of who may all, without a password."""
        return Settings(kafka=KafkaSettings(bootstrap_servers=self.kafka.inside, topic_prefix=self.prefix))

    def store(self) -> Store:
        """Open a connection to Redis."""
        if not self.redis_url:
            return MemoryRedis(self.server)
        return RedisStore(RedisSettings.model_validate({"url": self.redis_url}))

    @asynccontextmanager
    async def cluster(self, user: str) -> AsyncGenerator[KafkaCluster]:
        """Open a connection of this user's."""
        cluster = KafkaCluster(self.settings(user).kafka, user)
        try:
            yield cluster
        finally:
            await cluster.close()

    @asynccontextmanager
    async def client(self, user: str = "producer") -> AsyncGenerator[Argosy]:
        """Open a client of this user's."""
        async with (
            self.cluster(user) as cluster,
            Argosy(self.settings(user), cluster, self.store(), self.payloads) as client,
        ):
            yield client

    async def coordinator(self, stop: asyncio.Event) -> None:
        """Be a coordinator until `stop`."""
        async with self.cluster("coordinator") as cluster:
            parts = (self.settings("coordinator"), cluster, self.store(), self.payloads)
            await Coordinator(*parts).run(stop)

    async def worker(self, stop: asyncio.Event) -> None:
        """Be a worker until `stop`, as `argosy worker` is one."""
        settings = self.settings("worker")
        async with self.cluster("worker") as cluster:
            await provision.ensure(cluster, settings, [AGENT], only=self.names.used_by_worker([AGENT]))
            await Worker(settings, cluster, self.store(), self.payloads, [first]).run(stop)

    def told(self) -> str:
        """All that anybody has said: in its log, or as it ended."""
        return "\n".join([*self.errors, self.lines.getvalue().replace("\\n", "\n")])

    def tells(self, user: str, right: Right) -> bool:
        """Say whether somebody told of this missing right: plainly, or of a topic that he can't see."""
        name = re.escape(right.name.removesuffix("*")) + (r"\w+" if right.name.endswith("*") else r"\b")
        plainly = rf"{user} may not {right.operation} {right.resource} {name}"
        unseen = rf"topic {name}.*\n +why: it is missing, or {user} may not {right.operation} it"
        cure = rf"User:{user}' --operation {right.operation} --{right.resource} {name}"
        told = self.told()
        return bool(re.search(f"{plainly}|{unseen}", told) and re.search(cure, told))


async def _again(
    what: Callable[[asyncio.Event], Awaitable[None]], fleet: GuardedFleet, stop: asyncio.Event
) -> None:
    while not stop.is_set():
        try:
            await what(stop)
        except ArgosyError as error:
            fleet.errors.append(str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _AGAIN_SECONDS)


@asynccontextmanager
async def guarded_fleet(
    kafka: SaslKafka, *without: tuple[str, Right], redis_url: str = ""
) -> AsyncGenerator[GuardedFleet]:
    """Make the topics, grant what the page says but for `without` (user and right, of prefix `P`), run all roles."""
    fleet = GuardedFleet(kafka, f"f{uuid4().hex[:8]}", io.StringIO(), redis_url=redis_url)
    if without:
        fleet.unknown_pipeline_seconds = 2
    logs.configure("json", "info", fleet.lines)
    async with fleet.cluster("app") as cluster:
        await provision.ensure(cluster, fleet.settings("app"), [AGENT])
    for user, role in ROLES.items():
        missing = {in_fleet(right, fleet.prefix) for whose, right in without if whose == user}
        await grant(kafka, user, rights_of(role, fleet.prefix, AGENT) - missing)
    stop = asyncio.Event()
    roles = [
        asyncio.create_task(_again(role, fleet, stop), name=f"role {number}")
        for number, role in enumerate((fleet.coordinator, fleet.worker))
    ]
    try:
        yield fleet
    finally:
        stop.set()
        await asyncio.wait(roles, timeout=120)
        forget_logging()
    for ended in roles:
        assert ended.done(), "a role did not stop"
        ended.result()


def in_fleet(right: Right, prefix: str) -> Right:
    """Return a right on a topic of `P` as one on the same of a fleet."""
    return Right(right.resource, right.name.replace("P.", f"{prefix}.", 1), right.operation)
