"""A lane: one partition of the run log, its state in Redis, and this process as its one owner.

A turn takes a batch, folds it, and commits it in one round trip with what it changed and the offset reached;
then what is owed is sent, and the next commit removes what Kafka acknowledged. Another owner, a rollback and
a wipe all show as a refused commit: the lane is then taken again. Recovery has no code of its own.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Batch, Partition
from argosy.coordinator.intake import Intake
from argosy.coordinator.lane_services import LaneServices
from argosy.coordinator.owned_lane import OwnedLane
from argosy.coordinator.take import take
from argosy.schemas.errors import ChainBroken, NewerVersion, StaleGeneration
from argosy.telemetry import logs
from argosy.telemetry.metrics import LaneState

_AGAIN_SECONDS: Final = 0.05
_STALE_SECONDS: Final = 1.0
_ROLL_OUT_SECONDS: Final = 15.0


class Lane:
    """Owns the lane from assignment to revocation.

    `put` and `stop` may be called at any time, by the consumer's task.
    """

    def __init__(self, services: LaneServices, partition: Partition) -> None:
        """Nothing happens before `run`."""
        self._services, self._partition = services, partition
        self._keys = LaneKeys(services.settings.redis.key_prefix, partition.number)
        consumer = services.consumer
        self._intake = Intake(lambda: consumer.pause([partition]), lambda: consumer.resume([partition]))
        self._stopping = asyncio.Event()
        self._log = logs.get("argosy.lane").bind(lane=partition.number)
        self.live = asyncio.Event()
        """Set while the lane publishes."""
        self._owned: OwnedLane | None = None
        self.paused = ""
        """Why the lane waits for a newer release; empty if it doesn't."""

    @property
    def reached(self) -> int | None:
        """Offset after all that has been folded and committed; None until that is known."""
        return None if self._owned is None else self._owned.reached

    @property
    def out(self) -> Mapping[str, int]:
        """How many tasks of each agent are out, as far as the lane is ours."""
        return {} if self._owned is None else self._owned.out

    @property
    def windows(self) -> Mapping[str, int]:
        """How many tasks of each agent may be out, as far as the lane is ours."""
        return {} if self._owned is None else self._owned.windows

    @property
    def asking(self) -> Mapping[str, int]:
        """How many runs of each pipeline wait for a larger budget, as far as the lane is ours."""
        return {} if self._owned is None else self._owned.asking

    @property
    def word(self) -> LaneState:
        """What the lane does, in a word."""
        return "paused" if self.paused else "live" if self.live.is_set() else "reloading"

    def put(self, batch: Batch) -> None:
        """Keep a batch for the lane's next turn."""
        self._intake.put(batch)

    def stop(self) -> None:
        """Finish the turn that is under way, then return from `run`."""
        self._stopping.set()
        self._intake.wake.set()

    async def run(self) -> None:
        """Take the lane and turn, again and again.

        Return when stopped, or when the broker says that we are not its owner.
        """
        while not self._stopping.is_set():
            try:
                await self._own()
            except* ChainBroken as broken:
                self._log.warning("lane is taken again", why=str(broken.exceptions[0]))
                await self._pause(_AGAIN_SECONDS)
            except* NewerVersion as newer:
                # Never a quarantine: a roll-out is under way, and the new release will get the lane.
                self.paused = str(newer.exceptions[0])
                self._log.error("lane waits for a newer release", why=self.paused)
                await self._pause(_ROLL_OUT_SECONDS)
                self.paused = ""
            except* StaleGeneration:
                # Another generation has begun, and `stop` is about to be called; if not, we are still the owner.
                self._log.info("lane dropped: the broker says that we are not in the group")
                await self._pause(_STALE_SECONDS)
            finally:
                self.live.clear()
                self._owned = None

    async def _own(self) -> None:
        async with asyncio.TaskGroup() as group:
            taken = await take(self._services, self._keys, self._partition)
            owned = self._owned = OwnedLane(self._services, self._partition, taken, self._intake, group)
            await owned.catch_up(self._stopping)
            if not self._stopping.is_set():
                await owned.mark_live()
                self.live.set()
            while not self._stopping.is_set():
                self._intake.wake.clear()
                busy = await owned.turn()
                if not busy and not self._stopping.is_set():
                    await self._rest(owned.rest_seconds())
            await owned.leave()

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._intake.wake.wait()
        except TimeoutError:
            pass

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
