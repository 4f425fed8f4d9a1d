"""Which lanes this process owns: one task for each assigned partition of the run log (a `Subscriber`)."""

import asyncio
from collections.abc import Sequence
from typing import Final

from argosy.broker.log import Batch, Partition
from argosy.coordinator.lane import Lane
from argosy.coordinator.lane_services import LaneServices

_STOP_SECONDS: Final = 2.0


class Lanes:
    """Begins a lane at assignment and ends it at revocation."""

    def __init__(self, services: LaneServices, group: asyncio.TaskGroup) -> None:
        """`group` owns the lanes' tasks."""
        self._services, self._group = services, group
        self._lanes: dict[Partition, tuple[Lane, asyncio.Task[None]]] = {}

    @property
    def lanes(self) -> dict[int, Lane]:
        """The lanes that are ours now, by number."""
        return {partition.number: lane for partition, (lane, _) in self._lanes.items()}

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
