"""The coordinator process: receivers and lanes over one Kafka cluster and one Redis-protocol server."""

import asyncio
import os
import socket
from contextlib import suppress

from argosy.broker import provision, tokens
from argosy.broker.log import Cluster
from argosy.broker.presence import Beat, InHand, LaneSaid
from argosy.broker.server_check import check_server
from argosy.broker.store import Payloads, Store
from argosy.broker.topics import TopicNames
from argosy.coordinator.accept import Accept
from argosy.coordinator.crew import Crew
from argosy.coordinator.fold import RULES
from argosy.coordinator.gate import Gate
from argosy.coordinator.inbox_record import InboxRecord
from argosy.coordinator.lane import Lane
from argosy.coordinator.lane_services import LaneServices
from argosy.coordinator.lanes import Lanes
from argosy.coordinator.learnt import Factors
from argosy.coordinator.receive import Receivers
from argosy.coordinator.registry import Registry
from argosy.schemas.errors import ArgosyError, ConfigurationError
from argosy.schemas.settings import Settings
from argosy.telemetry import logs


class Coordinator:
    """One process of any number: they share the lanes among them.

    It opens nothing of its own and closes nothing.
    """

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        store: Store,
        payloads: Payloads,
        *,
        name: str | None = None,
    ) -> None:
        """`name` tells this process apart in messages; absent: host and process id."""
        self._settings, self._cluster, self._store, self._payloads = settings, cluster, store, payloads
        self._names = TopicNames(settings.kafka.topic_prefix)
        self._name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._source = f"argosy/coordinator/{self._name}"
        self._lanes: Lanes | None = None

    async def check(self) -> None:
        """See whether the services are what a fleet needs, and make missing topics.

        Raises ConfigurationError with the cure, Unreachable and Refused. `run` calls it first.
        """
        if self._settings.fleet.rules not in RULES:
            raise ConfigurationError(
                f"fleet.rules is {self._settings.fleet.rules}",
                why=f"this release folds by rules {', '.join(map(str, RULES))}",
                do="raise it after every coordinator has been updated",
            )
        log = logs.get("argosy.coordinator")
        for wrong in await check_server(self._store):
            if wrong.severity == "error":
                raise ConfigurationError(wrong.what, why=wrong.why, do=wrong.do)
            log.warning(wrong.what, why=wrong.why, do=wrong.do)
        used = self._names.used_by_coordinator()
        for finding in await provision.ensure(self._cluster, self._settings, only=used):
            log.warning(
                "topic isn't as planned", topic=finding.topic, problem=finding.problem, do=finding.cure
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Receive and fold until `stop`; then finish the turns under way, commit and leave both groups.

        Raises what `check` raises, and Refused if a broker will never have us.
        """
        await self.check()
        producer = await self._cluster.producer()
        registry = Registry(self._cluster.follower(self._names.pipelines))
        factors = Factors(self._store, self._settings.redis.key_prefix, self._settings.model.replace_with)
        accept = Accept(self._settings, registry, self._payloads, factors)
        gate = Gate(self._settings, self._store)
        crew = Crew(self._store, self._settings.redis.key_prefix, self._settings.fleet.lanes)
        judge = InboxRecord(self._cluster, producer, accept, gate, self._source)
        inbox = self._cluster.consumer(self._names.receivers, [self._names.inbox])
        runs = self._cluster.consumer(self._names.lanes, [self._names.runs])
        services = LaneServices(
            self._settings,
            self._names,
            runs,
            producer,
            self._store,
            self._payloads,
            self._source,
            crew.shares,
        )
        beat = Beat(self._store, self._settings.redis.key_prefix, "coordinator", self._name, self._in_hand)
        with suppress(ArgosyError):
            await gate.look()  # before the first submit is judged
        await asyncio.to_thread(tokens.loaded, tokens.COMMON)  # half a second in which no lane could beat
        try:
            async with asyncio.TaskGroup() as group:
                receivers = Receivers(inbox, judge, group, stop)
                lanes = self._lanes = Lanes(services, group)
                group.create_task(self._present(beat, stop), name="presence")
                group.create_task(registry.run(stop), name="registry")
                group.create_task(gate.run(stop), name="gate")
                group.create_task(crew.run(stop), name="crew")
                group.create_task(factors.run(stop), name="factors")
                group.create_task(receivers.run(), name="receivers")
                group.create_task(inbox.run(receivers, stop), name="inbox")
                group.create_task(runs.run(lanes, stop), name="run log")
                group.create_task(lanes.tell(stop), name="offsets of lanes")
        except BaseExceptionGroup as several:  # ours say more than the group does
            ours = several.subgroup(ArgosyError)
            if ours is not None:
                raise _first_of(ours) from several
            raise

    @staticmethod
    async def _present(beat: Beat, stop: asyncio.Event) -> None:
        telling = asyncio.create_task(beat.run(), name="beat")
        try:
            await stop.wait()
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    def _in_hand(self) -> tuple[dict[str, InHand], dict[int, LaneSaid]]:
        lanes = self._lanes.lanes if self._lanes is not None else {}
        return {}, {number: _said_of(lane) for number, lane in lanes.items()}

    @property
    def live_lanes(self) -> frozenset[int]:
        """The lanes that are ours and publish: what readiness means."""
        lanes = self._lanes.lanes if self._lanes is not None else {}
        return frozenset(number for number, lane in lanes.items() if lane.live.is_set())


def _said_of(lane: Lane) -> LaneSaid:
    return LaneSaid(word=lane.word, why=lane.paused)


def _first_of(group: BaseExceptionGroup[ArgosyError]) -> ArgosyError:
    found = group.exceptions[0]
    return _first_of(found) if isinstance(found, BaseExceptionGroup) else found
