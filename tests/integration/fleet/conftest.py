"""One hostile fleet for each module that asks for it: starting real servers is what takes the time."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.hostile_world import HostileWorld, hostile_world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostileWorld]:
    """A stack, two coordinators, two workers of every hostile agent, and a client."""
    async with hostile_world(tmp_path_factory.mktemp("hostile"), coordinators=2, workers=2) as world:
        yield world
