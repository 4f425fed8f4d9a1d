"""The twin's follower."""

import asyncio

from argosy.broker.log import Partition, Record
from argosy.broker.memory_broker import MemoryBroker
from argosy.schemas.errors import ConfigurationError


class MemoryFollower:
    """See `log.Follower`."""

    def __init__(self, broker: MemoryBroker, name: str, topic: str) -> None:
        """Read as the process `name`."""
        self._broker, self._name, self._topic = broker, name, topic
        self._concerned = frozenset({topic})
        self._positions: dict[Partition, int] | None = None
        self._goals: dict[Partition, int] = {}

    def _places(self) -> list[Partition]:
        return [Partition(self._topic, number) for number in range(self._broker.sizes().get(self._topic, 0))]

    async def start(self, *, at_ms: int | None = None, beginning: bool = False) -> None:
        """See `log.Follower.start`."""
        await self._broker.reach(self._name)
        logs = {where: self._broker.log(where) for where in self._places()}
        if not logs:
            raise ConfigurationError(f"there is no topic {self._topic}")
        self._goals = {where: log.end for where, log in logs.items()}
        if beginning:
            self._positions = {where: log.base for where, log in logs.items()}
        elif at_ms is not None:
            self._positions = {where: log.offset_at(at_ms) for where, log in logs.items()}
        else:
            self._positions = dict(self._goals)

    async def read(self, timeout_seconds: float) -> tuple[Record, ...]:
        """See `log.Follower.read`."""
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(timeout_seconds):
                while not (found := self._take()):
                    if not self._learn():
                        await self._broker.changed(self._concerned)
        except TimeoutError:
            return ()
        self._learn()
        return found

    def _learn(self) -> bool:
        """Learn who leads by now; say whether anything was to learn."""
        moved = [where for where in self._places() if self._broker.asks_old_leader(self, where)]
        for where in moved:
            self._broker.learned(self, where)
        return bool(moved)

    def _take(self) -> tuple[Record, ...]:
        positions = self._started()
        found: list[Record] = []
        if self._broker.reachable(self._name):
            for where in self._places():
                if self._broker.asks_old_leader(self, where):
                    continue
                batch = self._broker.log(where).read(positions.get(where, 0), self._broker.fetch_most)
                positions[where] = batch.next
                found += batch.records
        return tuple(found)

    async def caught_up(self) -> bool:
        """See `log.Follower.caught_up`."""
        positions = self._started()
        return all(positions[where] >= goal for where, goal in self._goals.items())

    def _started(self) -> dict[Partition, int]:
        if self._positions is None:
            raise ConfigurationError("a follower is read before it is started")
        return self._positions

    async def close(self) -> None:
        """See `log.Follower.close`."""
        self._positions = None
