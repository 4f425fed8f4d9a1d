"""Histories of the runs that are looked at: each is read once, as long as there is room for it."""

from collections.abc import AsyncGenerator

import pytest

from argosy.broker.log import Outgoing, Partition, Record
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.topics import TopicPlan
from argosy.console import dashboard_histories
from argosy.console.dashboard_histories import MOST, Histories
from argosy.schemas.settings import FleetSettings, Settings
from support.dashboard import accepted, record

SETTINGS = Settings(fleet=FleetSettings(lanes=1))
WATCHERS = 10


class Kafka(MemoryKafka):
    """The twin, which counts how often the log is read."""

    scans = 0

    async def scan(self, partition: Partition, start: int) -> AsyncGenerator[Record]:
        self.scans += 1
        async for each in super().scan(partition, start):
            yield each


async def filled(runs: int) -> Kafka:
    kafka = Kafka()
    await kafka.create([TopicPlan("argosy.runs", 1, 1, {})])
    producer = await kafka.producer()
    for number in range(runs):
        made = record(f"r{number}", accepted())
        await producer.send(Outgoing("argosy.runs", b"k", made.value or b"", made.headers, 0))
    return kafka


async def look(histories: Histories, kafka: Kafka, runs: int) -> None:
    for number in range(runs):
        assert len((await histories.of(kafka, SETTINGS, f"r{number}")).history.records) == 1


async def test_as_many_runs_as_may_be_watched_are_read_once_and_no_more_than_that_are_kept() -> None:
    most = MOST + WATCHERS
    kafka, histories = await filled(most + 1), Histories(WATCHERS)
    for _ in range(3):
        await look(histories, kafka, most)
    assert kafka.scans == most
    await look(
        histories, kafka, most + 1
    )  # one more goes in, the one that was looked at longest ago goes out
    assert kafka.scans == most + 1
    await look(histories, kafka, 1)
    assert kafka.scans == most + 2


async def test_where_histories_are_long_fewer_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_histories, "MOST_RECORDS", 5)
    kafka, histories = await filled(MOST + WATCHERS), Histories(WATCHERS)
    await look(histories, kafka, MOST)
    await look(histories, kafka, MOST)
    assert kafka.scans == MOST
    await look(histories, kafka, MOST + WATCHERS)
    await look(histories, kafka, WATCHERS)
    assert kafka.scans == MOST + 2 * WATCHERS
