"""Topics for the work of agents that nobody has run yet: a submit may be the first to name them."""

import asyncio
import time
from typing import Final

from argosy.broker import provision
from argosy.broker.log import Cluster
from argosy.broker.topics import TopicNames, Use
from argosy.coordinator.admission import NotAdmitted
from argosy.schemas.errors import ConfigurationError, Refused, Unreachable
from argosy.schemas.result import SubmitRefused
from argosy.schemas.settings import Settings
from argosy.telemetry import logs

_LOOK_SECONDS: Final = 0.5


class WorkTopics:
    """The agents whose topic is known to be there."""

    def __init__(self, settings: Settings, cluster: Cluster) -> None:
        """Nothing is known yet."""
        self._settings, self._cluster = settings, cluster
        self._names = TopicNames(settings.kafka.topic_prefix)
        self._agents: set[str] = set()
        self._making = asyncio.Lock()
        self._log = logs.get("argosy.receiver")

    def have(self, agents: frozenset[str]) -> bool:
        """Say whether all these have a topic, as far as is known here."""
        return self._agents.issuperset(agents)

    async def make(self, agents: frozenset[str], position: str) -> None:
        """Make a place where the work of an agent waits that nobody has run yet.

        Raises NotAdmitted where there is none that will do and we may make none: nobody else may be held up by that.
        """
        until = time.monotonic() + self._settings.fleet.unknown_pipeline_seconds
        while not self._agents.issuperset(agents):
            try:
                await self._make(agents)
            except (Refused, ConfigurationError) as error:
                self._log.warning("waiting", what="topics", error=str(error))
                if time.monotonic() >= until:
                    text = f"no topic takes the work of {', '.join(sorted(agents - self._agents))}: {error}"
                    answer = SubmitRefused(
                        reason="invalid", message=text, field="pipeline", position=position
                    )
                    raise NotAdmitted(answer) from error
                await asyncio.sleep(_LOOK_SECONDS)

    async def _make(self, agents: frozenset[str]) -> None:
        # The first submits of an agent come together: one of them makes its topic.
        async with self._making:
            new = agents - self._agents
            used: dict[str, Use] = {self._names.tasks(agent): "Write" for agent in new}
            while new:
                try:
                    await provision.ensure(self._cluster, self._settings, new, only=used)
                    break
                except Unreachable as error:
                    self._log.warning("waiting", what="topics", error=str(error))
                    await asyncio.sleep(_LOOK_SECONDS)
            self._agents |= new
