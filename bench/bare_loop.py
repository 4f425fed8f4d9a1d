"""The bare aiokafka loop: fetch, produce as many, commit. No claim, no result, no promise beyond at least once.

`bare_loop.py SERVERS TOPIC OUT`: reads the topic from its beginning and sends every value on, until it is stopped.
"""

import asyncio
import secrets
import sys

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from argosy.broker.outbound import BATCH_BYTES

MOST_RECORDS = 500


async def main(servers: str, topic: str, out: str) -> None:
    """Loop until stopped."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=servers,
        group_id=f"bare-{secrets.token_hex(4)}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    async with producer, consumer:
        while True:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=MOST_RECORDS)
            sent = [
                await producer.send(out, record.value, record.key, headers=list(record.headers))
                for records in batches.values()
                for record in records
            ]
            await asyncio.gather(*sent)
            if sent:
                await consumer.commit({where: records[-1].offset + 1 for where, records in batches.items()})


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
