"""The prototype of a worker: what this architecture may cost when nothing is promised but a claim and a stored result.

Fetch, decode, one claim script for the batch, a task for each handler, one result script, produce, commit. No leases to
renew, no memos, no retries, no judging of the claim by the run, no drain.
`batched_worker.py SERVERS TOPIC OUT REDIS_URL`: until it is stopped.
"""

import asyncio
import secrets
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from pydantic import BaseModel, JsonValue
from redis.asyncio import Redis

from argosy.broker.outbound import BATCH_BYTES

MOST_RECORDS = 500
CLAIM = """
local held = {}
for i = 1, #KEYS do
  held[i] = redis.call('SET', KEYS[i], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
end
return held
"""
STORE = "for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1], 'PX', ARGV[1]) end"
KEEP_MS = 60_000


class Work(BaseModel):
    """As much of a dispatch as a prototype needs."""

    task_id: str
    attempt: int
    inputs: list[JsonValue]


class Made(BaseModel):
    """Its answer."""

    task_id: str
    attempt: int
    outcome: str
    result: JsonValue


async def handler(work: Work) -> bytes:
    """Do nothing, and say so."""
    made = Made(task_id=work.task_id, attempt=work.attempt, outcome="succeeded", result=work.inputs[0])
    return made.model_dump_json().encode()


class Prototype:
    """Works on one batch after another."""

    def __init__(self, producer: AIOKafkaProducer, redis: "Redis", out: str, partitions: int) -> None:
        """Keys are of this process alone: each run of it claims anew. `partitions` is how many `out` has."""
        self._producer, self._out, self._prefix = producer, out, secrets.token_hex(4)
        self._partitions = partitions
        self._claim, self._store = redis.register_script(CLAIM), redis.register_script(STORE)

    async def work(self, records: Sequence[ConsumerRecord]) -> None:
        """Claim, run, store and publish."""
        works = [Work.model_validate_json(record.value or b"") for record in records]
        keys = [f"{self._prefix}:c:{work.task_id}" for work in works]
        held = await self._claim(keys, [self._prefix, KEEP_MS])
        mine = [pair for pair, granted in zip(zip(records, works, strict=True), held, strict=True) if granted]
        bodies = await asyncio.gather(*(handler(work) for _, work in mine))
        await self._store([f"{self._prefix}:r:{work.task_id}" for _, work in mine], [KEEP_MS, *bodies])
        sent = [
            await self._producer.send(
                self._out,
                body,
                record.key,
                record.partition % self._partitions,
                headers=list(record.headers),
            )
            for (record, _), body in zip(mine, bodies, strict=True)
        ]
        await asyncio.gather(*sent)


async def main(servers: str, topic: str, out: str, redis_url: str) -> None:
    """Loop until stopped."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        linger_ms=2,
    )
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=servers,
        group_id=f"batched-{secrets.token_hex(4)}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    address = urlsplit(redis_url)
    redis: Redis = Redis(host=str(address.hostname), port=address.port or 6379)
    async with producer, consumer, redis:
        prototype = Prototype(producer, redis, out, len(await producer.partitions_for(out)))
        while True:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=MOST_RECORDS)
            records = [record for some in batches.values() for record in some]
            if records:
                await prototype.work(records)
                await consumer.commit({where: some[-1].offset + 1 for where, some in batches.items()})


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
