"""Celery on Redis: tasks acknowledged after they ran, results kept; graphs as chains with a chord.

`celery -A celery_arm worker …`; `celery_arm.py fill noop|wait TASKS`; `celery_arm.py graphs GRAPHS WIDTH AT_ONCE`.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from celery import Celery, chain, chord
from handshake import WARM_UP, Handshake
from tally import TEXT, of_environment

SERVER = os.environ["PEER_REDIS"]
app = Celery("celery_arm", broker=f"{SERVER}/1", backend=f"{SERVER}/2")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=int(os.environ.get("PEER_PREFETCH", "1")),
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)
tally = of_environment()


@app.task
def noop(number: int, text: str) -> str:
    """Give what came."""
    tally.begin()
    tally.done(number)
    return text


@app.task
def wait(number: int, text: str) -> str:
    """Wait, as for a model."""
    del text
    tally.begin()
    time.sleep(1)
    tally.done(number)
    return ""


@app.task
def branch(text: str, number: int) -> str:
    """Give what the step before gave."""
    tally.done(number)
    return text


@app.task
def joined(texts: list[str], number: int) -> str:
    """Give the first of all."""
    tally.done(number)
    return texts[0]


def fill(task: str, tasks: int) -> None:
    """Put tasks into the queue."""
    chosen = {"noop": noop, "wait": wait}[task]
    for number in range(tasks):
        chosen.delay(number, TEXT)


def graphs(count: int, width: int, at_once: int) -> None:
    """Run graphs: the client's threads each submit one and wait for it."""

    def one(graph: int) -> None:
        first = graph * (width + 2)
        branches = [branch.s(first + 1 + number) for number in range(width)]
        result = chain(noop.s(first, TEXT), chord(branches, joined.s(first + width + 1)))()
        if result.get(timeout=300, interval=0.005) != TEXT:
            raise ValueError(f"graph {graph} gave something else")

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(count, count + WARM_UP)))
        with Handshake():
            list(pool.map(one, range(count)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fill", task, tasks]:
            fill(task, int(tasks))
        case ["graphs", *numbers]:
            graphs(*map(int, numbers))
