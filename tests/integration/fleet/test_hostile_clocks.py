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
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

HOUR = 3_600
SKEWED = Path(__file__).parents[2] / "support" / "skewed"


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a file for each process whose clock is wrong."""
    return tmp_path_factory.mktemp("clocks")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, clocks: Path) -> AsyncIterator[HostileWorld]:
    """A fleet whose clocks can be set."""
    variables = {
        "PYTHONPATH": f"{SKEWED.parents[1]}:{SKEWED}",
        "ARGOSY_TEST_CLOCKS": str(clocks),
        "ARGOSY_FLEET__LEASE_SECONDS": "60",  # nothing may begin twice: no busy machine takes a turn that long
    }
    folder = tmp_path_factory.mktemp("skewed")
    async with hostile_world(folder, coordinators=2, workers=2, variables=variables) as world:
        yield world


def jump(clocks: Path, **hours: float) -> None:
    """Set the clocks of processes that run; names with `_` for `-`."""
    for name, by in hours.items():
        (clocks / name.replace("_", "-")).write_text(str(by * HOUR), encoding="ascii")


async def doctor(world: HostileWorld, tells: str, expect: int) -> str:
    """Run `argosy doctor`, whose clock is set as Python starts, until it tells this and ends so; return all it said.

    A process tells its time now and then; and Kafka may be too slow for the doctor's patience on a busy machine.
    """
    command = CommandLine(world.fleet.stack.folder, world.fleet.environment, fresh=True)
    said: list[str] = []

    async def told() -> bool:
        done = await asyncio.to_thread(command.run, "doctor")
        said.append(done.stdout)
        return done.returncode == expect and bool(re.search(tells, done.stdout))

    await eventually(told, f"doctor tells {tells!r} and ends with {expect}", seconds=200)
    return said[-1]


@pytest.mark.parametrize("way", [1, -1])
async def test_clocks_that_jump_by_an_hour_end_no_run_early_and_none_never_and_nothing_twice(
    world: HostileWorld, clocks: Path, way: int
) -> None:
    restarts = world.restarts(*world.fleet.stack.supervisor.children)
    name = f"jump {way}"
    async with world.neighbours(name, count=8):
        long = await world.client.submit(peaceful, Act(kind="wait", text=name), deadline_seconds=3_000)
        await world.until_began(f"{long.run_id}/neighbour")
        short = await world.begun_before(15)
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
    said = await doctor(world, "its clock is 2 h", expect=0)
    assert "worker" in next(line for line in said.splitlines() if "its clock is 2 h" in line)
    assert "set its host's clock by NTP" in said
    jump(clocks, worker_1=0, command=1.5)
    said = await doctor(world, r"is 1 h \d+ min behind ours", expect=1)
    assert "submits that carry our time are refused" in said
    jump(clocks, command=0)
