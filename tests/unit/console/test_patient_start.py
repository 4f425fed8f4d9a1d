"""A serving process waits at its start for services that are away, and for nothing that no waiting mends."""

import asyncio

import pytest

from argosy.console.patient_start import until_reached
from argosy.schemas.errors import ConfigurationError, Unreachable


async def test_services_that_do_not_answer_yet_are_waited_for() -> None:
    away = [Unreachable("ask for topics"), Unreachable("ask for topics")]

    async def check() -> None:
        if away:
            raise away.pop()

    assert await until_reached("coordinator", check, asyncio.Event(), again_seconds=0)
    assert not away


async def test_whoever_waits_is_ended_by_a_stop() -> None:
    stop, asked = asyncio.Event(), 0

    async def check() -> None:
        nonlocal asked
        asked += 1
        stop.set()
        message = "ask for topics"
        raise Unreachable(message)

    assert not await until_reached("worker", check, stop, again_seconds=3600)
    assert asked == 1


async def test_what_no_waiting_mends_ends_the_start() -> None:
    async def check() -> None:
        message = "topic t has 3 partitions, but lanes = 5"
        raise ConfigurationError(message)

    with pytest.raises(ConfigurationError):
        await until_reached("coordinator", check, asyncio.Event())
