"""A load of scripted runs for a fleet that has a hard time, and what must be true of each run afterwards."""

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from argosy.client.connection import Argosy
from argosy.schemas.payload import Inline
from support.fleet import AGENTS, RealFleet
from support.oracle import Story
from support.scripted import Topic, scripted

CONCURRENT: Final = 50


def topic(number: int) -> Topic:
    """One run in ten has a step that fails once, one in fifty a step that fails for good."""
    if number % 50 == 7:
        return Topic(name=str(number), fail="research")
    return Topic(name=str(number), flaky="summarise" if number % 10 == 3 else "")


async def submit_all(fleet: RealFleet, count: int) -> list[str]:
    """Submit runs with bounded concurrency; return their ids once all are acknowledged."""
    gate = asyncio.Semaphore(CONCURRENT)
    async with Argosy.connect(fleet.settings) as client:

        async def one(number: int) -> str:
            async with gate:
                run = await client.submit(
                    scripted, topic(number), run_id=f"run-{number}", deadline_seconds=600
                )
                return run.run_id

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number), name=f"submit {number}") for number in range(count)]
        return [task.result() for task in tasks]


async def until_ended(fleet: RealFleet, run_ids: Sequence[str], seconds: float) -> None:
    """Wait for the results of all runs."""
    async with (
        Argosy.connect(fleet.settings) as client,
        asyncio.timeout(seconds),
        asyncio.TaskGroup() as group,
    ):
        for run_id in run_ids:
            group.create_task(client.run(run_id).ended(), name=f"await {run_id}")


def judge(fleet: RealFleet, told: dict[str, Story], count: int, *, redis_lost: bool) -> None:
    """Every promise that the topics and the ledger can show."""
    assert {run_id for run_id, story in told.items() if story.accepted} == {f"run-{n}" for n in range(count)}
    expected: set[str] = set()
    for number in range(count):
        run_id, story = f"run-{number}", told[f"run-{number}"]
        fails = bool(topic(number).fail)
        assert story.ended, f"{run_id} never ended"
        assert story.ended[0].outcome == ("failed" if fails else "succeeded"), story.ended[0]
        assert len(set(story.results)) == 1, f"{run_id} has {len(set(story.results))} different results"
        if fails:
            continue
        accepted = story.accepted_values()
        assert set(accepted) == set(AGENTS), f"{run_id}: {set(accepted)}"
        result = story.ended[0].result
        assert isinstance(result, Inline)
        given = json.loads(json.dumps(result.value))["given"]
        for name, value in zip(("research", "summarise", "criticise"), given, strict=True):
            payload = accepted[name].result
            assert isinstance(payload, Inline)
            assert payload.value == value, f"{run_id}: the join got another value of {name} than the run took"
        expected |= {f"{run_id}/{name}" for name in AGENTS}
    effects = fleet.ledger.effects()
    made = {key.split("|")[0] for key in effects}
    assert expected <= made, "a task took effect without its side effect"
    assert len(made) == len(effects), "an idempotency key changed between attempts"
    assert fleet.ledger.changed_memos() == [] or redis_lost
    assert fleet.ledger.made_after_known() == [] or redis_lost


async def load_until(fleet: RealFleet, enough: asyncio.Event, concurrent: int) -> int:
    """Keep so many runs under way, each until its end, until it is enough; return how many there were."""
    gate = asyncio.Semaphore(concurrent)
    count = 0

    async def one(number: int, client: Argosy) -> None:
        try:
            run = await client.submit(scripted, topic(number), run_id=f"run-{number}", deadline_seconds=600)
            await run.ended(timeout_seconds=300)
        finally:
            gate.release()

    async with Argosy.connect(fleet.settings) as client, asyncio.TaskGroup() as group:
        while not enough.is_set():
            await gate.acquire()
            group.create_task(one(count, client), name=f"run {count}")
            count += 1
    return count
