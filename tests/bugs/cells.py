"""Looks for planted bugs in the kill matrix: one cell, in a fleet of real processes that all have the bug."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bugs.plug import with_bug
from support.crash_cell import Play
from support.crash_points import Cell, NotReached, cells
from support.crash_table import POINTS
from support.crash_world import CrashWorld, open_world
from support.forks import Forks
from support.stack import StackThread
from support.witness import Where

CELLS: Final = {cell.id: cell for cell in cells(POINTS)}
_SIDE_BY_SIDE: Final = 3
_TRIES: Final = 3
"""A process dies between two steps; what the others are at then is chance."""
_SILENT_SECONDS: Final = 15.0
"""A fleet that appends nothing but orders again for so long stands still: leases, sessions and patience are shorter."""
_WAITED: Final = ("never ended", "not quiet", "still not so")
"""What is said where time ran out: that something is missing, or that the machine is slow."""


async def seen(bug: str, cell: str, folder: Path, servers: str, says: str = "") -> str | None:
    """Play a cell in a fleet with a bug, a few times if need be; return what its judge says, None if nothing is wrong.

    `says`: only what has these words counts. Raises NotReached if no try came to an end.
    """
    why: NotReached | None = None
    came = False
    for number in range(_TRIES):
        here = folder / f"{bug}-{number}"
        await asyncio.to_thread(here.mkdir)
        try:
            wrong = await _what_is_wrong(bug, CELLS[cell], here, servers)
        except NotReached as error:
            why = error
            continue
        came = True
        told = next((one for one in wrong if says in one), None)
        if told is not None:
            return f"{cell}: {told}"
    if why is not None and not came:
        raise why
    return None


async def _what_is_wrong(bug: str, cell: Cell, folder: Path, servers: str) -> Sequence[str]:
    async with Forks() as forks:
        try:
            world = await open_world(folder, forks, servers, with_bug(bug))
        except AssertionError as error:
            raise NotReached(str(error)) from None
        try:
            await Play(world, cell).run()
        except NotReached:
            raise
        except TimeoutError as error:
            message = f"{cell.id} ran out of time: {error}"
            raise NotReached(message) from None
        except AssertionError as wrong:
            told = str(wrong).splitlines()
            if any(words in told[0] for words in _WAITED) and not await _stands_still(world):
                message = f"{cell.id} was still at work: {told[0]}"
                raise NotReached(message) from None
            return told
        finally:
            await world.close()
    return ()


async def _stands_still(world: CrashWorld) -> bool:
    """Watch the log: no run gets on. An order that is sent again and again gets nobody on."""

    async def ends() -> dict[Where, int]:
        found = await world.witness.ends()
        return {where: end for where, end in found.items() if ".tasks." not in where[0]}

    before = await ends()
    await asyncio.sleep(_SILENT_SECONDS)
    return await ends() == before


def played(wanted: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str | None, float]]:
    """Play a cell for each bug, some side by side, on one real Kafka; in the order in which they are done.

    Tells the bug, what its cell's judge said (None: nothing is wrong, or nothing was judged), and how many seconds
    it took.
    """
    with (
        TemporaryDirectory() as folder,
        StackThread(Path(folder)) as stack,
        ThreadPoolExecutor(_SIDE_BY_SIDE) as pool,
    ):

        def play(bug: str, cell: str) -> tuple[str, str | None, float]:
            began = time.monotonic()
            try:
                wrong = asyncio.run(seen(bug, cell, Path(folder), stack.bootstrap_servers))
            except NotReached as error:
                print(f"{bug}: {error}", file=sys.stderr)  # noqa: T201 - a command's
                wrong = None
            return bug, wrong, round(time.monotonic() - began, 2)

        for done in as_completed([pool.submit(play, bug, cell) for bug, cell in wanted]):
            yield done.result()
