"""Wall clocks that jump by hours under running processes: nothing twice in effect, no run early, none never."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from argosy.schemas.errors import RunExpired
from support.command_line import CommandLine
from support.hostile import Act, peaceful
from support.hostile_world import ENDED_SECONDS, HostileWorld, hostile_world

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

HOUR = 3_600
SKEWED = Path(__file__).parents[2] / "support" / "skewed"


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a file for each process whose clock is wrong."""
    return tmp_path_factory.mktemp("clocks")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, clocks: Path) -> AsyncIterator[HostileWorld]:
    """A fleet whose clocks can be set."""
    variables = {"PYTHONPATH": f"{SKEWED.parents[1]}:{SKEWED}", "ARGOSY_TEST_CLOCKS": str(clocks)}
    folder = tmp_path_factory.mktemp("skewed")
    async with hostile_world(folder, coordinators=2, workers=2, variables=variables) as world:
        yield world


def jump(clocks: Path, **hours: float) -> None:
    """Set the clocks of processes that run; names with `_` for `-`."""
    for name, by in hours.items():
        (clocks / name.replace("_", "-")).write_text(str(by * HOUR), encoding="ascii")


async def doctor(world: HostileWorld, expect: int) -> str:
    """Run `argosy doctor`, whose clock is set as Python starts."""
    command = CommandLine(world.fleet.stack.folder, world.fleet.environment, fresh=True)
    return (await asyncio.to_thread(command, "doctor", expect=expect)).stdout


@pytest.mark.parametrize("way", [1, -1])
async def test_clocks_that_jump_by_an_hour_end_no_run_early_and_none_never_and_nothing_twice(
    world: HostileWorld, clocks: Path, way: int
) -> None:
    restarts = world.restarts(*world.fleet.stack.supervisor.children)
    name = f"jump {way}"
    async with world.neighbours(name, count=8):
        long = await world.client.submit(peaceful, Act(kind="wait", text=name), deadline_seconds=600)
        short = await world.client.submit(peaceful, Act(kind="wait", text="never"), deadline_seconds=15)
        for run in (long, short):
            await world.until_began(f"{run.run_id}/neighbour")
        jump(clocks, coordinator_1=way, coordinator_2=-way, worker_1=-way, worker_2=way)
        runs = [await world.submit(peaceful) for _ in range(8)]
        await world.unharmed(runs)
        with pytest.raises(RunExpired):
            await short.result(timeout_seconds=ENDED_SECONDS)
        # Whoever takes a lane now, or starts to work, does so with a wrong clock from the first moment on.
        await world.fleet.kill("coordinator-1")
        await world.fleet.stack.supervisor.until_ready("coordinator-1")
        await world.fleet.kill("coordinator-2")
        await world.fleet.stack.supervisor.until_ready("coordinator-2")
        late = [await world.submit(peaceful) for _ in range(8)]
        await world.unharmed(late)
        world.release(name)
        assert (await world.answer(long)).kind == "wait"
    for run in (long, *runs, *late):
        assert [each.outcome for each in await world.settled(run)] == ["succeeded"]
        assert world.fleet.ledger.times(f"{run.run_id}/neighbour|began") == 1
    assert world.restarts(*world.fleet.stack.supervisor.children) == restarts + 2
    jump(clocks, coordinator_1=0, coordinator_2=0, worker_1=0, worker_2=0)
    await world.quiet()


async def test_doctor_tells_whose_clock_is_wrong_and_by_how_much(world: HostileWorld, clocks: Path) -> None:
    jump(clocks, worker_1=2.5)

    async def told() -> bool:
        return "its clock is 2 h" in await doctor(world, expect=0)

    await world.until(told, "doctor tells of the worker's clock")
    said = await doctor(world, expect=0)
    assert "worker" in next(line for line in said.splitlines() if "its clock is 2 h" in line)
    assert "set its host's clock by NTP" in said
    jump(clocks, worker_1=0, command=1.5)
    said = await doctor(world, expect=1)
    assert re.search(r"is 1 h \d+ min behind ours", said)
    assert "submits that carry our time are refused" in said
    jump(clocks, command=0)
