"""Write to Kafka as a stranger would: any bytes, any headers, any size."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from aiokafka import AIOKafkaProducer

from argosy.schemas.envelope import TYPE_PREFIX
from argosy.schemas.settings import Settings

RawHeaders = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Stranger:
    """A producer of its own, with none of our checks."""

    kafka: AIOKafkaProducer

    async def send(
        self, topic: str, value: bytes | None, headers: RawHeaders = (), *, partition: int = 0
    ) -> tuple[str, int, int]:
        """Append a record; return topic, partition and offset."""
        given = cast("list[tuple[str, bytes]]", list(headers))  # the library takes a null value as well
        done = await self.kafka.send_and_wait(topic, value, b"key", partition, headers=given)
        return topic, done.partition, done.offset


@asynccontextmanager
async def stranger(settings: Settings, *, most_bytes: int = 100_000_000) -> AsyncGenerator[Stranger]:
    """Connect one."""
    kafka = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers, max_request_size=most_bytes, acks="all"
    )
    await kafka.start()
    try:
        yield Stranger(kafka)
    finally:
        await kafka.stop()


def headers(kind: str, subject: str, **changed: bytes | None) -> list[tuple[str, bytes | None]]:
    """Build right headers of a message, then change some; None is a null value."""
    found: Mapping[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_type": f"{TYPE_PREFIX}{kind}.v1".encode(),
        "ce_id": b"a-stranger/1",
        "ce_source": b"stranger",
        "ce_subject": subject.encode(),
        **changed,
    }
    return list(found.items())
