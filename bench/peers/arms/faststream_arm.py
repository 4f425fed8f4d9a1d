"""FastStream on Kafka: a pydantic message in, one out.

`faststream_arm.py work noop|wait workers|batch`; `faststream_arm.py fill noop|wait TASKS`.

`workers` runs `PEER_SLOTS` handlers at once and commits before they run, the only way that FastStream has to run
several; `batch` gives a handler up to 500 messages and commits after it.
"""

import asyncio
import os
import sys

import uvloop
from aiokafka import AIOKafkaProducer
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from pydantic import BaseModel
from tally import TEXT, of_environment

SERVERS, SOURCE, SINK = (os.environ[f"PEER_{name}"] for name in ("KAFKA", "SOURCE", "SINK"))
SLOTS = int(os.environ.get("PEER_SLOTS", "200"))
BATCH_BYTES = 524_288  # all that a batch of messages gives must fit into one of the producer
MOST_RECORDS = 500
tally = of_environment()


class Task(BaseModel):
    """What goes in and comes out."""

    number: int
    text: str


async def noop(task: Task) -> Task:
    """Give what came."""
    tally.begin()
    tally.done(task.number)
    return task


async def wait(task: Task) -> Task:
    """Wait, as for a model."""
    tally.begin()
    await asyncio.sleep(1)
    tally.done(task.number)
    return Task(number=task.number, text="")


async def work(task: str, mode: str) -> None:
    """Serve until stopped."""
    broker = KafkaBroker(SERVERS, logger=None, acks="all", linger_ms=2, max_batch_size=BATCH_BYTES)
    chosen = {"noop": noop, "wait": wait}[task]

    async def all_of(tasks: list[Task]) -> None:
        done = await asyncio.gather(*(chosen(each) for each in tasks))
        await broker.publish_batch(*done, topic=SINK)

    if mode == "workers":
        subscribed = broker.subscriber(
            SOURCE,
            group_id="faststream",
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.ACK_FIRST,
            max_workers=SLOTS,
        )
        subscribed(broker.publisher(SINK)(chosen))
    else:
        subscribed = broker.subscriber(
            SOURCE,
            group_id="faststream",
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.ACK,
            batch=True,
            max_records=MOST_RECORDS,
        )
        subscribed(all_of)
    await FastStream(broker, logger=None).run()


async def fill(tasks: int) -> None:
    """Put tasks into the topic."""
    async with AIOKafkaProducer(bootstrap_servers=SERVERS, max_batch_size=BATCH_BYTES) as producer:
        headers = [("content-type", b"application/json")]
        for first in range(0, tasks, MOST_RECORDS):
            sent = [
                await producer.send(
                    SOURCE, Task(number=number, text=TEXT).model_dump_json().encode(), headers=headers
                )
                for number in range(first, min(tasks, first + MOST_RECORDS))
            ]
            await asyncio.gather(*sent)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["work", task, mode]:
            uvloop.run(work(task, mode))
        case ["fill", _, tasks]:
            uvloop.run(fill(int(tasks)))
