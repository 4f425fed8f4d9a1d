"""One small fleet for each module of producers' tests: starting real servers is what takes the time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.producers import Producers, opened
from support.snippets import NOT_RUN


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shout which snippets nobody has tried here."""
    if NOT_RUN:
        terminalreporter.section("snippets that were not run", red=True, bold=True)
        for text in dict.fromkeys(NOT_RUN):
            terminalreporter.line(text, red=True)
