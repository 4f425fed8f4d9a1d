"""A thousand runs that all end early, by a cancel, a first success or a quorum: what still goes out is bounded."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import pytest
import pytest_asyncio

from argosy import Pipeline
from argosy.client.run import Run
from argosy.schemas.runlog import TaskSettled
from support.fault_app import RACERS, all_of_them, first_of, some_of
from support.fault_world import STEADY, FaultWorld, Ground, client_of, fault_world
from support.forks import Forks
from support.stack import StackThread
from support.storms import INPUT, Counted, all_at_once, count, ends

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

RUNS: Final = int(os.environ.get("ARGOSY_TEST_STORM", "250"))
LATE_PER_MILLE: Final = 50
"""Of all that went out, at most this share after its run had ended: what was being sent in that very moment."""
STORMS: Final = 3
"""That share is kept to by one of so many: a broker that hangs for a moment has all that was sent in it too late."""
PATIENT: Final = {
    "ARGOSY_FLEET__PATIENCE_SECONDS": "600",
    "ARGOSY_FLEET__DISPATCH_WINDOW": "256",
    **STEADY,
}
"""So that no dispatch is repeated because a worker was busy."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    tmp_path_factory: pytest.TempPathFactory, forks: Forks, stack: StackThread
) -> AsyncIterator[FaultWorld]:
    ground = Ground(tmp_path_factory.mktemp("storms"), forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground, workers=2, variables=PATIENT) as world:
        yield world


async def bounded(storm: Callable[[], Awaitable[Counted]]) -> None:
    """Nothing goes out twice nor is decided once its run has ended; next to nothing goes out too late."""
    found: list[Counted] = []
    for _ in range(STORMS):
        counted = await storm()
        print(counted)  # noqa: T201 - the figure itself
        assert counted.again == 0, counted
        assert counted.needless == 0, counted
        found.append(counted)
        if counted.late * 1000 <= counted.orders * LATE_PER_MILLE:
            return
    raise AssertionError(found)


async def settles(world: FaultWorld, runs: Sequence[Run[Any]]) -> Counter[str]:
    """How the tasks of these runs ended."""
    mine = {run.run_id for run in runs}
    return Counter(
        line.message.outcome
        for line in await world.witness.read({})
        if isinstance(line.message, TaskSettled) and line.envelope.subject in mine
    )


@pytest.mark.parametrize(("pipeline", "least"), [(first_of, 1), (some_of, 2)], ids=["any", "quorum"])
async def test_a_storm_of_early_joins_ends_every_run_and_stops_who_is_not_needed(
    world: FaultWorld, pipeline: Pipeline[list[int], int], least: int
) -> None:
    async def storm() -> Counted:
        runs: list[Run[int]] = []
        async with client_of(world) as client:

            async def submit(_: int) -> None:
                runs.append(await client.submit(pipeline, INPUT))

            await all_at_once(RUNS, submit)
            outcomes = Counter(end.outcome for end in await ends(runs))
            assert outcomes == {"succeeded": RUNS}
            await world.until_quiet()
            assert (await settles(world, runs))["succeeded"] >= RUNS * (least + 1)
        return await count(world, runs)

    await bounded(storm)


async def test_a_storm_of_cancels_stops_everything_and_what_is_left_over_is_nothing(
    world: FaultWorld,
) -> None:
    async def storm() -> Counted:
        runs: list[Run[list[int]]] = []
        async with client_of(world) as client:

            async def submit(_: int) -> None:
                runs.append(await client.submit(all_of_them, INPUT))

            async def cancel(number: int) -> None:
                await runs[number].cancel("a storm")

            await all_at_once(RUNS, submit)
            await all_at_once(RUNS, cancel)
            outcomes = Counter(end.outcome for end in await ends(runs))
            assert outcomes == {"cancelled": RUNS}
            await world.until_quiet()
        counted = await count(world, runs)
        assert counted.orders <= RUNS * RACERS
        return counted

    await bounded(storm)
