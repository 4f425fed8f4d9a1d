"""The background of the dashboard: it reads from the beginning without a group, and says who is away."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from argosy.broker.log import Outgoing
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.topics import TopicPlan
from argosy.console import dashboard_reading
from argosy.console.dashboard_index import Index
from argosy.console.dashboard_reading import Reader
from argosy.schemas.errors import Unreachable
from argosy.schemas.settings import Settings
from support.all_logged import all_logged
from support.dashboard import accepted, ended, record

if TYPE_CHECKING:
    from argosy.console.process_life import Services


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("READ_SECONDS", "AGAIN_SECONDS", "PULSE_SECONDS"):
        monkeypatch.setattr(dashboard_reading, name, 0.01)


class Kafka(MemoryKafka):
    """The twin, with what the real one answers to who looks whether it is there."""

    away = False

    async def topic_names(self) -> set[str]:
        if self.away:
            message = "Kafka doesn't answer"
            raise Unreachable(message)
        return {"argosy.runs"}


async def test_it_reads_old_records_and_goes_on_and_says_who_is_away() -> None:
    kafka, index = Kafka(), Index()
    services = cast("Services", SimpleNamespace(cluster=kafka, store=MemoryRedis(), settings=Settings()))
    with all_logged() as logged:
        await tell_of_an_outage(kafka, index, Reader(services, index))
    told = [(line["event"], line["server"], line.get("error")) for line in logged if "server" in line]
    assert told == [
        ("a server does not answer", "kafka", "Kafka doesn't answer"),
        ("a server answers again", "kafka", None),
    ]


async def tell_of_an_outage(kafka: Kafka, index: Index, reader: Reader) -> None:
    reading = asyncio.create_task(reader.run(), name="reader")
    try:
        await until(lambda: any("no fleet yet" in note for note in index.notes()))
        await kafka.create([TopicPlan("argosy.runs", 1, 1, {})])
        await append(kafka, 3)
        await until(lambda: index.states()["succeeded"] == 3 and index.notes() == ())
        kafka.away = True
        await until(lambda: any(note.startswith("Kafka does not answer") for note in index.notes()))
        kafka.away = False
        await append(kafka, 5)
        await until(lambda: index.states()["succeeded"] == 5 and index.notes() == ())
    finally:
        reading.cancel()
        await asyncio.wait({reading})


async def append(kafka: MemoryKafka, count: int) -> None:
    producer = await kafka.producer()
    for number in range(count):
        for message in (accepted(), ended()):
            made = record(f"r{number}", message)
            await producer.send(Outgoing("argosy.runs", b"k", made.value or b"", made.headers, 0))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
