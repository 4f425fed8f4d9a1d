"""One of the two servers has lost everything, or offsets are turned back to the beginning: nothing happens twice."""

import asyncio
import signal
from pathlib import Path
from typing import Final

import pytest

from argosy.broker.keys import kind_of
from argosy.schemas.runlog import RunAccepted, RunEnded
from support.crash_history import Run, runs_in
from support.crash_plain import plains
from support.diamonds import Diamonds
from support.fault_app import Act, Done, gate, harming, lonely
from support.fault_world import FaultWorld, Ground, client_of, fault_world, until_begun
from support.forks import Forks
from support.kafka_loss import forget, keep_all, rewind
from support.leftovers import leftovers
from support.patient_redis import patient
from support.stack import StackThread
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

SHORT_LIVES: Final = {
    "ARGOSY_FLEET__LONGEST_RUN_SECONDS": "40",
    "ARGOSY_FLEET__WINDOW_SECONDS": "15",
    "ARGOSY_FLEET__AHEAD_SECONDS": "2",
}
"""Tombstones live for 55 seconds; a busy machine may take 40 for the runs that leave them, 15 for their submits."""


async def rewind_all(world: FaultWorld) -> None:
    """Set the offsets of all groups to the beginning."""
    servers = world.settings.kafka.bootstrap_servers
    for group, partitions in (await world.witness.committed()).items():
        if partitions:
            await asyncio.to_thread(rewind, servers, group, list(partitions))


async def start_all(world: FaultWorld) -> None:
    await world.start("coordinator")
    await world.start("worker")


async def history(world: FaultWorld) -> dict[str, Run]:
    """Return what the topics tell of each run."""
    return runs_in(plains(await world.witness.read({})))


async def run_keys(world: FaultWorld) -> list[bytes]:
    """Keys of runs and tasks."""
    keys = [key async for key in world.store.scan(f"{world.name}:*")]
    return [key for key in keys if kind_of(key.decode()) in ("run", "task")]


async def flush(world: FaultWorld) -> None:
    """Take this fleet's keys away, all of them: the server itself is shared with other tests."""
    keys = [key async for key in world.store.scan(f"{world.name}:*")]
    redis = patient(world.settings.redis.url.get_secret_value())
    try:
        await redis.delete(*keys)
    finally:
        await redis.aclose()


async def test_without_kafkas_data_the_fleet_begins_anew_and_keeps_nothing_of_what_redis_had(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground) as world:
        async with client_of(world) as client:
            before = Diamonds(world, client)
            await before.submit(4)
            await before.ended()
            lost = [await client.submit(lonely, Act(seconds=600)) for _ in range(2)]
            for run in lost:
                await until_begun(world, f"{run.run_id}/later")
        await world.end_all(signal.SIGKILL)
        await asyncio.to_thread(forget, stack.bootstrap_servers, world.name)
        await start_all(world)
        async with client_of(world) as client:
            after = Diamonds(world, client)
            after.mark = before.mark  # the very ids that Redis has tombstones of
            await after.submit(8)
            await after.ended()
            allowed = {
                f"{run.run_id}/later: it is claimed" for run in lost
            }  # spared, as all task keys; has a TTL

            async def so() -> bool:
                left = await leftovers(world.store, world.name)
                return (
                    not await world.witness.lag()
                    and {each.partition(":task:")[2] for each in left} <= allowed
                )

            await eventually(so, "nothing of the lost runs is left, no timer either")
            found = await history(world)
            assert set(found) - {""} == set(after.acknowledged)
            for run_id in after.acknowledged:
                # A lane that lost its group for a moment may say it again.
                assert {end.data["outcome"] for end in found[run_id].ended} == {"succeeded"}
            for run in lost:
                assert await client.run(run.run_id).find() is None


async def test_without_redis_data_a_fleet_that_starts_ends_its_runs_and_repeats_none_that_ended(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground) as world, client_of(world) as client:
        diamonds = Diamonds(world, client)
        await diamonds.submit(6)
        await diamonds.ended()
        waiting = await client.submit(harming, Act(kind="wait"), run_id="waits")
        await until_begun(world, "waits/harm")
        made = len(world.ledger.made())
        await world.end_all(signal.SIGKILL)
        await flush(world)
        await start_all(world)
        await until_begun(world, "waits/harm", times=2)
        world.ledger.make(gate("waits"), "")
        assert isinstance(await waiting.result(timeout_seconds=240), Done)
        await diamonds.judged(redis_lost=True)
        assert len(world.ledger.made()) == made + 2, "only the run that was open was worked on again"


async def test_offsets_that_are_turned_back_after_all_tombstones_are_gone_start_nothing_again(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground, variables=SHORT_LIVES) as world, client_of(world) as client:
        # Else Kafka, which looks every five minutes, may take the inbox before it is read again.
        await asyncio.to_thread(keep_all, stack.bootstrap_servers, world.name)
        diamonds = Diamonds(world, client)
        await diamonds.submit(8)
        await diamonds.ended()
        await diamonds.judged()
        made = sorted(world.ledger.made())
        ends = await world.witness.ends()
        before = await history(world)

        async def forgotten() -> bool:
            return not await run_keys(world)

        await eventually(forgotten, "the tombstones' time is over", seconds=240)
        await world.end_all()
        await rewind_all(world)
        await start_all(world)
        await world.until_quiet()
        again = await world.witness.read(ends)
        assert sorted(world.ledger.made()) == made
        after = await history(world)
        assert {run_id for run_id, run in after.items() if run.accepted} == set(diamonds.acknowledged)
        for run_id in diamonds.acknowledged:
            assert 1 <= len(after[run_id].ended) == len(before[run_id].ended), f"{run_id} ended again"
        assert any(isinstance(line.message, RunAccepted) for line in again), "the inbox was not read again"
        assert not any(isinstance(line.message, RunEnded) for line in again)
