"""Tasks that kill their worker end as poison after the set deliveries; those beside them, and other agents, go on."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from argosy.schemas.runlog import TaskSettled
from support.diamonds import Diamonds
from support.fault_app import Act, Done, begun, harming
from support.fault_world import Ground, client_of, fault_world
from support.forks import Forks
from support.stack import StackThread

if TYPE_CHECKING:
    from argosy.client.run import Run

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

GOOD: Final = 40
DELIVERIES: Final = 5
"""As the agent's contract says."""
POISON: Final = 2
"""Far fewer than deliveries: each may take an innocent task's lease with it once, before that is a suspect and runs
alone, and a worker that stands still for a moment loses leases too."""


async def test_poison_ends_after_its_deliveries_and_nobody_else_pays_for_it(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground, workers=0) as world, client_of(world) as client:
        harmed = [await world.start("worker", agents="harm") for _ in range(2)]
        other = await world.start("worker", agents="branch,joiner")
        diamonds, enough = Diamonds(world, client), asyncio.Event()
        runs: list[Run[Done]] = []
        async with asyncio.TaskGroup() as group:
            group.create_task(diamonds.keep_on(enough), name="load of other agents")
            for number in range(GOOD):
                if number % (GOOD // POISON) == 0:
                    runs.append(await client.submit(harming, Act(kind="die"), run_id=f"poison-{number}"))
                runs.append(await client.submit(harming, Act(seconds=0.05), run_id=f"good-{number}"))
            for run in runs:
                if run.run_id.startswith("good"):
                    await run.result(timeout_seconds=240)
                    continue
                ended = await run.ended(timeout_seconds=240)
                assert ended.fault is not None
                assert (ended.fault.code, ended.fault.figures) == ("poison", {"deliveries": DELIVERIES})
                # One whose worker died between its claim and its first line has not begun.
                assert 1 <= world.ledger.times(begun(f"{run.run_id}/harm")) <= DELIVERIES
            enough.set()
        assert other.deaths == 0, "a bulkhead: other agents' processes never meet it"
        deaths = sum(place.deaths for place in harmed)
        assert DELIVERIES <= deaths <= POISON * DELIVERIES
        settled = [
            line.message for line in await world.witness.read({}) if isinstance(line.message, TaskSettled)
        ]
        good = [one for one in settled if one.task_id.startswith("good")]
        assert {(one.outcome, one.attempt) for one in good} == {("succeeded", 1)}, (
            "a crash used up an attempt"
        )
        await diamonds.ended()
        await diamonds.judged()
