"""A small real fleet for producers of every kind: coordinator, worker, gateway, a published pipeline."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from argosy.broker.cluster import KafkaCluster
from argosy.broker.topics import TopicNames
from argosy.console.child import ChildSpec
from argosy.coordinator.registry import publish
from support import talkative
from support.fleet import RealFleet, real_fleet

APP = Path(talkative.__file__)
STEADY = {"ARGOSY_FLEET__LEASE_SECONDS": "12", "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "12"}
"""No worker begins anew because its process stood still for some seconds."""
TOKEN = "a producer's token"  # noqa: S105 - a test's own


@dataclass
class Producers:
    """What a producer meets."""

    fleet: RealFleet
    ready_file: Path

    @property
    def url(self) -> str:
        """Where the gateway listens now; another port after each restart."""
        return self.ready_file.read_text("utf-8").strip()


def gateway_child(fleet: RealFleet, ready_file: Path) -> ChildSpec:
    async def ready() -> bool:
        return await asyncio.to_thread(ready_file.exists)

    return ChildSpec(
        name="gateway",
        argv=(sys.executable, "-m", "argosy", "gateway", "--port", "0", "--ready-file", str(ready_file)),
        log=fleet.stack.folder / "logs" / "gateway.log",
        env={**fleet.environment, "ARGOSY_GATEWAY__TOKEN": TOKEN, "PYTHONSAFEPATH": "1"},
        ready=ready,
        ready_within_seconds=240,
        stage=2,
    )


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Producers]:
    async with real_fleet(folder, workers=[("talker",)], app=APP, variables=STEADY) as fleet:
        cluster = KafkaCluster(fleet.settings.kafka)
        try:
            names = TopicNames(fleet.settings.kafka.topic_prefix)
            await publish(await cluster.producer(), names, talkative.talkative.compile(), "test")
        finally:
            await cluster.close()
        ready_file = folder / "gateway.ready"
        await fleet.stack.supervisor.start(gateway_child(fleet, ready_file))
        yield Producers(fleet, ready_file)
