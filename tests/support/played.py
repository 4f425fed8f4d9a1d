"""Plays the scenarios of a module several at a time, each in a fleet of its own; its tests ask for the outcomes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest


class Played:
    """What came of each scenario."""

    def __init__(self, names: Sequence[str]) -> None:
        loop = asyncio.get_running_loop()
        self._outcomes = {name: loop.create_future() for name in names}

    async def outcome(self, name: str) -> None:
        """Wait until it was played; raises what was wrong."""
        await self._outcomes[name]

    async def play(self, name: str, scenario: Callable[[str], Awaitable[None]]) -> None:
        """Play one."""
        try:
            await scenario(name)
        except Exception as error:  # noqa: BLE001 - it belongs to the test of this scenario
            self._outcomes[name].set_exception(error)
        else:
            self._outcomes[name].set_result(None)


def asked_for(request: pytest.FixtureRequest, fixture: str, parameter: str) -> list[str]:
    """Values of a parameter of the tests that will ask this fixture, in their order."""
    return [
        str(item.callspec.params[parameter])
        for item in request.session.items
        if isinstance(item, pytest.Function) and fixture in item.fixturenames and item.path == request.path
    ]


@asynccontextmanager
async def played(
    names: Sequence[str], scenario: Callable[[str], Awaitable[None]], *, at_once: int = 3
) -> AsyncGenerator[Played]:
    """Begin to play all; what is not over when left is given up."""
    outcomes, gate = Played(names), asyncio.Semaphore(at_once)

    async def one(name: str) -> None:
        async with gate:
            await outcomes.play(name, scenario)

    playing = [asyncio.create_task(one(name), name=f"play {name}") for name in names]
    try:
        yield outcomes
    finally:
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)
