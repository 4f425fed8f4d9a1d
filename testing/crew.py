"""What the processes of a simulated fleet run: the real coordinator, the real worker, with a model that is none."""

import copy
from collections.abc import Sequence
from typing import Any

from argosy.agents.model_client import ModelClient
from argosy.agents.models import Models
from argosy.agents.worker import Worker
from argosy.broker import tokens
from argosy.broker.values import CountTokens
from argosy.coordinator.service import Coordinator
from argosy.pipelines.agent import Agent
from argosy.pipelines.context import Context
from argosy.testing.observer import Observer
from argosy.testing.process import Process, forever
from argosy.testing.renewals import SteppedLeases
from argosy.testing.supervisor import Supervisor
from argosy.testing.world import Doors, World


class Crew:
    """Starts coordinators and workers under a supervisor."""

    def __init__(self, world: World, supervisor: Supervisor) -> None:
        """Nothing is started yet."""
        self._world, self._supervisor = world, supervisor
        self._coordinators: dict[str, Coordinator] = {}
        self._agents: set[str] = set()

    def coordinator(self, name: str) -> None:
        """Start a coordinator."""

        async def main(process: Process, doors: Doors) -> None:
            made = Coordinator(
                self._world.settings, doors.kafka, doors.redis, doors.payloads, name=process.full_name
            )
            self._coordinators[name] = made
            await made.run(process.stop)

        self._supervisor.add(name, main)

    def worker(
        self,
        name: str,
        agents: Sequence[Agent[..., Any]],
        client: ModelClient,
        count_tokens: CountTokens = tokens.count,
    ) -> None:
        """Start a worker of some agents."""
        settings = self._world.settings
        self._agents.update(agent.name for agent in agents)
        watched = [_watched(agent, self._world.observer) for agent in agents]

        async def main(process: Process, doors: Doors) -> None:
            def end(why: str) -> None:
                self._world.trace.note(process.full_name, f"ends itself: {why}")
                self._supervisor.crash(process)

            worker = Worker(
                settings,
                doors.kafka,
                doors.redis,
                doors.payloads,
                watched,
                models=Models(client, settings.model),
                count_tokens=count_tokens,
                end=end,
                clock=self._world.loop.time,
                leases=SteppedLeases,
            )
            await worker.run(process.stop)

        self._supervisor.add(name, main)

    @property
    def ready(self) -> bool:
        """Say whether every lane is live and every work partition has somebody who reads it."""
        live = frozenset[int]().union(*(each.live_lanes for each in self._coordinators.values()))
        broker, names = self._world.broker, self._world.names
        groups = [broker.groups(names.group(agent)) for agent in sorted(self._agents)]
        return live == frozenset(range(self._world.settings.fleet.lanes)) and all(
            group.owners and not group.rebalancing for group in groups
        )


def _watched(agent: Agent[..., Any], observer: Observer) -> Agent[..., Any]:
    """Make the same agent, whose handler tells when it begins."""
    told = copy.copy(agent)
    plain = agent.function

    async def function(ctx: Context, *args: Any, **arguments: Any) -> Any:  # noqa: ANN401 - its own
        if not observer.handles(ctx.task_id, ctx.attempt):
            await forever()
        return await plain(ctx, *args, **arguments)

    told.function = function
    return told
