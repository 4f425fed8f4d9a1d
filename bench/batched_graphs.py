"""The prototype of a whole fleet: worker and coordinator in one process, joins by counters, all of it batched.

No run log, no folding, no recovery: counters in Redis say which step is next. What this architecture may cost at best.
`batched_graphs.py SERVERS REDIS_URL GRAPHS WIDTH`: runs graphs 1→WIDTH→1 and prints what they took, as JSON.
"""

import asyncio
import json
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from batched_worker import CLAIM, KEEP_MS, MOST_RECORDS, STORE
from pydantic import BaseModel
from redis.asyncio import Redis

from argosy.broker.outbound import BATCH_BYTES

PARTITIONS = 4
AT_ONCE = 200
TEXT = "a line of some thirty letters. " * 20
ADVANCE = """
local ready = {}
for i = 1, #KEYS do
  local step, children = ARGV[2 * i - 1], ARGV[2 * i]
  if redis.call('HSETNX', KEYS[i], 'ended:' .. step, 1) == 1 then
    for child in string.gmatch(children, '[^,]+') do
      if redis.call('HINCRBY', KEYS[i], 'open:' .. child, -1) == 0 then
        ready[#ready + 1] = i
        ready[#ready + 1] = child
      end
    end
  end
end
return ready
"""
Sending = tuple[str, str, BaseModel]
"""Topic, run, message."""


class Task(BaseModel):
    """A step of a run, as work or as its answer."""

    run: str
    step: str
    text: str = TEXT


class Prototype:
    """One process that is worker and coordinator."""

    def __init__(self, producer: AIOKafkaProducer, redis: "Redis", width: int) -> None:
        """Topics and keys are of this process alone."""
        self._producer, self._redis, self._prefix = producer, redis, f"proto-{secrets.token_hex(4)}"
        self.work_topic, self.done_topic = f"{self._prefix}.work", f"{self._prefix}.done"
        self._claim, self._store, self._advance = map(redis.register_script, (CLAIM, STORE, ADVANCE))
        self._branches = [f"branch-{number}" for number in range(width)]
        self._children = {"first": ",".join(self._branches), "last": ""} | dict.fromkeys(
            self._branches, "last"
        )
        self._open = 0
        self.all_ended = asyncio.Event()

    async def start(self, graphs: int) -> None:
        """Write the counters of some graphs and send their first steps."""
        self._open = graphs
        self.all_ended.clear()
        runs = [f"{self._prefix}:{secrets.token_hex(8)}" for _ in range(graphs)]
        counters: list[str | int] = ["open:last", len(self._branches)]
        for branch in self._branches:
            counters += (f"open:{branch}", 1)
        for first in range(0, graphs, AT_ONCE):
            some = runs[first : first + AT_ONCE]
            pipe = self._redis.pipeline(transaction=False)
            for run in some:
                pipe.hset(run, items=counters)
            await pipe.execute()
            await self._send((self.work_topic, run, Task(run=run, step="first")) for run in some)

    async def worked(self, records: list[ConsumerRecord]) -> None:
        """Be the worker: claim, run, store, publish."""
        tasks = [Task.model_validate_json(record.value or b"") for record in records]
        names = [f"{task.run}:{task.step}" for task in tasks]
        held = await self._claim([f"c:{name}" for name in names], [self._prefix, KEEP_MS])
        mine = [pair for pair, granted in zip(zip(names, tasks, strict=True), held, strict=True) if granted]
        made = await asyncio.gather(*(_handler(task) for _, task in mine))
        bodies = [task.model_dump_json().encode() for task in made]
        await self._store([f"r:{name}" for name, _ in mine], [KEEP_MS, *bodies])
        await self._send((self.done_topic, task.run, task) for task in made)

    async def advanced(self, records: list[ConsumerRecord]) -> None:
        """Be the coordinator: count, and send what is ready."""
        tasks = [Task.model_validate_json(record.value or b"") for record in records]
        steps = [word for task in tasks for word in (task.step, self._children[task.step])]
        ready: list[Any] = await self._advance([task.run for task in tasks], steps)
        found: list[tuple[str, bytes]] = [
            (tasks[at - 1].run, child) for at, child in zip(ready[::2], ready[1::2], strict=True)
        ]
        await self._send((self.work_topic, run, Task(run=run, step=child.decode())) for run, child in found)
        self._open -= sum(task.step == "last" for task in tasks)
        if self._open == 0:
            self.all_ended.set()

    async def _send(self, items: Iterable[Sending]) -> None:
        sent = [
            await self._producer.send(
                topic, message.model_dump_json().encode(), run.encode(), partition=hash(run) % PARTITIONS
            )
            for topic, run, message in items
        ]
        await asyncio.gather(*sent)


async def _handler(task: Task) -> Task:
    return task


async def _consume(
    servers: str, topic: str, handle: Callable[[list[ConsumerRecord]], Awaitable[None]], ready: asyncio.Event
) -> None:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=servers,
        group_id=f"{topic}.group",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    async with consumer:
        ready.set()
        while True:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=MOST_RECORDS)
            records = [record for some in batches.values() for record in some]
            if records:
                await handle(records)
                await consumer.commit({where: some[-1].offset + 1 for where, some in batches.items()})


async def main(servers: str, redis_url: str, graphs: int, width: int) -> None:
    """Run some graphs to warm up, then as many as were asked for."""
    address = urlsplit(redis_url)
    redis: Redis = Redis(host=str(address.hostname), port=address.port or 6379)
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        linger_ms=2,
    )
    async with producer, redis, asyncio.TaskGroup() as group:
        prototype = Prototype(producer, redis, width)
        admin = AIOKafkaAdminClient(bootstrap_servers=servers)
        await admin.start()
        topics = (prototype.work_topic, prototype.done_topic)
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
        await admin.close()
        ready = [asyncio.Event() for _ in topics]
        handlers = (prototype.worked, prototype.advanced)
        loops = [
            group.create_task(_consume(servers, topic, handle, event), name=topic)
            for topic, handle, event in zip(topics, handlers, ready, strict=True)
        ]
        for event in ready:
            await event.wait()
        await prototype.start(20)
        await prototype.all_ended.wait()
        began, used = time.perf_counter(), time.process_time()
        await prototype.start(graphs)
        await prototype.all_ended.wait()
        took = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - used}
        sys.stdout.write(json.dumps(took))
        for loop in loops:
            loop.cancel()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
