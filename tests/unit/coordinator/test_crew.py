"""What workers say that they run at once is what dispatch windows may begin with."""

import asyncio

from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.presence import Beat, InHand, LaneSaid
from argosy.coordinator.crew import Crew


def _worker(store: MemoryRedis, name: str, slots: int) -> Beat:
    def look() -> tuple[dict[str, InHand], dict[int, LaneSaid]]:
        return {"read": InHand(slots=slots)}, {}

    return Beat(store, "argosy", "worker", name, look)


async def test_slots_of_all_workers_count_twice_and_are_shared_by_the_lanes() -> None:
    store, stop = MemoryRedis(), asyncio.Event()
    crew = Crew(store, "argosy", lanes=8)
    shares = crew.shares
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(60):
        beats = [
            tasks.create_task(_worker(store, name, slots).run(), name=name)
            for name, slots in (("one", 500), ("two", 301))
        ]
        reading = tasks.create_task(crew.run(stop), name="crew")
        while shares != {"read": 201}:  # noqa: ASYNC110 - beats and the crew have no event
            await asyncio.sleep(0.01)
        stop.set()
        await reading
        for beat in beats:
            beat.cancel()
