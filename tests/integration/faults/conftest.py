"""One process that forks for each module: its children are started in a tenth of a second."""

from collections.abc import AsyncIterator

import pytest_asyncio

from support.forks import Forks


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def forks() -> AsyncIterator[Forks]:
    """Starts processes; all of them end with the module."""
    async with Forks() as forks:
        yield forks
