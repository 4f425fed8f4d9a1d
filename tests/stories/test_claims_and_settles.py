"""Stories of the worker, under the numbers that the design's list of crash stories gives them."""

import asyncio

import pytest

from argosy import RunFailed
from argosy.testing.traps import At
from support.tale import Tale, tell
from support.tale_cast import MADE, wide


def test_s22_an_old_dispatch_after_a_wipe_runs_nothing_again() -> None:
    async def story(tale: Tale) -> None:
        await (await tale.submit("x", "r")).result()
        tale.mischief.losses.append(tale.world.loop.time())
        tale.world.server.wipe()
        for agent in ("first", "second"):
            for record in tale.records(f"argosy.tasks.{agent}", "task.dispatched"):
                tale.world.broker.append(record)

    assert tell(story).handled == ["r/first", "r/second"]


def test_s24_an_old_dispatch_of_a_run_long_gone_is_passed() -> None:
    async def story(tale: Tale) -> None:
        await (await tale.submit("x", "r", deadline_seconds=20)).result()
        await asyncio.sleep(60)  # its tombstone, too, is gone
        assert not any(b":run:" in key for key in tale.world.server.dump())
        for record in tale.records("argosy.tasks.first", "task.dispatched"):
            tale.world.broker.append(record)
        await asyncio.sleep(5)

    tale = tell(story, fleet={"longest_run_seconds": 20, "window_seconds": 20, "ahead_seconds": 5})
    assert tale.handled == ["r/first", "r/second"]


def test_s26_a_task_that_kills_its_worker_ends_as_poison_and_harms_no_other() -> None:
    async def story(tale: Tale) -> None:
        def dies(_who: str, task_id: str, _attempt: int) -> None:
            if task_id == "bad/first":
                tale.kill(_who)

        tale.world.observer.on_handler.append(dies)
        runs = [await tale.submit("x", run_id) for run_id in ("a", "bad", "b", "c")]
        for run in runs:
            if run.run_id == "bad":
                with pytest.raises(RunFailed, match="workers in turn died"):
                    await run.result(timeout_seconds=100)
            else:
                assert (await run.result(timeout_seconds=100)).startswith("x")

    tale = tell(story, workers=2)
    assert tale.handled.count("bad/first") == 3


def test_s29_a_zombie_that_wakes_after_its_lease_changes_nothing() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("slow", "r")
        await tale.until(lambda: MADE["r/first"])
        tale.pause(tale.handlers["r/first"], 12.0)
        assert (await run.result()) == "slow r/first 1!"
        await asyncio.sleep(15)

    tell(story, workers=2)
    assert MADE["r/first"] == 1


@pytest.mark.parametrize("seconds", [4.0, 4.5, 5.0])
def test_s29_a_zombie_that_wakes_while_its_successor_works_takes_nothing_back(seconds: float) -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("slow", "r")
        await tale.until(lambda: MADE["r/first"])
        tale.pause(tale.handlers["r/first"], seconds)
        assert (await run.result()) == "slow r/first 1!"

    assert tell(story, workers=2).handled.count("r/first") == 2  # the witness sees whose fences are accepted


def test_s30_a_logged_effect_survives_its_worker_and_redis() -> None:
    async def story(tale: Tale) -> None:
        def dies(who: str) -> None:
            tale.kill(who)
            tale.mischief.losses.append(tale.world.loop.time())
            tale.world.server.wipe()

        tale.at_record("step.recorded", dies)
        run = await tale.submit("logged", "r")
        assert (await run.result(timeout_seconds=90)) == "logged r/first 1!"

    tell(story)
    assert MADE["r/first"] == 1


@pytest.mark.parametrize("at", ["after_store", "after_publish"])
@pytest.mark.parametrize("wiped", [False, True])
def test_s31_each_gap_of_a_settle_is_safe_to_repeat(at: At, wiped: bool) -> None:  # noqa: FBT001 - a case
    async def story(tale: Tale) -> None:
        tale.world.observer.traps.set("first", at, 1)
        run = await tale.submit("x", "r")
        await tale.until(lambda: not tale.world.observer.traps.left)
        if wiped:
            tale.mischief.losses.append(tale.world.loop.time())
            tale.world.server.wipe()
        assert (await run.result(timeout_seconds=90)).startswith("x")

    tale = tell(story)
    again = at == "after_store" and wiped
    assert tale.handled.count("r/first") == (2 if again else 1)


def test_s36_what_is_out_when_a_run_is_cancelled_costs_claims_and_runs_nothing() -> None:
    async def story(tale: Tale) -> None:
        tale.pause("worker-1", 2.0)
        run = await tale.stage.client.submit(wide, ["x"] * 40, run_id="r")
        await tale.until(lambda: len(tale.records("argosy.tasks.first", "task.dispatched")) >= 3)
        await run.cancel("enough")
        await tale.until(lambda: tale.records("argosy.runs", "run.ended"))
        await asyncio.sleep(20)

    assert tell(story, fleet={"dispatch_window": 64}).handled == []


def test_s44_the_handler_of_a_run_that_is_cancelled_during_a_rebuild_leaves_nothing() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("slow", "r")
        await tale.until(lambda: MADE["r/first"])
        tale.mischief.losses.append(tale.world.loop.time())
        tale.world.server.wipe()
        await run.cancel("enough")
        assert (await run.ended()).outcome == "cancelled"

    tell(story)
