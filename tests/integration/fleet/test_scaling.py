"""Workers come and go under load, a whole fleet is restarted: throughput follows, nothing is lost or done twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from argosy.client.connection import Argosy
from argosy.client.run import Run
from support import waiters
from support.fleet import AGENTS, RealFleet, real_fleet
from support.oracle import stories, until_quiet
from support.storm import judge, load_until
from support.waiters import AT_ONCE, waiting
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

MEASURED = 64
"""Items of a map that is timed: so many that what a run costs besides its waiting hardly counts."""
MOVED = 40
"""Items of a map during which workers come or go."""
LOAD = 16
"""Runs that are under way at any time while everything is restarted."""
MORE = ("wait-2", "wait-3", "wait-4")


@dataclass
class Scaled:
    """A fleet of two coordinators, and a client."""

    fleet: RealFleet
    client: Argosy

    async def submit(self, items: int, run_id: str) -> Run[list[int]]:
        """Submit one map."""
        return await self.client.submit(waiting, list(range(items)), run_id=run_id)

    async def answer(self, run: Run[list[int]]) -> list[int]:
        """Wait for a run's result."""
        return await run.result(timeout_seconds=200)

    async def seconds(self, run_id: str) -> float:
        """How long the measured map takes."""
        clock = asyncio.get_running_loop().time
        began = clock()
        assert await self.answer(await self.submit(MEASURED, run_id)) == list(range(MEASURED))
        return clock() - began

    async def until_under_way(self, run_id: str) -> None:
        """Wait until handlers are at work on a run; most of its tasks wait then."""

        async def so() -> bool:
            return len(self.made(run_id)) >= AT_ONCE

        await eventually(so, f"{run_id} is under way")

    async def until_spread(self, workers: int) -> None:
        """Give the fleet work until so many workers have a part of it: only then the group has settled."""

        async def so() -> bool:
            run = await self.client.submit(waiting, list(range(8 * workers)))
            await self.answer(run)
            keys = self.fleet.ledger.effects()
            return sum(key.startswith(f"{run.run_id}@") for key in keys) == workers

        await eventually(so, f"{workers} workers share the work")

    def made(self, run_id: str) -> list[str]:
        """Tasks of a run that had their effect."""
        keys = self.fleet.ledger.effects()
        return [key.split("|")[0] for key in keys if key.startswith(f"{run_id}/")]

    async def once(self, run_id: str, items: int) -> None:
        """See that each task of a run took effect, and took it once."""
        tasks = sorted(f"{run_id}/wait.{number}" for number in range(items))
        assert sorted(self.made(run_id)) == tasks
        story = (await stories(self.fleet.settings))[run_id]
        assert {each.task_id for each in story.settled} == set(tasks)
        assert {each.outcome for each in story.settled} == {"succeeded"}
        assert len(set(story.results)) == 1
        assert self.fleet.ledger.made_after_known() == []
        assert self.fleet.ledger.changed_memos() == []

    async def start(self, names: Sequence[str]) -> None:
        """Start workers of the waiting agent."""
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self.fleet.worker(name, ["wait"]), name=f"start {name}")

    async def stop(self, names: Sequence[str]) -> None:
        """Tell workers to leave, all at once; see that they leave of their own accord."""
        supervisor = self.fleet.stack.supervisor
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(supervisor.stop(name), name=f"stop {name}") for name in names]
        assert [task.result().last_exit for task in tasks] == [0] * len(names)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scaled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scaled]:
    """One fleet for all tests of the module; a task of its own enters and leaves it, as task groups ask for."""
    opened: asyncio.Future[Scaled] = asyncio.get_running_loop().create_future()
    leave = asyncio.Event()
    app = Path(waiters.__file__)

    async def hold() -> None:
        async with (
            real_fleet(tmp_path_factory.mktemp("scaled"), coordinators=2, app=app) as fleet,
            Argosy.connect(fleet.settings) as client,
        ):
            opened.set_result(Scaled(fleet, client))
            await leave.wait()

    holding = asyncio.create_task(hold(), name="scaled fleet")
    holding.add_done_callback(lambda _: opened.cancel())
    try:
        found = await opened
    except asyncio.CancelledError:
        await holding  # it says why
        raise
    try:
        yield found
    finally:
        leave.set()
        await holding


async def test_throughput_follows_the_number_of_workers_and_nothing_takes_effect_twice(
    scaled: Scaled,
) -> None:
    await scaled.start(["wait-1"])
    await scaled.answer(await scaled.submit(1, "warm"))
    alone = await scaled.seconds("alone")

    growing = await scaled.submit(MOVED, "growing")
    await scaled.until_under_way("growing")
    await scaled.start(MORE)
    assert await scaled.answer(growing) == list(range(MOVED))
    await scaled.until_spread(1 + len(MORE))
    together = await scaled.seconds("together")
    for again in range(
        4
    ):  # a busy machine may be too slow for what four do at once; none makes one as fast as four
        if alone > 2 * together:
            break
        together = await scaled.seconds(f"together-{again}")
    assert alone > 2 * together, f"one worker took {alone:.1f} s, four took {together:.1f} s"

    shrinking = await scaled.submit(MOVED, "shrinking")
    await scaled.until_under_way("shrinking")
    await scaled.stop(MORE)
    assert await scaled.answer(shrinking) == list(range(MOVED))

    await until_quiet(scaled.fleet.settings)
    for run_id, items in (
        ("alone", MEASURED),
        ("growing", MOVED),
        ("together", MEASURED),
        ("shrinking", MOVED),
    ):
        await scaled.once(run_id, items)
    await scaled.stop(["wait-1"])


async def test_a_rolling_restart_of_everything_under_load_loses_nothing(scaled: Scaled) -> None:
    fleet, supervisor = scaled.fleet, scaled.fleet.stack.supervisor
    workers = ("scripted-1", "scripted-2")
    for name in workers:
        await fleet.worker(name, AGENTS)
    enough = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        loading = group.create_task(load_until(fleet, enough, LOAD), name="load")
        for name in ("coordinator-1", "coordinator-2", *workers):
            before = supervisor.children[name].process
            await supervisor.restart(name)
            child = supervisor.children[name]
            assert (child.last_exit, child.process != before) == (0, True), name
        enough.set()
    count = loading.result()
    assert count > 0
    await until_quiet(fleet.settings)
    told = await stories(fleet.settings)
    mine = {run_id: story for run_id, story in told.items() if run_id.startswith("run-")}
    judge(fleet, mine, count, redis_lost=False)
