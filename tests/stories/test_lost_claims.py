"""Stories of claims that Redis lost, or that it never should have given."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from argosy.broker.script import Arg, Reply, Script
from argosy.testing.traps import tasks_of
from support.tale import Tale, tell
from support.tale_cast import MADE


def test_s23_a_redis_that_came_back_without_a_result_grants_nothing() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("x", "r")
        before: list[int] = []

        def settled(who: str) -> None:
            # Its file has the live mark, and lacks claim, memo and result; nobody but the scripts sees another server.
            tale.lose_redis(tale.world.server.writes - before[0])
            tale.kill(who)
            tale.pause("coordinator-1", 6.0)

        await tale.until(lambda: tale.records("argosy.tasks.first", "task.dispatched"))
        before.append(tale.world.server.writes)
        tale.at_record("task.settled", settled)
        assert (await run.result(timeout_seconds=60)).startswith("x")

    assert tell(story).handled == ["r/first", "r/second"]
    assert max(MADE.values()) == 1


def test_s25_a_lane_that_waits_stops_no_agent() -> None:
    async def story(tale: Tale) -> None:
        waiting, others = tale.runs_in(0, 30), tale.runs_in(1, 5)
        tale.pause("worker-1", 1.5)
        for run_id in waiting:
            await tale.submit("x", run_id)
        await tale.until(lambda: len(tale.records("argosy.tasks.first", "task.dispatched")) == 30)
        _newer_layout(tale, 0)
        for run_id in others:
            run = await tale.submit("x", run_id)
            assert (await run.result(timeout_seconds=20)).startswith("x")
        _newer_layout(tale, 0, b"1")
        await tale.until(lambda: len(_results(tale)) == 35)
        # At least once, and the same: Redis lost what was to be removed from the outbox.
        assert all(len(values) == 1 for values in _results(tale).values())

    tell(story, worker={"per_partition": 4})


def test_s34_a_worker_whose_only_work_is_parked_is_not_stuck() -> None:
    async def story(tale: Tale) -> None:
        tale.pause("worker-1", 1.5)
        run = await tale.submit("x", tale.runs_in(0, 1)[0])
        await tale.until(lambda: tale.records("argosy.tasks.first", "task.dispatched"))
        _newer_layout(tale, 0)
        await asyncio.sleep(100)  # the watchdog looks for 30 seconds
        assert tale.life("worker-1") == 1
        _newer_layout(tale, 0, b"1")
        assert (await run.result(timeout_seconds=60)).startswith("x")

    tell(story)


def _results(tale: Tale) -> dict[bytes, set[bytes]]:
    """Return what was told of each ended run."""
    found: dict[bytes, set[bytes]] = {}
    for record in tale.records("argosy.results", "run.ended"):
        found.setdefault(record.key, set()).add(record.value)
    return found


def _deliveries(answer: object) -> int:
    """Read how many leases were lost before what was granted; 0 of what was not."""
    if not isinstance(answer, list):
        return answer if isinstance(answer, int) else 0
    kind, deliveries = cast("list[object]", answer)[:2]  # with what an earlier delivery left
    return deliveries if kind == b"spent" and isinstance(deliveries, int) else 0


def _newer_layout(tale: Tale, lane: int, layout: bytes = b"2") -> None:
    """Let a lane wait for a newer release, not live: Redis came back as another server."""
    tale.world.server.command(b"HSET", tale.keys(lane).checkpoint.encode(), b"layout", layout)
    tale.lose_redis(0)


@pytest.mark.parametrize("worker", ["lives", "dies"])
def test_s32_renewal_puts_no_claim_back_after_the_run_has_ended(worker: str) -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("slow", "r")
        await tale.until(lambda: MADE["r/first"])
        await run.cancel("enough")
        await tale.until(tale.results)
        await asyncio.sleep(0.5)  # a few renewals
        if worker == "dies":  # so that nothing of it comes afterwards
            tale.crash("worker-1")
        await asyncio.sleep(10)
        assert not tale.hashes("task")

    tell(story, fleet={"renew_seconds": 0.2})


def test_s33_what_an_old_assignment_finishes_passes_nothing_of_the_new_one() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("slow", "r")
        await tale.until(lambda: MADE["r/first"])
        # The partition comes back with another record at the offset that the handler of the first one holds.
        tale.world.broker.recreate("argosy.tasks.first")
        tale.world.broker.groups("argosy.agent.first").offsets.clear()
        others = [await tale.submit("slow", f"other-{n}") for n in range(6)]
        tale.world.broker.rebalance("argosy.agent.first")
        for one in (run, *others):
            assert (await one.result(timeout_seconds=60)).startswith("slow")

    tell(story)  # the witness sees each offset that is committed


def test_s45_one_call_grants_one_suspect() -> None:
    suspects: list[int] = []

    def claimed(_who: str, script: Script, keys: Sequence[str], _args: Sequence[Arg], reply: Reply) -> None:
        if script.name == "claim" and isinstance(reply, list) and len(reply) - 1 == len(tasks_of(keys)):
            suspects.append(sum(_deliveries(answer) > 0 for answer in reply[1:]))

    async def story(tale: Tale) -> None:
        tale.world.observer.on_script.append(claimed)
        tale.pause("worker-1", 1.0)
        runs = [await tale.submit("slow", run_id) for run_id in tale.runs_in(0, 6)]
        await tale.until(lambda: len(set(tale.handled)) == 6)
        tale.crash("worker-1")  # six leases run out, at once
        for run in runs:
            assert (await run.result(timeout_seconds=60)).startswith("slow")

    tell(story, fleet={"dispatch_window": 64})
    assert max(suspects) == 1
