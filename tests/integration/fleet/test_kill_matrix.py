"""Every named crash point: real processes end, or stand still, on real Kafka and Valkey, which may lose data too.

A covering part of the cells, the same each time; `make matrix` plays all (`ARGOSY_TEST_CELLS=all`).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from support.crash_cell import Play
from support.crash_points import Cell, cells, covering
from support.crash_table import POINTS
from support.crash_world import CrashWorld, open_world
from support.forks import Forks
from support.stack import StackThread

WORLDS = int(os.environ.get("ARGOSY_TEST_WORLDS", "4"))
"""Small fleets side by side, each with one cell at a time."""
CELLS = list((cells if os.environ.get("ARGOSY_TEST_CELLS") == "all" else covering)(POINTS))

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]


class Matrix:
    """Plays the cells, several at a time, in the order in which they will be asked for."""

    def __init__(self, wanted: list[Cell], open_one: Callable[[], Awaitable[CrashWorld]]) -> None:
        loop = asyncio.get_running_loop()
        self._outcomes = {cell.id: loop.create_future() for cell in wanted}
        self._left = iter(wanted)
        self._open = open_one

    async def outcome(self, cell: Cell) -> None:
        """Wait until a cell was played; raises what was wrong."""
        await self._outcomes[cell.id]

    async def play(self) -> None:
        """Play cells, one after another, in one world; a cell that fails takes its world with it."""
        for cell in self._left:
            world: CrashWorld | None = None
            try:
                world = await self._open()
                await self._play(cell, world)
                for following in self._left:
                    cell = following  # noqa: PLW2901 - the one under way
                    await self._play(cell, world)
            except Exception as error:  # noqa: BLE001 - it belongs to the test of this cell
                self._outcomes[cell.id].set_exception(error)
            finally:
                if world is not None:
                    await world.close()

    async def _play(self, cell: Cell, world: CrashWorld) -> None:
        await Play(world, cell).run()
        self._outcomes[cell.id].set_result(None)


def wanted_cells(request: pytest.FixtureRequest) -> list[Cell]:
    """The cells of the tests that were asked for."""
    found: list[Cell] = []
    for item in request.session.items:
        if isinstance(item, pytest.Function) and "matrix" in item.fixturenames:
            cell = item.callspec.params["cell"]
            assert isinstance(cell, Cell)
            found.append(cell)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, stack: StackThread
) -> AsyncIterator[Matrix]:
    folder, wanted = tmp_path_factory.mktemp("cells"), wanted_cells(request)
    async with Forks() as forks:

        async def open_one() -> CrashWorld:
            return await open_world(folder, forks, stack.bootstrap_servers)

        played = Matrix(wanted, open_one)
        playing = [
            asyncio.create_task(played.play(), name=f"world {number}")
            for number in range(min(WORLDS, len(wanted)))
        ]
        try:
            yield played
        finally:
            for task in playing:
                task.cancel()
            await asyncio.gather(*playing, return_exceptions=True)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
async def test_every_promise_holds_when_a_process_ends_or_stands_still_at(cell: Cell, matrix: Matrix) -> None:
    await matrix.outcome(cell)
