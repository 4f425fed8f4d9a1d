"""A task of Kafka's client library dies inside a process: the process says so, ends, and a fresh one goes on."""

import asyncio
import signal
from pathlib import Path

import pytest

from argosy.agents.exit import BROKEN
from support.diamonds import Diamonds
from support.fault_world import ENDED_SECONDS, FaultWorld, Ground, Kept, client_of, fault_world
from support.forks import PLUG, Forks, Process
from support.stack import StackThread
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]
VARIABLES = {PLUG: "support.task_of:at_signal"}
STILL = "stands still: the task that fetches has ended"


async def test_a_worker_and_a_coordinator_end_themselves_and_no_run_is_lost(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground, variables=VARIABLES) as world, client_of(world) as client:
        diamonds = Diamonds(world, client)
        for place in tuple(world.places):
            await diamonds.submit(4)
            await stand_still(world, place)
            await diamonds.ended()
        await world.until_quiet()


async def stand_still(world: FaultWorld, place: Kept) -> None:
    """End the tasks that fetch, of whoever is there now; see it end, and another one come."""
    asked = list[Process]()

    async def told() -> bool:
        if STILL in place.said():
            return True
        asked.append(place.process)
        place.process.signal(signal.SIGUSR1)  # again: what reads first may not be there yet
        return False

    await eventually(told, "it says what happened")
    async with asyncio.timeout(ENDED_SECONDS):
        assert await asyncio.shield(asked[-1].ended) == BROKEN
    role = "coordinator" if place is world.places[0] else "worker"
    said = place.said()
    assert f"argosy {role}: the " in said or "\nerror: the reader of " in said  # who looks first
    assert "do:  start this process again" in said


async def test_a_gateway_ends_itself_too(tmp_path: Path, forks: Forks, stack: StackThread) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground, workers=0) as world:
        ready = tmp_path / "ready"
        words = ["gateway", "--port", "0", "--ready-file", str(ready)]
        gateway = await forks.start(words, {**world.variables, **VARIABLES}, tmp_path / "gateway.log")
        await eventually(lambda: asyncio.to_thread(ready.exists), "it listens")

        async def told() -> bool:
            gateway.signal(signal.SIGUSR1)  # again, as above
            return STILL in gateway.said()

        await eventually(told, "it says what happened")
        async with asyncio.timeout(ENDED_SECONDS):
            assert await asyncio.shield(gateway.ended) == BROKEN
        assert "do:  start this process again" in gateway.said()
