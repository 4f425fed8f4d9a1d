"""Dramatiq on Redis with results: `dramatiq dramatiq_arm -p 1 -t THREADS`; `dramatiq_arm.py fill noop|wait TASKS`."""

import os
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from tally import TEXT, of_environment

SERVER = os.environ["PEER_REDIS"]
broker = RedisBroker(url=f"{SERVER}/1")
broker.add_middleware(Results(backend=RedisBackend(url=f"{SERVER}/2")))
dramatiq.set_broker(broker)
tally = of_environment()


@dramatiq.actor(store_results=True)
def noop(number: int, text: str) -> str:
    """Give what came."""
    tally.begin()
    tally.done(number)
    return text


@dramatiq.actor(store_results=True)
def wait(number: int, text: str) -> str:
    """Wait, as for a model."""
    del text
    tally.begin()
    time.sleep(1)
    tally.done(number)
    return ""


if __name__ == "__main__":
    _, _, task, tasks = sys.argv
    for each in range(int(tasks)):
        {"noop": noop, "wait": wait}[task].send(each, TEXT)
