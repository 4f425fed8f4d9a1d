"""Stories of handlers: those that don't stop, that block, and the memos and payloads that they count on."""

# ruff: noqa: SLF001 - what a thread would do is done by hand
# pyright: reportPrivateUsage=false

import asyncio
from unittest.mock import patch

import pytest

from argosy import RunFailed
from argosy.broker.log import Outgoing
from argosy.testing.renewals import SteppedLeases
from support.tale import Tale, tell
from support.tale_cast import AT_EFFECT, KNOWN, MADE, holding


def test_s27_a_handler_that_ignores_its_cancellation_costs_a_worker_and_no_slot() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.stage.client.submit(holding, "stay", run_id="stubborn")
        other = await tale.submit("slow", "r")
        with pytest.raises(RunFailed, match="time limit"):
            await run.result(timeout_seconds=60)
        assert (await other.result(timeout_seconds=60)).startswith("slow")
        await tale.until(lambda: tale.stage.supervisor.find("worker-1") and tale.life("worker-1") == 2)
        run = await tale.stage.client.submit(holding, "go", run_id="obedient")
        assert await run.result(timeout_seconds=60) == "go"

    assert tell(story).handled.count("stubborn/stubborn") == 1


def test_s28_no_live_lease_for_a_dead_loop() -> None:
    # The simulation has no threads: the turns of the lease thread are done by hand, while the loop stands still.
    threads: dict[str, SteppedLeases] = {}
    plain = SteppedLeases.start

    async def story(tale: Tale) -> None:
        def start(leases: SteppedLeases) -> None:
            threads.setdefault(tale.here(), leases)
            plain(leases)

        with patch.object(SteppedLeases, "start", start):
            for name in ("worker-1", "worker-2"):  # new lives, whose leases we know
                tale.crash(name)
            await tale.until(lambda: len(threads) == 2 and tale.stage.crew.ready)
        blocked: list[str] = []

        def makes(_task_id: str, number: int) -> None:
            if number == 1:
                blocked.append(tale.here())
                tale.pause(blocked[0], 1000.0)

        AT_EFFECT.append(makes)
        run = await tale.submit("slow", "r")
        await tale.until(lambda: blocked)
        leases, life = threads[blocked[0]], tale.life(blocked[0])
        while tale.stage.supervisor.find(blocked[0]) and tale.life(blocked[0]) == life:
            leases.renew(leases._connect())  # until it ends the process
            await asyncio.sleep(leases._renew_seconds)
            assert tale.world.loop.time() < 100
        assert (await run.result(timeout_seconds=30)).startswith("slow")

    assert tell(story, workers=2).handled.count("r/first") == 2


@pytest.mark.parametrize("redis", ["kept", "lost"])
def test_s35_a_payload_that_a_later_run_refers_to_is_young_again(redis: str) -> None:
    async def story(tale: Tale) -> None:
        await (await tale.submit("x" * 70_000, "day-0")).result()
        await asyncio.sleep(100)
        tale.crash("worker-1")  # and with it what it had in memory
        sent = tale.records("argosy.inbox", "run.submitted")[0]  # a client that keeps its reference
        headers = {**dict(sent.headers), "ce_id": b"again", "ce_subject": b"day-7"}
        tale.at_record("run.accepted", lambda _who: tale.world.payloads.collect(90))
        tale.world.broker.append(sent._replace(key=b"day-7", headers=tuple(headers.items())))
        await tale.until(lambda: "day-7/first" in tale.handled)
        if redis == "lost":
            tale.lose_redis()
        assert (await tale.stage.client.run("day-7").result(timeout_seconds=60)) is not None

    tell(story)


def test_s40_a_memo_that_is_looked_up_while_the_lane_is_not_live_is_waited_for() -> None:
    async def story(tale: Tale) -> None:
        def begins(_who: str, task_id: str, _attempt: int) -> None:
            if task_id == "r/first" and tale.handled.count(task_id) == 2:
                tale.lose_redis()  # the memo is in the log alone, and the next thing is to look it up

        tale.world.observer.on_handler.append(begins)
        run = await tale.submit("logged slow", "r")
        await tale.until(lambda: KNOWN)
        tale.crash("worker-1")
        assert (await run.result(timeout_seconds=60)) == "logged slow r/first 1!"

    assert tell(story).handled.count("r/first") == 2
    assert MADE["r/first"] == 1


def test_s41_a_logged_memo_has_one_value_whoever_wakes() -> None:
    slept: list[str] = []

    async def story(tale: Tale) -> None:
        def makes(task_id: str, number: int) -> None:
            if task_id == "r/first" and number == 1:  # it looked, and found nothing
                slept.append(tale.here())
                tale.pause(slept[0], 12.0)

        AT_EFFECT.append(makes)
        run = await tale.submit("logged", "r")
        await tale.until(lambda: KNOWN)  # another worker has made it
        tale.lose_redis()
        assert (await run.result(timeout_seconds=60)) == "logged r/first 2!"
        await asyncio.sleep(20)

    tell(story, workers=2)
    assert slept
    assert {value for task, value in KNOWN if task == "r/first"} == {"r/first 2"}


def test_s41_a_zombie_that_logs_its_memo_second_changes_nothing_for_who_comes_third() -> None:
    recorded: list[str] = []

    async def story(tale: Tale) -> None:
        def makes(_task_id: str, number: int) -> None:
            if number == 1:
                tale.pause(tale.here(), 4.5)

        def appended(who: str, record: Outgoing, _partition: int, _offset: int) -> None:
            if b".step.recorded." in dict(record.headers).get("ce_type", b""):
                recorded.append(who)

        AT_EFFECT.append(makes)
        tale.world.observer.on_append.append(appended)
        run = await tale.submit("logged slow", "r")
        await tale.until(
            lambda: len(recorded) == 2
        )  # the zombie's is the second one, and its successor still works
        await asyncio.sleep(0.2)
        tale.kill(recorded[0])
        assert (await run.result(timeout_seconds=60)) == "logged slow r/first 2!"

    assert tell(story, workers=2).handled.count("r/first") == 3
    assert {value for task, value in KNOWN if task == "r/first"} == {"r/first 2"}
