"""Redis loses all, its tail or its voice, under an idle fleet with one timer armed and under a busy one."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from argosy.broker.keys import kind_of
from support.diamonds import Diamonds
from support.fault_app import Act, begun, lonely
from support.fault_world import FaultWorld, Ground, client_of, fault_world
from support.forks import Forks
from support.patient_redis import patient
from support.played import Played, asked_for, played
from support.stack import StackThread
from support.valkey import PERSISTENT, Valkey
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

TIMER_SECONDS: Final = 8.0
"""Mostly long enough for the fault to come and go before the timer is due; else it is tried with twice the time."""
CUT_BYTES: Final = 4_000
Harm = Callable[[FaultWorld, Valkey], Awaitable[None]]


async def command(valkey: Valkey, *words: str | int) -> None:
    """Ask the server for something."""
    redis = patient(valkey.url)
    try:
        await redis.execute_command(*words)  # type: ignore[no-untyped-call]
    finally:
        await redis.aclose()


async def wipe(_: FaultWorld, valkey: Valkey) -> None:
    """Everything is gone, the server's identity stays."""
    await command(valkey, "FLUSHALL")


async def cut(_: FaultWorld, valkey: Valkey) -> None:
    """A machine that died: the server comes again without the last of what it had acknowledged."""
    await asyncio.to_thread(valkey.kill)
    (tail,) = (valkey.folder / "appendonlydir").glob("*.incr.aof")
    with tail.open("rb+") as file:
        file.truncate(max(0, tail.stat().st_size - CUT_BYTES))
    await asyncio.to_thread(valkey.start)


async def restart(_: FaultWorld, valkey: Valkey) -> None:
    """Killed and started again, with all that it had."""
    await asyncio.to_thread(valkey.kill)
    await asyncio.to_thread(valkey.start)


async def empty(_: FaultWorld, valkey: Valkey) -> None:
    """Killed, and started again on an empty disk."""
    await asyncio.to_thread(valkey.kill)
    for file in (valkey.folder / "appendonlydir").iterdir():
        file.unlink()
    await asyncio.to_thread(valkey.start)


async def read_only(world: FaultWorld, valkey: Valkey) -> None:
    """A replica that nobody told us of: it answers reads and refuses writes."""
    before = world.said().count("READONLY")
    await command(valkey, "REPLICAOF", "127.0.0.1", 1)
    await world.until_said("READONLY", times=before + 1)
    await command(valkey, "REPLICAOF", "NO", "ONE")


async def full(world: FaultWorld, valkey: Valkey) -> None:
    """No memory left, and `noeviction`."""
    before = world.said().count("OOM")
    await command(valkey, "CONFIG", "SET", "maxmemory", 1)
    await world.until_said("OOM", times=before + 1)
    await command(valkey, "CONFIG", "SET", "maxmemory", 0)


FAULTS: Final[dict[str, tuple[Harm, bool]]] = {
    "wiped": (wipe, True),
    "cut": (cut, True),
    "emptied": (empty, True),
    "restarted": (restart, False),
    "read_only": (read_only, False),
    "full": (full, False),
}
"""What is done, and whether data is lost by it."""


@asynccontextmanager
async def redis_world(
    folder: Path, forks: Forks, stack: StackThread
) -> AsyncGenerator[tuple[FaultWorld, Valkey, Diamonds]]:
    (folder / "valkey").mkdir(parents=True)
    with Valkey(folder / "valkey", *PERSISTENT) as valkey:
        async with (
            fault_world(Ground(folder, forks, stack.bootstrap_servers, valkey.url)) as world,
            client_of(world) as client,
        ):
            yield world, valkey, Diamonds(world, client)


async def timer_armed(world: FaultWorld, task_id: str) -> None:
    """Wait until nothing but a timer is left in all lanes, or that was to be seen no more."""

    async def so() -> bool:
        kinds = Counter([kind_of(key.decode()) async for key in world.store.scan(f"{world.name}:*")])
        busy = kinds["out"] + kinds["outbox"] + kinds["ready"]
        times = world.ledger.times(begun(task_id))
        return times > 1 or (kinds["timers"] == 1 and not busy and times == 1)

    await eventually(so, "the fleet has nothing but a timer")


async def idle(world: FaultWorld, valkey: Valkey, diamonds: Diamonds, harm: Harm) -> None:
    """The fault comes while nobody does anything, and nothing but Redis knows of the timer."""
    seconds, was_idle = TIMER_SECONDS, False
    while not was_idle:
        run = await diamonds.client.submit(lonely, Act(seconds=seconds))
        task_id = f"{run.run_id}/later"
        await timer_armed(world, task_id)
        await harm(world, valkey)
        was_idle = world.ledger.times(begun(task_id)) == 1
        assert (await run.result(timeout_seconds=240)).value.startswith(f"{task_id}:")
        assert not was_idle or world.ledger.times(begun(task_id)) == 2, "one timer, one attempt more"
        seconds *= 2


async def busy(world: FaultWorld, valkey: Valkey, diamonds: Diamonds, harm: Harm) -> None:
    """The fault comes twice in the middle of work."""
    enough = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(diamonds.keep_on(enough), name="load")
        for _ in range(2):
            await asyncio.sleep(0.5)  # so that work is under way; nothing rests on how much
            await harm(world, valkey)
        enough.set()
    await diamonds.ended()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, forks: Forks, stack: StackThread
) -> AsyncIterator[Played]:
    """Play all of the faults that are asked for, several side by side."""
    folder = tmp_path_factory.mktemp("redis")

    async def scenario(fault: str) -> None:
        harm, loses = FAULTS[fault]
        async with redis_world(folder / fault, forks, stack) as (world, valkey, diamonds):
            await diamonds.submit(2)  # makes all groups settle
            await diamonds.ended()
            await idle(world, valkey, diamonds, harm)
            await busy(world, valkey, diamonds, harm)
            await diamonds.judged(redis_lost=loses, most_again=16)
            assert world.restarts == 0, world.said()[-3000:]

    async with played(asked_for(request, "outcomes", "fault"), scenario) as outcomes:
        yield outcomes


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_every_run_ends_right_idle_or_busy_on_a_redis_that_was(fault: str, outcomes: Played) -> None:
    await outcomes.outcome(fault)
