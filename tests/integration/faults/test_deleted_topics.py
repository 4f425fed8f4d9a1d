"""Topics are deleted under a running fleet: it says which, and goes on when they are made again."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from argosy.schemas.errors import Refused
from support.diamonds import Diamonds
from support.fault_app import Act, Done, gate, harming
from support.fault_world import ENDED_SECONDS, FaultWorld, Ground, client_of, fault_world, until_begun
from support.forks import Forks
from support.kafka_loss import delete_topics
from support.stack import StackThread

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]


async def said(world: FaultWorld, *words: str) -> tuple[int, str]:
    """Ask the command line; return its exit code and all that it says."""
    process = await world.forks.start(words, world.variables, world.folder / f"{'-'.join(words)}.log")
    return await asyncio.wait_for(asyncio.shield(process.ended), ENDED_SECONDS), process.said()


async def deleted(world: FaultWorld, stack: StackThread, name: str) -> str:
    """Delete a topic; return its whole name once a coordinator has missed it."""
    topic = f"{world.name}.{name}"
    await asyncio.to_thread(delete_topics, stack.bootstrap_servers, [topic])
    await world.until_said("topic is missing")
    return topic


async def named(world: FaultWorld, topic: str, run_id: str) -> None:
    """See that `why` and `doctor` name the topic, and what to do."""
    code, why = await said(world, "why", run_id, "--json")
    assert code == 0, why
    cause = json.loads(why)["cause"]
    assert (cause["code"], cause["figures"]["topics"]) == ("topic_missing", [topic])
    assert "stop all coordinators and start them" in cause["do"]
    code, doctor = await said(world, "doctor")
    assert (code, f"{topic} is missing" in doctor) == (1, True), doctor


async def test_a_deleted_run_log_is_named_and_what_comes_after_it_was_made_again_goes_on(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground) as world, client_of(world) as client:
        await client.submit(harming, Act(kind="wait"), run_id="lost")
        await until_begun(world, "lost/harm")
        topic = await deleted(world, stack, "runs")
        kept = await client.submit(harming, Act(), run_id="kept")  # its submit lies in the inbox
        await named(world, topic, "lost")
        code, words = await said(world, "topics", "apply")
        assert code == 0, words
        world.ledger.make(gate("lost"), "")  # its outcome comes into a log that knows nothing of its run
        assert isinstance(await kept.result(timeout_seconds=240), Done)
        diamonds = Diamonds(world, client)
        await diamonds.submit(4)
        await diamonds.ended()
        await world.until_quiet()
        assert (await said(world, "why", "lost"))[0] == 5, "its log was its record"
        assert world.restarts == 0, world.said()[-3000:]


async def test_a_deleted_inbox_is_named_refuses_submits_and_takes_them_when_it_was_made_again(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground) as world, client_of(world) as client:
        held = await client.submit(harming, Act(kind="wait"), run_id="held")
        await until_begun(world, "held/harm")
        topic = await deleted(world, stack, "inbox")
        with pytest.raises(Refused, match=f"there is no topic {topic}") as refused:
            await client.submit(harming, Act(), run_id="refused")
        assert "argosy topics apply" in str(refused.value)
        await named(world, topic, "held")
        world.ledger.make(gate("held"), "")  # what was accepted goes on
        assert isinstance(await held.result(timeout_seconds=240), Done)
        await world.end(world.places[0])
        await world.start("coordinator")  # makes what is missing
        diamonds = Diamonds(world, client)
        await diamonds.submit(4)
        await diamonds.ended()
        await diamonds.judged()
        assert world.restarts == 0, world.said()[-3000:]


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
            assert isinstance(await run.result(timeout_seconds=240), Done)
        diamonds = Diamonds(world, client)
        await diamonds.submit(4)
        await diamonds.ended()
        await world.until_quiet()
