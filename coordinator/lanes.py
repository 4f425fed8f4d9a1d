"""Which lanes this process owns: one task for each assigned partition of the run log (a `Subscriber`)."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from argosy.broker.log import Batch, Partition
from argosy.broker.offsets import Told
from argosy.coordinator.lane import Lane
from argosy.coordinator.lane_figures import Figures
from argosy.coordinator.lane_services import LaneServices
from argosy.schemas.errors import ArgosyError
from argosy.telemetry import logs

_STOP_SECONDS: Final = 2.0


class Lanes:
    """Begins a lane at assignment and ends it at revocation."""

    def __init__(self, services: LaneServices, group: asyncio.TaskGroup) -> None:
        """`group` owns the lanes' tasks."""
        self._services, self._group = services, group
        self._figures = Figures()
        self._lanes: dict[Partition, tuple[Lane, asyncio.Task[None]]] = {}

    @property
    def lanes(self) -> dict[int, Lane]:
        """The lanes that are ours now, by number."""
        return {partition.number: lane for partition, (lane, _) in self._lanes.items()}

    async def tell(self, stop: asyncio.Event) -> None:
        """Commit to Kafka how far the lanes are, all at once, until `stop`.

        For lag tools only: who takes a lane reads on from its checkpoint.
        """
        told: dict[Partition, int] = {}
        keeping = Told(self._services.consumer)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._services.settings.fleet.lane_heartbeat_seconds):
                    await stop.wait()
            self._figures.tell(self.lanes.values())
            reached = {partition: lane.reached for partition, (lane, _) in self._lanes.items()}
            offsets = {
                partition: offset
                for partition, offset in reached.items()
                if offset is not None and told.get(partition) != offset
            }
            if offsets and await self._tell(offsets):
                told.update(offsets)
            with contextlib.suppress(ArgosyError):  # it looks again
                await keeping.put_right({where: told[where] for where in reached if where in told})

    async def _tell(self, offsets: Mapping[Partition, int]) -> bool:
        try:
            await self._services.consumer.commit(offsets)
        except ArgosyError as error:
            logs.get("argosy.lane").debug("offsets not committed", error=str(error))
            return False
        return True

    async def assigned(self, partitions: Sequence[Partition], epoch: int) -> None:
        """See `log.Subscriber`."""
        for partition in partitions:
            lane = Lane(self._services, partition)
            running = lane.run()
            try:
                task = self._group.create_task(running, name=f"lane {partition.number} of epoch {epoch}")
            except RuntimeError:  # the group is being cancelled
                running.close()
                return
            self._lanes[partition] = lane, task

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        """Let each lane finish its turn, for a moment.

        A commit that comes too late is refused by the chain.
        """
        ending: list[asyncio.Task[None]] = []
        for partition in partitions:
            lane, task = self._lanes.pop(partition, (None, None))
            if lane is not None and task is not None:
                lane.stop()
                ending.append(task)
        if ending:
            _, late = await asyncio.wait(ending, timeout=_STOP_SECONDS)
            for task in late:
                task.cancel()

    async def took(self, batch: Batch) -> None:
        """See `log.Subscriber`."""
        found = self._lanes.get(batch.partition)
        if found is not None:
            found[0].put(batch)
