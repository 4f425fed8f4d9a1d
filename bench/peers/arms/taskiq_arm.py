"""Taskiq on Redis with results: `taskiq worker taskiq_arm:broker …`; `taskiq_arm.py fill noop|wait TASKS`.

`PEER_BROKER=stream` acknowledges after a task ran; `list` takes it out of the queue before.
"""

import asyncio
import os
import sys

from tally import TEXT, of_environment
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend, RedisStreamBroker

SERVER = os.environ["PEER_REDIS"]
AT_ONCE = 100
kind = {"stream": RedisStreamBroker, "list": ListQueueBroker}[os.environ["PEER_BROKER"]]
results = RedisAsyncResultBackend(redis_url=f"{SERVER}/2", result_ex_time=3_600)
broker = kind(url=f"{SERVER}/1").with_result_backend(results)
tally = of_environment()


@broker.task
async def noop(number: int, text: str) -> str:
    """Give what came."""
    tally.begin()
    tally.done(number)
    return text


@broker.task
async def wait(number: int, text: str) -> str:
    """Wait, as for a model."""
    del text
    tally.begin()
    await asyncio.sleep(1)
    tally.done(number)
    return ""


async def fill(task: str, tasks: int) -> None:
    """Put tasks into the queue."""
    chosen = {"noop": noop, "wait": wait}[task]
    await broker.startup()
    for first in range(0, tasks, AT_ONCE):
        numbers = range(first, min(tasks, first + AT_ONCE))
        await asyncio.gather(*(chosen.kiq(number, TEXT) for number in numbers))
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(fill(sys.argv[2], int(sys.argv[3])))
