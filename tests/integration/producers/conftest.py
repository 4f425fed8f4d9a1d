"""One small fleet for each module of producers' tests: starting real servers is what takes the time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.producers import Producers, opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def producers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Producers]:
    """In a task of its own: a fixture's two halves may run in different ones, which no task group stands."""
    found: asyncio.Future[Producers] = asyncio.get_running_loop().create_future()
    leave = asyncio.Event()

    async def hold() -> None:
        async with opened(tmp_path_factory.mktemp("producers")) as world:
            found.set_result(world)
            await leave.wait()

    holding = asyncio.create_task(hold(), name="producers' fleet")
    holding.add_done_callback(lambda _: found.cancel())
    try:
        world = await found
    except asyncio.CancelledError:
        await holding  # it says why
        raise
    try:
        yield world
    finally:
        leave.set()
        await holding
