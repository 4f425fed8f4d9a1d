"""A librdkafka client submits to three brokers while leaders move and one after the other dies: none is lost."""

import asyncio
import json
from itertools import count
from pathlib import Path
from threading import Event
from typing import Final

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from support.crash_app import Topic, diamond
from support.diamonds import Diamonds
from support.fault_world import Ground, client_of, fault_world
from support.forks import Forks
from support.raw_kafka import headers
from support.stack import StackThread
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

BROKERS: Final = ("kafka", "kafka-2", "kafka-3")
UNDER_WAY: Final = 8
LEAST: Final = 24


def submit_until(enough: Event, servers: str, topic: str, mark: str) -> dict[str, Topic]:
    """Submit with librdkafka until it is enough; return what was acknowledged."""
    kafka = Producer(
        {"bootstrap.servers": servers, "enable.idempotence": True, "acks": "all", "linger.ms": 5}
    )
    pipeline = diamond.compile().model_dump(mode="json")
    acknowledged: dict[str, Topic] = {}
    failed: list[str] = []

    for number in count():
        if enough.is_set() and number >= LEAST:
            break
        run_id = f"rdkafka-{mark}-{number}"
        asked = Topic(name=run_id, flaky=number % 2 == 1)
        body = json.dumps({"pipeline": pipeline, "input": asked.model_dump(mode="json")})
        given = headers("run.submitted", run_id, ce_id=run_id.encode())
        heads: list[tuple[str, str | bytes | None]] = [(name, value) for name, value in given]

        def told(error: object, _: object, run_id: str = run_id, asked: Topic = asked) -> None:
            if error is None:
                acknowledged[run_id] = asked
            else:
                failed.append(f"{run_id}: {error}")

        kafka.produce(topic, body, key=run_id, headers=heads, on_delivery=told)
        kafka.poll(0.2)
        while len(kafka) > UNDER_WAY:
            kafka.poll(0.2)
    kafka.flush(60)
    assert not failed, failed[:5]
    return acknowledged


def in_sync(servers: str) -> bool:
    """Say whether every broker has all that it should have."""
    try:
        topics = AdminClient({"bootstrap.servers": servers}).list_topics(timeout=5).topics
    except KafkaException:
        return False
    partitions = [partition for topic in topics.values() for partition in topic.partitions.values()]
    return all(len(each.isrs) == len(each.replicas) for each in partitions)


async def test_runs_of_a_librdkafka_client_all_end_while_brokers_die_one_after_the_other(
    tmp_path: Path, forks: Forks
) -> None:
    with StackThread(tmp_path / "stack", brokers=len(BROKERS)) as stack:
        ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
        variables = {"ARGOSY_KAFKA__REPLICATION": "3"}
        async with fault_world(ground, variables=variables) as world, client_of(world) as client:
            diamonds, enough = Diamonds(world, client), Event()
            await diamonds.submit(2)
            await diamonds.ended()
            submitting = asyncio.create_task(
                asyncio.to_thread(
                    submit_until, enough, stack.bootstrap_servers, f"{world.name}.inbox", diamonds.mark
                ),
                name="librdkafka",
            )
            try:
                for name in BROKERS:
                    await asyncio.to_thread(
                        stack.kill, name
                    )  # leaders and coordinators of groups move each time
                # Without it the last broker may be the only one that has it all: nobody could take its place.
                await eventually(
                    lambda: asyncio.to_thread(in_sync, stack.bootstrap_servers), "all brokers are in sync"
                )
                await asyncio.to_thread(stack.hold, BROKERS[-1])
                await diamonds.submit(4)  # two of three are enough
                enough.set()
                diamonds.acknowledged |= await submitting
                await diamonds.ended()
            finally:
                enough.set()
                await asyncio.to_thread(stack.resume, BROKERS[-1])
            await diamonds.judged(most_again=len(diamonds.acknowledged))
