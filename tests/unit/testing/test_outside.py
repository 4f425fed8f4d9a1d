"""The witness of chaos runs: it goes on for as long as it is wanted, whatever its clients do as they are closed."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer

from argosy.testing.outside import Offsets, Witness


async def test_a_client_that_ends_as_if_it_was_cancelled_does_not_end_who_looks_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = AIOKafkaConsumer.stop

    async def stop(consumer: AIOKafkaConsumer) -> None:
        await own(consumer)
        raise asyncio.CancelledError

    monkeypatch.setattr(AIOKafkaConsumer, "stop", stop)
    looked: list[str] = []

    async def look_on() -> None:
        witness = Witness("127.0.0.1:1", "chaos")
        await witness.__aexit__()
        looked.append("and again")

    looking = asyncio.create_task(look_on())
    await asyncio.wait({looking})
    assert not looking.cancelled()
    assert looked == ["and again"]


async def test_what_a_broker_that_has_just_come_back_does_not_know_yet_counts_as_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def committed(_: Witness) -> dict[str, Offsets]:
        return {"group": {("known", 0): 3, ("unknown", 1): 7}}

    async def ends(_: Witness) -> Offsets:
        return {("known", 0): 3}

    monkeypatch.setattr(Witness, "committed", committed)
    monkeypatch.setattr(Witness, "ends", ends)
    witness = Witness("127.0.0.1:1", "chaos")
    try:
        assert await witness.lag() == {"group unknown/1": 1}
    finally:
        await witness.__aexit__()
