"""Write to Kafka as a stranger would: any bytes, any headers, any size."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from aiokafka import AIOKafkaProducer

from argosy.schemas.envelope import TYPE_PREFIX
from argosy.schemas.settings import Settings

if TYPE_CHECKING:
    import asyncio

    from aiokafka.structs import RecordMetadata

_BAD_NAME: Final = """
import asyncio, sys
from aiokafka import AIOKafkaProducer

class Name(str):
    def encode(self, *_):
        return b"\\xff\\xfe"

async def main():
    kafka = AIOKafkaProducer(bootstrap_servers=sys.argv[1])
    await kafka.start()
    done = await kafka.send_and_wait(sys.argv[2], b"{}", b"key", 0, headers=[(Name("name"), b"x")])
    await kafka.stop()
    print(done.offset)

asyncio.run(main())
"""

RawHeaders = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Stranger:
    """A producer of its own, with none of our checks."""

    kafka: AIOKafkaProducer

    async def send(
        self, topic: str, value: bytes | None, headers: RawHeaders = (), *, partition: int = 0
    ) -> tuple[str, int, int]:
        """Append a record; return topic, partition and offset."""
        done = await (await self.begin(topic, value, headers, partition))
        return topic, done.partition, done.offset

    async def begin(
        self, topic: str, value: bytes | None, headers: RawHeaders, partition: int
    ) -> "asyncio.Future[RecordMetadata]":
        """Begin to append a record: many may be under way."""
        given = cast("list[tuple[str, bytes]]", list(headers))  # the library takes a null value as well
        sending = await self.kafka.send(topic, value, b"key", partition, headers=given)
        return cast("asyncio.Future[RecordMetadata]", sending)


def send_bad_header_name(settings: Settings, topic: str) -> tuple[str, int, int]:
    """Append a record with a header whose name is not UTF-8: only the library's slow half can be made to."""
    words = [sys.executable, "-c", _BAD_NAME, settings.kafka.bootstrap_servers, topic]
    variables = {**os.environ, "AIOKAFKA_NO_EXTENSIONS": "1"}
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=200, check=True)
    return topic, 0, int(done.stdout)


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
