"""arq on Redis with results: `arq arq_arm.WorkerSettings`; `arq_arm.py fill noop|wait TASKS`."""

import asyncio
import os
import sys

import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from tally import TEXT, of_environment

AT_ONCE = 50
server = RedisSettings.from_dsn(f"{os.environ['PEER_REDIS']}/2")
tally = of_environment()
uvloop.install()


async def noop(_: object, number: int, text: str) -> str:
    """Give what came."""
    tally.begin()
    tally.done(number)
    return text


async def wait(_: object, number: int, text: str) -> str:
    """Wait, as for a model."""
    del text
    tally.begin()
    await asyncio.sleep(1)
    tally.done(number)
    return ""


class WorkerSettings:
    """What arq's command reads."""

    functions = (noop, wait)
    redis_settings = server
    max_jobs = int(os.environ.get("PEER_SLOTS", "1000"))
    keep_result = 3_600
    health_check_interval = 3_600


async def fill(task: str, tasks: int) -> None:
    """Put tasks into the queue."""
    pool = await create_pool(server)
    for first in range(0, tasks, AT_ONCE):
        numbers = range(first, min(tasks, first + AT_ONCE))
        await asyncio.gather(*(pool.enqueue_job(task, number, TEXT) for number in numbers))


if __name__ == "__main__":
    asyncio.run(fill(sys.argv[2], int(sys.argv[3])))
