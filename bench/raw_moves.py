"""The raw cost of moving values: fetch, get what lies in the store, put it back, produce, commit. Nothing is promised.

A value is checked by its SHA-256 and stored under it, as ours are: that is part of moving it. None is parsed.
`raw_moves.py SERVERS TOPIC OUT FOLDER AT_ONCE`: reads the topic from its beginning, until it is stopped.
"""

import asyncio
import hashlib
import re
import secrets
import sys

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from obstore.store import LocalStore

from argosy.broker.outbound import BATCH_BYTES
from argosy.broker.payloads import path_of

_REFERENCE = re.compile(rb'"sha256":"([0-9a-f]{64})"')


def moved(store: LocalStore, value: bytes) -> bytes:
    """Read what a record refers to, write it again, and give the record's value."""
    for found in _REFERENCE.finditer(value):
        sha256 = found.group(1).decode()
        data = bytes(store.get(path_of(sha256)).bytes())
        if hashlib.sha256(data).hexdigest() != sha256:
            message = f"{sha256} is damaged"
            raise RuntimeError(message)
        store.put(path_of(hashlib.sha256(data).hexdigest()), data)
    return value


async def main(servers: str, topic: str, out: str, folder: str, at_once: str) -> None:
    """Loop until stopped, so many records in each turn."""
    store = LocalStore(folder)
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=servers,
        group_id=f"raw-{secrets.token_hex(4)}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    async with producer, consumer:
        while True:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=int(at_once))
            sent = [
                await producer.send(
                    out, moved(store, record.value or b""), record.key, headers=list(record.headers)
                )
                for records in batches.values()
                for record in records
            ]
            await asyncio.gather(*sent)
            if sent:
                await consumer.commit({where: records[-1].offset + 1 for where, records in batches.items()})


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
