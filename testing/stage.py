"""A simulated fleet, built and started: world, processes and a client, from the inside of the simulation."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from argosy.agents.model_client import ModelClient
from argosy.broker import provision, tokens
from argosy.broker.values import CountTokens
from argosy.client.connection import Argosy
from argosy.pipelines.agent import Agent
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.gateway_settings import GatewaySettings
from argosy.schemas.settings import (
    FleetSettings,
    KafkaSettings,
    ModelSettings,
    RedisSettings,
    Settings,
    TelemetrySettings,
    WorkerSettings,
)
from argosy.testing.crew import Crew
from argosy.testing.fake_model import FakeModel
from argosy.testing.history import Deliveries
from argosy.testing.supervisor import Supervisor
from argosy.testing.world import World

_LOOK_SECONDS: Final = 0.01


def plain_settings(**fleet: float) -> Settings:
    """Return settings that come from nowhere but here: the defaults, with two partitions of everything."""
    return Settings(
        kafka=KafkaSettings(inbox_partitions=2, work_partitions=2),
        redis=RedisSettings(),
        payloads="memory",
        model=ModelSettings(),
        telemetry=TelemetrySettings(),
        fleet=FleetSettings.model_validate({"lanes": 2, **fleet}),
        worker=WorkerSettings(),
        gateway=GatewaySettings(),
    )


def agents_of(pipelines: Sequence[Pipeline[Any, Any]]) -> dict[str, Agent[..., Any]]:
    """Return the agents of some pipelines by name."""
    return {name: agent for pipeline in pipelines for name, agent in pipeline.agents().items()}


class Stage:
    """Everything of a simulated fleet. Its coroutines are run by `world.loop`."""

    def __init__(
        self,
        agents: Mapping[str, Agent[..., Any]],
        world: World,
        *,
        model: ModelClient | None = None,
        count_tokens: CountTokens = tokens.count,
    ) -> None:
        """Nothing runs yet."""
        self.world, self.agents = world, agents
        self.supervisor = Supervisor(world)
        self.crew = Crew(world, self.supervisor)
        self.deliveries = Deliveries()
        self.deliveries.listen(world.observer)
        self.serving: dict[str, list[str]] = {"coordinator": []}
        """The names of the processes that serve an agent; and of the coordinators."""
        self._model = FakeModel() if model is None else model
        self._count_tokens = count_tokens
        self.doors = world.doors("client")
        self.client = Argosy(world.settings, self.doors.kafka, self.doors.redis, self.doors.payloads)

    async def start(self, coordinators: int, workers: Mapping[str, Sequence[str]]) -> None:
        """Make the topics, start all processes (`workers`: the agents of each by name) and wait until they serve."""
        await provision.ensure(self.doors.kafka, self.world.settings, sorted(self.agents))
        for number in range(1, coordinators + 1):
            name = f"coordinator-{number}"
            self.serving["coordinator"].append(name)
            self.crew.coordinator(name)
        for name, agents in workers.items():
            for agent in agents:
                self.serving.setdefault(agent, []).append(name)
            served = [self.agents[agent] for agent in agents]
            self.crew.worker(name, served, self._model, self._count_tokens)
        await self.client.__aenter__()
        await self.until_ready()

    async def until_ready(self) -> None:
        """Wait until every lane is live and every agent has a worker that reads."""
        while not self.crew.ready:  # noqa: ASYNC110 - nobody rings for it, and time is virtual
            await asyncio.sleep(_LOOK_SECONDS)

    def busy(self) -> bool:
        """Say whether anything is under way to or from a service."""
        return self.world.network.under_way > 0
