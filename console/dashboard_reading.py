"""Feeds the index: reads the run log from its beginning, without a group, and looks who is away. It writes nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from argosy.broker.log import Follower, Partition
from argosy.broker.presence import present
from argosy.broker.topics import TopicNames
from argosy.console.dashboard_index import Index
from argosy.console.dashboard_taking import Taking
from argosy.console.moments import length
from argosy.console.process_life import Services
from argosy.schemas.errors import ArgosyError, ConfigurationError
from argosy.telemetry import logs

READ_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 2.0
PULSE_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 10.0
_TURN: Final = 100
"""Records between two looks of the loop at others: pages are answered while old records are read."""


class Reader:
    """The background of the dashboard. `run` until cancelled."""

    def __init__(self, services: Services, index: Index) -> None:
        """`index` is fed."""
        self._services, self._index, self._taking = services, index, Taking(index)
        self._names = TopicNames(services.settings.kafka.topic_prefix)

    async def run(self) -> None:
        """Read and look, whatever happens to Kafka and Redis meanwhile."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="read the run log")
            group.create_task(self._pulse("kafka", self._kafka), name="look for kafka")
            group.create_task(self._pulse("redis", self._redis), name="look for redis")

    async def _follow(self) -> None:
        while True:
            follower = self._services.cluster.follower(self._names.runs)
            try:
                await follower.start(beginning=True)
                await self._count()
                self._index.begin()
                await self._read(follower)
            except ConfigurationError as error:
                self._index.troubles["log"] = f"there is no fleet yet: {error.what}"
            except ArgosyError as error:
                logs.get("argosy.dashboard").warning("the run log can't be read", error=str(error)[:300])
                self._index.troubles["log"] = "the run log can't be read now; trying again"
            finally:
                await follower.close()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _count(self) -> None:
        """Find out how much there is to read."""
        whole = 0
        for number in range(await self._services.cluster.partitions(self._names.runs)):
            start, end = await self._services.cluster.edges(Partition(self._names.runs, number))
            whole += max(0, end - start)
        self._index.reading.of = whole

    async def _read(self, follower: Follower) -> None:
        index = self._index
        while True:
            records = await follower.read(READ_SECONDS)
            index.troubles.pop("log", None)
            for number, record in enumerate(records, 1):
                self._taking.take(record)
                if number % _TURN == 0:
                    await asyncio.sleep(0)
            index.reading.read += len(records)
            if not index.reading.done:
                index.reading.done = await follower.caught_up()

    async def _pulse(self, name: str, ask: Callable[[], Awaitable[None]]) -> None:
        """Ask again and again whether somebody is there; say since when not."""
        log = logs.get("argosy.dashboard")
        away_since: float | None = None
        while True:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await ask()
            except (ArgosyError, TimeoutError) as error:
                if away_since is None:
                    away_since = time.monotonic()
                    why = str(error)[:300] or f"no answer within {ANSWER_SECONDS:g} s"
                    log.warning("a server does not answer", server=name, error=why)
                since = length(time.monotonic() - away_since)
                self._index.troubles[name] = (
                    f"{name.capitalize()} does not answer, for {since}; {_MEANS[name]}"
                )
            else:
                if away_since is not None:
                    log.info("a server answers again", server=name)
                away_since = None
                self._index.troubles.pop(name, None)
            await asyncio.sleep(PULSE_SECONDS)

    async def _kafka(self) -> None:
        await self._services.cluster.topic_names()

    async def _redis(self) -> None:
        await present(self._services.store, self._services.settings.redis.key_prefix)


_MEANS: Final = {
    "kafka": "what is shown is as of then",
    "redis": "who works, and what they have in hand, isn't known",
}
