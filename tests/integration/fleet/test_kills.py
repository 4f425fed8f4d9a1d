"""Any process may be killed, Redis may lose everything: every run still ends, with the same outcome."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from argosy.client.connection import Argosy
from argosy.schemas.payload import Inline
from support.fleet import AGENTS, RealFleet, real_fleet
from support.oracle import Story, stories, until_quiet
from support.scripted import Topic, scripted

RUNS = int(os.environ.get("ARGOSY_TEST_RUNS", "500"))
SEED = int(os.environ.get("ARGOSY_TEST_SEED", "1"))
ROUNDS = int(os.environ.get("ARGOSY_TEST_ROUNDS", "1"))
"""How often each process is killed."""
CONCURRENT = 50


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


@pytest.mark.timeout(900)
async def test_500_runs_end_the_same_while_any_process_is_killed_again_and_again(tmp_path: Path) -> None:
    workers = [AGENTS, ("research", "criticise"), ("summarise", "synthesise"), AGENTS]
    async with real_fleet(tmp_path, coordinators=2, workers=workers) as fleet:
        names = ["coordinator-1", "coordinator-2", *(f"worker-{n}" for n in range(1, 5)), "kafka", "valkey"]
        async with asyncio.TaskGroup() as group:
            submitting = group.create_task(submit_all(fleet, RUNS), name="submit")
            for number in range(ROUNDS):
                await fleet.torment(SEED + number, names, pause_seconds=2.0)
        await until_ended(fleet, submitting.result(), 600)
        await until_quiet(fleet.settings, seconds=120)
        judge(fleet, await stories(fleet.settings), RUNS, redis_lost="kill valkey" in fleet.told)


@pytest.mark.timeout(600)
async def test_a_redis_that_is_flushed_twice_in_the_middle_changes_no_outcome(tmp_path: Path) -> None:
    async with real_fleet(tmp_path, coordinators=2, workers=[AGENTS, AGENTS]) as fleet:
        count = min(RUNS, 200)
        waiting = asyncio.create_task(submit_all(fleet, count), name="submit")
        for _ in range(2):
            await asyncio.sleep(1.5)  # lets work get under way; nothing rests on how much
            await fleet.flush()
        run_ids = await waiting
        await until_ended(fleet, run_ids, 300)
        await until_quiet(fleet.settings, seconds=120)
        judge(fleet, await stories(fleet.settings), count, redis_lost=True)
