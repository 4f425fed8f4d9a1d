"""A whole fleet of real processes for one test: its own stack, coordinators, workers, ledger."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from argosy.console.child import ChildSpec
from argosy.console.config import environment_of
from argosy.console.fleet_children import coordinator_child, worker_child
from argosy.console.stack import LocalStack
from argosy.console.valkey_server import flush_all
from argosy.schemas.settings import FleetSettings, KafkaSettings, RedisSettings, Settings
from support.ledger import Ledger

APP = Path(__file__).with_name("scripted.py")
AGENTS = ("research", "summarise", "criticise", "synthesise")


@dataclass
class RealFleet:
    """Everything is a child of one supervisor and can be killed by name."""

    stack: LocalStack
    settings: Settings
    ledger: Ledger
    environment: dict[str, str]
    app: Path = APP
    told: list[str] = field(default_factory=list[str])
    scheduled: bool = False
    """Coordinators run the schedules of the app."""

    async def coordinator(self, name: str) -> None:
        """Start a coordinator and wait until it serves."""
        app = str(self.app) if self.scheduled else None
        await self._start(coordinator_child(name, self.stack.folder, self.environment, app))

    async def worker(self, name: str, agents: Sequence[str] = AGENTS) -> None:
        """Start a worker of some agents and wait until it serves."""
        target = f"{self.app}:{','.join(agents)}"
        await self._start(worker_child(name, target, self.stack.folder, self.environment))

    async def _start(self, spec: ChildSpec) -> None:
        """Start it, with time for a machine that does other things too."""
        await self.stack.supervisor.start(replace(spec, ready_within_seconds=240))

    async def kill(self, name: str) -> None:
        """kill -9; the supervisor starts it again."""
        self.told.append(f"kill {name}")
        await self.stack.supervisor.kill(name)

    async def flush(self) -> None:
        """FLUSHALL: Redis loses everything; its identity stays."""
        self.told.append("flushall")
        await flush_all(self.stack.state.layout.redis_port)

    async def torment(self, seed: int, names: Sequence[str], pause_seconds: float) -> None:
        """Kill each of `names` once, in an order and with pauses that a seed decides."""
        chance = random.Random(seed)  # noqa: S311 - a reproducible choice, no secret
        for name in chance.sample(list(names), len(names)):
            await asyncio.sleep(chance.uniform(0.2, 1.8) * pause_seconds)  # a moment to be hit at, not a wait
            await self.kill(name)
            await self.stack.supervisor.until_ready(name)


@asynccontextmanager
async def real_fleet(  # noqa: PLR0913 - what a fleet is made of, by name
    folder: Path,
    *,
    coordinators: int = 1,
    workers: Sequence[Sequence[str]] = (),
    app: Path = APP,
    variables: Mapping[str, str] | None = None,
    scheduled: bool = False,
) -> AsyncGenerator[RealFleet]:
    """Run a stack, coordinators `coordinator-1` … and workers `worker-1` … of `app`; all gone when left.

    `variables` change the settings of the fleet's processes.
    """
    async with LocalStack(folder) as stack:
        settings = Settings(
            kafka=KafkaSettings(
                bootstrap_servers=stack.bootstrap_servers,
                session_timeout_seconds=6,
                inbox_partitions=2,
                work_partitions=4,
            ),
            redis=RedisSettings(url=SecretStr(stack.redis_url)),
            payloads=f"file://{folder / 'payloads'}",
            fleet=FleetSettings(lanes=4, lease_seconds=6, renew_seconds=2, patience_seconds=8),
        )
        path = folder / "ledger.sqlite"
        environment = {
            **environment_of(settings),
            "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "6",
            "ARGOSY_KAFKA__INBOX_PARTITIONS": "2",
            "ARGOSY_KAFKA__WORK_PARTITIONS": "4",
            "ARGOSY_FLEET__LANES": "4",
            "ARGOSY_FLEET__LEASE_SECONDS": "6",
            "ARGOSY_FLEET__RENEW_SECONDS": "2",
            "ARGOSY_FLEET__PATIENCE_SECONDS": "8",
            "ARGOSY_TELEMETRY__LOG_FORMAT": "json",
            "ARGOSY_TEST_LEDGER": str(path),
            "PYTHONPATH": str(APP.parents[1]),
            **(variables or {}),
        }
        fleet = RealFleet(stack, settings, Ledger(path), environment, app, scheduled=scheduled)
        try:
            async with asyncio.TaskGroup() as starting:
                for number in range(1, coordinators + 1):
                    starting.create_task(
                        fleet.coordinator(f"coordinator-{number}"), name=f"coordinator-{number}"
                    )
                for number, agents in enumerate(workers, 1):
                    starting.create_task(fleet.worker(f"worker-{number}", agents), name=f"worker-{number}")
            yield fleet
        finally:
            fleet.ledger.close()
