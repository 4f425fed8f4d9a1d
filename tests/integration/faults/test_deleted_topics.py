"""The topic of an agent is deleted while its work is under way: who makes it again gets all of that work again."""

import asyncio
import signal
from pathlib import Path

import pytest

from support.diamonds import Diamonds
from support.fault_app import Act, Done, gate, harming
from support.fault_world import Ground, client_of, fault_world, until_begun
from support.forks import Forks
from support.kafka_loss import delete_topics
from support.stack import StackThread

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(500)]


async def test_work_whose_topic_was_deleted_is_sent_again(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground, workers=0) as world, client_of(world) as client:
        worker = await world.start("worker", agents="harm")
        first = await client.submit(harming, Act(kind="wait"), run_id="first")
        await until_begun(world, "first/harm")
        await world.end(worker, signal.SIGKILL)
        await asyncio.to_thread(delete_topics, stack.bootstrap_servers, [f"{world.name}.tasks.harm"])
        second = await client.submit(harming, Act(), run_id="second")
        await world.start("worker")  # makes the topic again, with none of the work in it
        world.ledger.make(gate("first"), "")
        for run in (first, second):
            assert isinstance(await run.result(timeout_seconds=150), Done)
        diamonds = Diamonds(world, client)
        await diamonds.submit(4)
        await diamonds.ended()
        await world.until_quiet()
