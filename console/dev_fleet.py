"""The processes that `argosy dev` adds to its stack, and how a change of the app becomes one of theirs."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from argosy.console.app_facts import AppFacts
from argosy.console.fleet_children import coordinator_child, worker_child
from argosy.console.model_child import stand_in
from argosy.console.output import note, show_error
from argosy.console.supervise import Supervisor
from argosy.schemas.errors import ChildFailed
from argosy.schemas.settings import ModelSettings

_TAKEN: Final = frozenset({"kafka", "valkey", "coordinator", "model", "dashboard"})
"""Names of other children of the same supervisor."""


class DevFleet:
    """A coordinator, a model where none is configured, and so many workers of each agent.

    No run is lost by a change: a worker that is stopped finishes what it can, hands the rest back, and its
    successor goes on with it. An agent that is gone leaves its work where it is until it is there again.
    """

    def __init__(
        self, supervisor: Supervisor, folder: Path, environment: Mapping[str, str], workers: int
    ) -> None:
        """`folder` is the stack's; `workers` counts the processes of each agent."""
        self._supervisor = supervisor
        self._folder = folder
        # A module that is saved twice within a second can have the bytecode of its first version.
        self.environment = {**environment, "PYTHONDONTWRITEBYTECODE": "1"}
        self._workers = workers
        self._agents: tuple[str, ...] = ()
        self._schedules: tuple[str, ...] = ()

    async def start(self, facts: AppFacts, model: ModelSettings) -> None:
        """Start everything; ChildFailed if a process doesn't come up."""
        await self._need_model(facts, model)
        await self._coordinator(facts)
        async with asyncio.TaskGroup() as starting:
            for agent in facts.agents:
                for name in self._names(agent):
                    starting.create_task(self._start(facts, agent, name), name=f"start {name}")
        self._agents = facts.agents

    async def _coordinator(self, facts: AppFacts) -> None:
        """Start the coordinator; it has the app's code only if it runs schedules of it."""
        self._schedules = facts.schedules
        app = facts.path if facts.schedules else None
        await self._supervisor.start(coordinator_child("coordinator", self._folder, self.environment, app))

    async def change(self, facts: AppFacts, model: ModelSettings) -> bool:
        """Put new code to work: restart every worker, start new agents, stop those that are gone.

        Say what could not be started; return whether all could. Raises, with nothing changed, if a model is
        needed and can't be had.
        """
        await self._need_model(facts, model)
        gone = [agent for agent in self._agents if agent not in facts.agents]
        new = [agent for agent in facts.agents if agent not in self._agents]
        if gone:
            note(f"gone    {', '.join(gone)}: work that waits for them stays where it is")
        if new:
            note(f"new     {', '.join(new)}")
        if facts.schedules or self._schedules:
            await self._stop("coordinator")
            await self._coordinator(facts)
        async with asyncio.TaskGroup() as changing:
            for agent in gone:
                for name in self._names(agent):
                    changing.create_task(self._stop(name), name=f"stop {name}")
            tasks = [
                changing.create_task(self._replace(facts, agent, name), name=f"restart {name}")
                for agent in facts.agents
                for name in self._names(agent)
            ]
        self._agents = facts.agents
        return all(task.result() for task in tasks)

    async def _replace(self, facts: AppFacts, agent: str, name: str) -> bool:
        await self._stop(name)
        try:
            await self._start(facts, agent, name)
        except ChildFailed as error:
            show_error(error)
            return False
        return True

    async def _start(self, facts: AppFacts, agent: str, name: str) -> None:
        spec = worker_child(name, f"{facts.path}:{agent}", self._folder, self.environment)
        await self._supervisor.start(spec)

    async def _stop(self, name: str) -> None:
        if name in self._supervisor.children:
            await self._supervisor.stop(name)

    def _names(self, agent: str) -> list[str]:
        base = f"{agent}-worker" if agent in _TAKEN else agent
        return (
            [base] if self._workers == 1 else [f"{base}-{number}" for number in range(1, self._workers + 1)]
        )

    async def _need_model(self, facts: AppFacts, settings: ModelSettings) -> None:
        """Start the local model once an agent asks for one and no server is configured."""
        if not facts.asks_a_model or "model" in self._supervisor.children:
            return
        if (model := stand_in(settings)) is not None:
            note(
                "no model server is configured: a small local one answers instead (OPENAI_API_KEY, OPENAI_BASE_URL)"
            )
            await self._supervisor.start(model.child(self._folder / "logs" / "model.log"))
            self.environment |= model.environment
