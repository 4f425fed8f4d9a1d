"""Any process may be killed, Redis may lose everything: every run still ends, with the same outcome."""

import asyncio
import os
from pathlib import Path

import pytest

from support.fleet import AGENTS, real_fleet
from support.oracle import stories, until_quiet
from support.storm import judge, submit_all, until_ended

RUNS = int(os.environ.get("ARGOSY_TEST_RUNS", "500"))
SEED = int(os.environ.get("ARGOSY_TEST_SEED", "1"))
ROUNDS = int(os.environ.get("ARGOSY_TEST_ROUNDS", "1"))
"""How often each process is killed."""


@pytest.mark.timeout(1500)
async def test_500_runs_end_the_same_while_any_process_is_killed_again_and_again(tmp_path: Path) -> None:
    workers = [AGENTS, ("research", "criticise"), ("summarise", "synthesise"), AGENTS]
    async with real_fleet(tmp_path, coordinators=2, workers=workers) as fleet:
        names = ["coordinator-1", "coordinator-2", *(f"worker-{n}" for n in range(1, 5)), "kafka", "valkey"]
        async with asyncio.TaskGroup() as group:
            submitting = group.create_task(submit_all(fleet, RUNS), name="submit")
            for number in range(ROUNDS):
                await fleet.torment(SEED + number, names, pause_seconds=2.0)
        await until_ended(fleet, submitting.result(), 600)
        await until_quiet(fleet.settings)
        judge(fleet, await stories(fleet.settings), RUNS, redis_lost="kill valkey" in fleet.told)


@pytest.mark.timeout(1000)
async def test_a_redis_that_is_flushed_twice_in_the_middle_changes_no_outcome(tmp_path: Path) -> None:
    async with real_fleet(tmp_path, coordinators=2, workers=[AGENTS, AGENTS]) as fleet:
        count = min(RUNS, 200)
        waiting = asyncio.create_task(submit_all(fleet, count), name="submit")
        for _ in range(2):
            await asyncio.sleep(1.5)  # lets work get under way; nothing rests on how much
            await fleet.flush()
        run_ids = await waiting
        await until_ended(fleet, run_ids, 300)
        await until_quiet(fleet.settings)
        judge(fleet, await stories(fleet.settings), count, redis_lost=True)
