"""DBOS on Postgres: `dbos_arm.py GRAPHS WIDTH AT_ONCE`; a graph is a workflow, its tasks are steps of this process."""

import asyncio
import os
import sys

from dbos import DBOS, DBOSConfig
from handshake import WARM_UP, Handshake
from tally import TEXT, of_environment

COUNT, WIDTH, AT_ONCE = map(int, sys.argv[1:])
tally = of_environment()
DBOS(
    config=DBOSConfig(
        name="bench",
        system_database_url=os.environ["PEER_POSTGRES"],
        run_admin_server=False,
        log_level="ERROR",
    )
)


@DBOS.step()
async def step(text: str, number: int) -> str:
    """Give what came."""
    tally.done(number)
    return text


@DBOS.step()
async def joined(texts: list[str], number: int) -> str:
    """Give the first of all."""
    tally.done(number)
    return texts[0]


@DBOS.workflow()
async def graph(number: int) -> str:
    """Run 1→width→1."""
    first = number * (WIDTH + 2)
    text = await step(TEXT, first)
    texts = await asyncio.gather(*(step(text, first + 1 + branch) for branch in range(WIDTH)))
    return await joined(list(texts), first + WIDTH + 1)


async def main() -> None:
    """Run graphs, some at once."""
    DBOS.launch()
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with room:
            if await graph(number) != TEXT:
                raise ValueError(f"graph {number} gave something else")

    await asyncio.gather(*(one(number) for number in range(COUNT, COUNT + WARM_UP)))
    with Handshake():
        await asyncio.gather(*(one(number) for number in range(COUNT)))
    os._exit(0)  # its threads have nothing to end for


if __name__ == "__main__":
    asyncio.run(main())
