"""A worker: one process that serves one agent, or a few. Its life from the first fetch to the last commit."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from argosy.agents.attempt import Attempts
from argosy.agents.desk import Desk, Shared
from argosy.agents.drain import LAST_SECONDS, drain
from argosy.agents.exit import end_process
from argosy.agents.handler_context import ModelSource
from argosy.agents.intake import Intake
from argosy.agents.lease import EndProcess, Leases
from argosy.agents.mcp_servers import load_library
from argosy.agents.services import connect
from argosy.agents.suspects import Suspects
from argosy.agents.upkeep import commits, figures, watch
from argosy.broker import tokens
from argosy.broker.log import Cluster, Consumer
from argosy.broker.presence import Beat, InHand, LaneSaid
from argosy.broker.store import Payloads, Store
from argosy.broker.values import CountTokens
from argosy.broker.window import Window
from argosy.pipelines.agent import Agent
from argosy.schemas.errors import WorkerBroken
from argosy.schemas.fault import first_of
from argosy.schemas.settings import Settings
from argosy.telemetry import logs

_LOOK_SECONDS: Final = 0.01
_IN_HAND: Final = 4
"""Records in hand for each slot: enough that no slot waits for a fetch."""


class Worker:
    """Serves agents until it is told to stop. One consumer and one desk for each agent; leases are shared."""

    def __init__(  # noqa: PLR0913 - a composition root: each part can be another one in a test
        self,
        settings: Settings,
        cluster: Cluster,
        store: Store,
        payloads: Payloads,
        agents: Sequence[Agent[..., Any]],
        *,
        models: ModelSource | None = None,
        count_tokens: CountTokens = tokens.count,
        end: EndProcess = end_process,
        clock: Callable[[], float] = time.monotonic,
        leases: Callable[..., Leases] = Leases,
    ) -> None:
        """`end` ends the process when its event loop or a consumer is stuck; `clock` is monotonic.

        `leases` makes what renews them: a simulation has no threads.
        """
        self._settings, self._cluster, self._store, self._payloads = settings, cluster, store, payloads
        self._agents, self._models, self._count_tokens = agents, models, count_tokens
        self._end, self._clock, self._leases = end, clock, leases
        self._stuck = asyncio.Event()
        self._broken: list[str] = []
        self.desks: list[Desk] = []
        """One for each agent, while it runs."""
        self.consumers: list[Consumer] = []
        """Theirs, in the same order."""

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; then drain: finish what runs for a while, hand back the rest, commit, leave.

        Raises WorkerBroken, after a drain, when a handler ignored its cancellation: the process must end, for
        that handler still runs. Raises Refused when Kafka will never have us, ConfigurationError if what its
        agents' tools need isn't installed.
        """
        load_library(tool for agent in self._agents for tool in agent.tools)
        producer = await self._cluster.producer()
        services = connect(self._settings, producer, self._store, self._payloads, self._count_tokens)
        fleet, worker = self._settings.fleet, self._settings.worker
        leases = self._leases(
            self._store.renewals,
            services.holds,
            renew_seconds=fleet.renew_seconds,
            grace_seconds=worker.grace_seconds,
            end=self._end,
        )
        shared = Shared(services, leases, Suspects(), self._clock)
        leases.start()
        try:
            await self._serve(shared, stop)
        except BaseExceptionGroup as group:  # ours say more than the group does
            ours = first_of(group)
            if ours is not None:
                raise ours from group
            raise
        finally:
            await services.servers.close()
            await leases.stop()
        if self._broken:
            raise WorkerBroken("; ".join(self._broken))

    async def joined(self) -> None:
        """Return once each agent's consumer was given its partitions, be they none."""
        while not self.desks or not all(desk.intake.epoch for desk in self.desks):  # noqa: ASYNC110 - for an instant
            await asyncio.sleep(_LOOK_SECONDS)

    async def _serve(self, shared: Shared, stop: asyncio.Event) -> None:
        leave = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            watchers = tasks.create_task(shared.services.watchers.run(leave), name="watchers")
            last = {watchers}
            if shared.services.limiter is not None:
                last.add(tasks.create_task(shared.services.limiter.run(leave), name="limits of models"))
            upkeep: list[asyncio.Task[None]] = []
            for agent in self._agents:
                upkeep += self._open(agent, shared, leave, tasks)
            upkeep.append(tasks.create_task(self._beat(shared).run(), name="presence"))
            upkeep.append(tasks.create_task(shared.services.learning.run(), name="learning"))
            await self._until_told(stop)
            await drain(self.desks, self._settings.worker.drain_seconds)
            for task in upkeep:
                task.cancel()
            leave.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await shared.services.learning.tell()
            await asyncio.wait(last, timeout=LAST_SECONDS)
            for task in last:
                task.cancel()

    def _open(
        self, agent: Agent[..., Any], shared: Shared, leave: asyncio.Event, tasks: asyncio.TaskGroup
    ) -> list[asyncio.Task[None]]:
        """Start one agent's consumer and desk; return the tasks that only go on beside it."""
        topics, worker = shared.services.topics, self._settings.worker
        group = topics.group(agent.name)
        consumer = self._cluster.consumer(group, [topics.tasks(agent.name)])
        concurrency = worker.concurrency or agent.contract.concurrency
        window = Window(
            max(worker.per_partition, _IN_HAND * concurrency), worker.per_partition, worker.in_flight_bytes
        )
        attempts = Attempts(agent, shared.services, self._models, self._on_stuck)
        desk = Desk(attempts, shared, concurrency, lambda owner: Intake(consumer, window, owner, self._clock))
        self.desks.append(desk)
        self.consumers.append(consumer)
        tasks.create_task(consumer.run(desk.intake, leave), name=f"consumer {agent.name}")
        tasks.create_task(desk.run(), name=f"desk {agent.name}")
        watching = watch(group, desk, worker.watchdog_seconds, self._clock, self._end)
        return [
            tasks.create_task(commits(desk.intake), name=f"commits {agent.name}"),
            tasks.create_task(figures(agent.name, desk), name=f"figures {agent.name}"),
            tasks.create_task(watching, name=f"watchdog {agent.name}"),
        ]

    def _beat(self, shared: Shared) -> Beat:
        def look() -> tuple[dict[str, InHand], dict[int, LaneSaid]]:
            desks = zip(self._agents, self.desks, strict=True)
            return {agent.name: desk.in_hand() for agent, desk in desks}, {}

        return Beat(self._store, self._settings.redis.key_prefix, "worker", shared.services.name, look)

    async def _until_told(self, stop: asyncio.Event) -> None:
        reasons = [
            asyncio.create_task(stop.wait(), name="stop"),
            asyncio.create_task(self._stuck.wait(), name="stuck"),
        ]
        try:
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for reason in reasons:
                reason.cancel()

    def _on_stuck(self, why: str) -> None:
        logs.get("argosy.worker").error("a handler does not stop: draining, then ending", why=why)
        self._broken.append(why)
        self._stuck.set()
