"""Stories of lanes and their owners: crashes, wipes, failovers, clocks, poisonous runs."""

# ruff: noqa: SLF001 - what is slowed down is private
# pyright: reportPrivateUsage=false

import asyncio
from collections.abc import Mapping, Sequence
from itertools import repeat
from unittest.mock import patch

import pytest

from argosy import RunFailed
from argosy.broker.log import Partition
from argosy.broker.memory_consumer import MemoryConsumer
from argosy.broker.script import Script
from argosy.coordinator import settled
from argosy.coordinator.chain import Chain
from argosy.coordinator.turn import Turn
from argosy.coordinator.writes import Writes
from argosy.schemas.runlog import TaskSettled
from support.tale import Tale, tell
from support.tale_cast import MADE


def test_s3_an_owner_that_wakes_takes_no_lane_back() -> None:
    async def story(tale: Tale) -> None:
        tale.pause("coordinator-1", 9.0)
        runs = [await tale.submit("slow", f"r-{n}") for n in range(4)]
        await asyncio.sleep(15)
        for run in runs:
            assert (await run.result()).startswith("slow")

    tale = tell(story, coordinators=2)
    assert len(tale.records("argosy.results", "run.ended")) == 4


@pytest.mark.parametrize("hears_of_it", ["at once", "late"])
def test_s3_an_owner_that_wakes_with_a_commit_in_hand_commits_nothing_and_takes_nothing(
    hears_of_it: str,
) -> None:
    plain, due, stopped, stolen = Chain.commit, MemoryConsumer._due, list[str](), list[str]()
    hearing = asyncio.Event()

    async def story(tale: Tale) -> None:
        async def commit(
            chain: Chain, writes: Writes, checkpoint: Mapping[str, str], *, mark: str = ""
        ) -> None:
            if not stopped and any("r-0" in key for key in writes.keys):
                stopped.append(f"{tale.here()}.1")
                tale.pause(tale.here(), 9.0)
                await asyncio.sleep(0)
            await plain(chain, writes, checkpoint, mark=mark)

        def is_due(consumer: MemoryConsumer) -> bool:
            """Let it hear late that its group has a new generation, as a client does whose heartbeat is not due."""
            deaf = consumer._name in stopped and not hearing.is_set()
            return due(consumer) and not (deaf and hears_of_it == "late")

        def ran(who: str, script: Script, keys: Sequence[str], *_: object) -> None:
            if script.name == "take":
                (lane,) = [lane for lane in range(2) if tale.keys(lane).checkpoint == keys[0]]
                owner = tale.world.broker.groups("argosy.lanes").owners.get(tale.log(lane), "")
                stolen.extend([] if owner.startswith(f"{who}/") else [who])

        tale.world.observer.on_script.append(ran)
        with patch.object(Chain, "commit", commit), patch.object(MemoryConsumer, "_due", is_due):
            runs = [await tale.submit("slow", f"r-{n}") for n in range(4)]
            await tale.until(lambda: stopped)
            await asyncio.sleep(12)
            hearing.set()
            tale.world.broker.rebalance("argosy.lanes")
            for run in runs:
                assert (await run.result(timeout_seconds=60)).startswith("slow")

    assert tell(story, coordinators=2).results() == 4
    assert stopped
    assert not stolen


def test_s5_a_commit_whose_answer_is_lost_is_applied_once() -> None:
    async def story(tale: Tale) -> None:
        doors = tale.stage.supervisor.doors("coordinator-1")
        assert doors is not None
        run = await tale.submit("x", "r")
        doors.wires["redis"].fates.extend("reply lost" for _ in range(6))
        assert (await run.result()).startswith("x")

    assert tell(story).handled == ["r/first", "r/second"]


def test_s6_a_wipe_of_an_idle_fleet_is_noticed() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("flaky", "r")
        await tale.until(lambda: tale.records("argosy.runs", "task.settled"))
        await asyncio.sleep(1)  # nothing is under way: one timer is armed, for the retry
        tale.mischief.losses.append(tale.world.loop.time())
        tale.world.server.wipe()
        assert (await run.result(timeout_seconds=60)).startswith("flaky")

    tell(story)


def test_s7_s21_the_logs_of_a_fleet_whose_kafka_was_emptied_are_read_from_their_beginning() -> None:
    async def story(tale: Tale) -> None:
        await (await tale.submit("x", "before")).result()
        for topic in ("argosy.runs", "argosy.inbox", "argosy.tasks.first", "argosy.tasks.second"):
            tale.world.broker.recreate(topic)
        for group in ("lanes", "receivers", "agent.first", "agent.second"):
            tale.world.broker.groups(f"argosy.{group}").offsets.clear()  # they lay in Kafka too
            tale.world.broker.rebalance(f"argosy.{group}")
        run = await tale.submit("y", "after")
        assert (await run.result(timeout_seconds=90)).startswith("y")

    tell(story)


