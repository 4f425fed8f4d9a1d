"""Looks for planted bugs in the kill matrix: one cell, in a fleet of real processes that all have the bug."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bugs.plug import with_bug
from support.crash_cell import Play
from support.crash_points import Cell, NotReached, cells
from support.crash_table import POINTS
from support.crash_world import open_world
from support.forks import Forks
from support.stack import StackThread

CELLS: Final = {cell.id: cell for cell in cells(POINTS)}
_SIDE_BY_SIDE: Final = 3
_TRIES: Final = 2
"""A process dies between two steps; what the others are at then is chance."""


async def seen(bug: str, cell: str, folder: Path, servers: str) -> str | None:
    """Play a cell in a fleet with a bug, twice if need be; return what its judge says, None if nothing is wrong."""
    for number in range(_TRIES):
        here = folder / f"{bug}-{number}"
        await asyncio.to_thread(here.mkdir)
        with suppress(NotReached):
            wrong = await _what_is_wrong(bug, CELLS[cell], here, servers)
            if wrong is not None:
                return f"{cell}: {wrong}"
    return None


async def _what_is_wrong(bug: str, cell: Cell, folder: Path, servers: str) -> str | None:
    async with Forks() as forks:
        try:
            world = await open_world(folder, forks, servers, with_bug(bug))
        except AssertionError as error:
            raise NotReached(str(error)) from None
        try:
            await Play(world, cell).run()
        except NotReached:
            raise
        except (AssertionError, TimeoutError) as wrong:
            return str(wrong).partition("\n")[0] or "a process that woke didn't end"
        finally:
            await world.close()
    return None


def played(wanted: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str | None, float]]:
    """Play a cell for each bug, some side by side, on one real Kafka; in the order in which they are done.

    Tells the bug, what its cell's judge said (None: nothing is wrong), and how many seconds it took.
    """
    with (
        TemporaryDirectory() as folder,
        StackThread(Path(folder)) as stack,
        ThreadPoolExecutor(_SIDE_BY_SIDE) as pool,
    ):

        def play(bug: str, cell: str) -> tuple[str, str | None, float]:
            began = time.monotonic()
            wrong = asyncio.run(seen(bug, cell, Path(folder), stack.bootstrap_servers))
            return bug, wrong, round(time.monotonic() - began, 2)

        for done in as_completed([pool.submit(play, bug, cell) for bug, cell in wanted]):
            yield done.result()