def test_s8_a_coordinator_whose_clock_is_an_hour_ahead_ends_no_run_early() -> None:
    async def story(tale: Tale) -> None:
        tale.process("coordinator-1").skew_seconds = 3600.0
        tale.world.broker.rebalance("argosy.lanes")  # it takes its lanes anew, by that clock
        run = await tale.submit("flaky", "r", deadline_seconds=600)
        assert (await run.result()).startswith("flaky")

    tell(story)


def test_s8_a_timer_that_is_armed_when_its_owner_dies_fires() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("flaky", "r")
        await tale.until(lambda: tale.records("argosy.runs", "task.settled"))
        await asyncio.sleep(1)
        tale.crash("coordinator-1")
        assert (await run.result(timeout_seconds=60)).startswith("flaky")

    tell(story)


def test_s8_a_timer_whose_record_is_lost_fires_again() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("flaky", "r")
        await tale.until(lambda: tale.records("argosy.runs", "task.settled"))
        await asyncio.sleep(1)  # its answer is committed; the next record of the coordinator is the timer's
        doors = tale.stage.supervisor.doors("coordinator-1")
        assert doors is not None
        doors.wires["kafka"].fates.extend(repeat("request lost", 8))
        assert (await run.result(timeout_seconds=90)).startswith("flaky")
        assert not doors.wires["kafka"].fates

    tell(story)


def test_s18_a_run_whose_fold_raises_stops_no_other() -> None:
    plain = settled.settle

    def settle(turn: Turn, one: TaskSettled) -> None:
        if one.task_id.startswith("bad/"):
            message = "planted"
            raise ZeroDivisionError(message)
        plain(turn, one)

    async def story(tale: Tale) -> None:
        bad = await tale.submit("x", "bad", deadline_seconds=20)
        for n in range(4):  # some of them lie in its lane
            assert (await (await tale.submit("y", f"good-{n}")).result()).startswith("y")
        with pytest.raises(RunFailed):
            await bad.result(timeout_seconds=60)

    with patch.object(settled, "settle", settle):
        # The oracle folds the log anew, and meets the bug too.
        tell(story, allowed=frozenset({"fold raises"}))


def test_s20_offsets_without_records_at_the_end_of_the_log_hold_up_nobody() -> None:
    async def story(tale: Tale) -> None:
        await (await tale.submit("x", "before")).result()
        for lane in range(2):
            tale.world.broker.skip(Partition("argosy.runs", lane), 3)
        tale.crash("coordinator-1")
        await tale.until(lambda: tale.stage.supervisor.find("coordinator-1") is not None)
        assert (await (await tale.submit("y", "after")).result()).startswith("y")

    tell(story)


def test_s42_a_failover_and_back_is_noticed() -> None:
    async def story(tale: Tale) -> None:
        runs = [await tale.submit("slow", f"r-{n}") for n in range(4)]
        await tale.until(lambda: len(tale.handled) >= 2)
        tale.mischief.losses.append(tale.world.loop.time())
        tale.world.server.failover(20)
        tale.world.server.failover(0)
        for run in runs:
            assert (await run.result(timeout_seconds=90)).startswith("slow")

    tell(story)


def test_s47_a_lane_that_is_rebuilt_spares_what_its_workers_hold() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("slow", "r")
        await tale.until(lambda: MADE["r/first"])
        await tale.rebuild_all()
        assert (await run.result()).startswith("slow")

    tell(story)
    assert MADE["r/first"] == 1


def test_s47_a_memo_survives_a_rebuild_and_then_its_worker() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("slow", "r")
        await tale.until(lambda: MADE["r/first"])
        await tale.rebuild_all()
        await asyncio.sleep(1.0)
        tale.crash("worker-1")
        assert (await run.result(timeout_seconds=60)) == "slow r/first 1!"

    assert tell(story).handled.count("r/first") == 2


def test_s47_what_runs_is_not_run_twice_because_redis_lost_it() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("slow", "r")
        await tale.until(lambda: MADE["r/first"])
        tale.lose_redis()
        tale.world.broker.rebalance("argosy.agent.first")  # another worker reads the order
        assert (await run.result(timeout_seconds=60)).startswith("slow")

    # It notices within a second, and a worker puts its claim back within 2.5.
    fleet = {"lease_seconds": 6.0, "renew_seconds": 2.5}
    assert tell(story, workers=2, fleet=fleet).handled == ["r/first", "r/second"]
