"""Stories of submits: repeats, bad ones, late ones, and the results that answer them."""

# ruff: noqa: SLF001 - what is slowed down is private
# pyright: reportPrivateUsage=false

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any
from unittest.mock import patch

import pytest

from argosy import RunCancelled, RunConflict
from argosy.coordinator.accept import Accept
from argosy.coordinator.publish import Publish
from argosy.schemas.errors import ArgosyError, Unreachable
from argosy.schemas.runlog import RunAccepted
from support.tale import Tale, tell

SHORT = {"longest_run_seconds": 20, "window_seconds": 20, "ahead_seconds": 5}
"""A tombstone lives for 40 seconds."""


def test_s1_a_submit_of_other_data_ends_no_healthy_run() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("slow", "r")
        other = await tale.submit("other", "r")
        with pytest.raises(RunConflict):
            await other.result()
        assert (await run.result()).startswith("slow")

    tell(story)


def test_s2_a_crash_between_the_end_and_its_result_loses_no_result() -> None:
    async def story(tale: Tale) -> None:
        tale.at_record("run.ended", tale.kill)
        run = await tale.submit("x", "r")
        assert (await run.result(timeout_seconds=60)).startswith("x")

    assert len(tell(story).records("argosy.results", "run.ended")) == 1


def test_s2_a_crash_between_the_commit_that_owes_a_result_and_its_record_loses_no_result() -> None:
    async def story(tale: Tale) -> None:
        tale.at_commit("result:r", tale.kill)
        run = await tale.submit("x", "r")
        assert (await run.result(timeout_seconds=60)).startswith("x")

    assert len(tell(story).records("argosy.results", "run.ended")) == 1


def test_s2_a_result_whose_record_is_lost_on_its_way_is_sent_again() -> None:
    async def story(tale: Tale) -> None:
        doors = tale.stage.supervisor.doors("coordinator-1")
        assert doors is not None
        tale.at_commit("result:r", lambda _who: doors.wires["kafka"].fates.extend(repeat("request lost", 3)))
        run = await tale.submit("x", "r")
        assert (await run.result(timeout_seconds=60)).startswith("x")

    tell(story)


def test_s9_a_failure_that_comes_twice_costs_one_attempt() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.submit("flaky", "r")
        await tale.until(lambda: len(tale.records("argosy.tasks.first", "task.dispatched")) == 2)
        tale.world.broker.append(tale.records("argosy.runs", "task.settled")[0])
        assert (await run.result()).startswith("flaky")

    assert len(tell(story).records("argosy.tasks.first", "task.dispatched")) == 2


def test_s12_a_cancel_that_comes_before_its_run_ends_it() -> None:
    async def story(tale: Tale) -> None:
        await tale.stage.client.run("r").cancel("too late")
        await asyncio.sleep(1)
        with pytest.raises(RunCancelled):
            await (await tale.submit("x", "r")).result()

    assert tell(story).handled == []


def test_s46_each_repeat_of_an_ended_run_is_answered() -> None:
    async def story(tale: Tale) -> None:
        await (await tale.submit("x", "r")).result()
        for _ in range(3):
            await tale.submit("x", "r")
            await asyncio.sleep(2)

    assert len(tell(story).records("argosy.results", "run.ended")) == 4


def test_s46_a_request_that_comes_while_the_first_is_being_answered_is_answered_too() -> None:
    plain, calls = Publish._produce, list[str]()

    async def produce(self: Publish, owed: Sequence[Any]) -> list[ArgosyError | None]:
        if not owed[0].what.startswith("result:"):
            return await plain(self, owed)
        calls.append(owed[0].what)
        if (
            len(calls) == 2
        ):  # the answer to the repeat is lost on its way, after the first one is acknowledged
            await asyncio.sleep(2.0)
            return [Unreachable("lost")]
        answers = await plain(self, owed)
        await asyncio.sleep(1.0)
        return answers

    async def story(tale: Tale) -> None:
        await (await tale.submit("x", "r")).result()
        await tale.submit("x", "r")
        await tale.until(lambda: tale.results() == 2)

    with patch.object(Publish, "_produce", produce):
        tell(story)
    assert len(calls) == 3


@pytest.mark.parametrize("skew_hours", [-30, 30])
def test_s11_the_window_is_judged_by_when_the_submit_arrived(skew_hours: int) -> None:
    async def story(tale: Tale) -> None:
        tale.pause("coordinator-1", 30.0)  # longer than the window
        run = await tale.submit("x", "r")
        sent = tale.records("argosy.inbox", "run.submitted")[0]
        now = datetime.fromtimestamp(tale.world.true_time(), UTC).isoformat().encode()
        stamped = {**dict(sent.headers), "ce_id": b"stamped", "ce_subject": b"stamped", "ce_time": now}
        tale.world.broker.append(sent._replace(key=b"stamped", headers=tuple(stamped.items())))
        await asyncio.sleep(35)
        for acknowledged in (run, tale.stage.client.run("stamped")):
            assert str(await acknowledged.result(timeout_seconds=30)).startswith("x")
        ce_time = datetime.fromtimestamp(tale.world.true_time(), UTC) + timedelta(hours=skew_hours)
        headers = {**dict(sent.headers), "ce_id": b"again", "ce_time": ce_time.isoformat().encode()}
        tale.world.broker.append(sent._replace(headers=tuple(headers.items())))
        await tale.until(lambda: tale.records("argosy.results", "submit.refused"))

    tale = tell(story, fleet={**SHORT, "longest_run_seconds": 100})
    (refused,) = tale.records("argosy.results", "submit.refused")
    assert (b"too_far_ahead" if skew_hours > 0 else b"too_old") in refused.value
    assert tale.results() == 2


@pytest.mark.parametrize("run_cache_bytes", [1, 100_000_000])
def test_s39_a_receiver_that_slept_for_longer_than_a_tombstone_lives_starts_nothing_again(
    run_cache_bytes: int,
) -> None:
    plain, slept = Accept.accept, list[str]()

    async def story(tale: Tale) -> None:
        await (await tale.submit("x", "r")).result()

        async def accept(self: Accept, submit: Any, arrived: Any) -> RunAccepted:  # noqa: ANN401 - as they come
            accepted = await plain(self, submit, arrived)
            if not slept:
                slept.append(tale.here())
                tale.pause(slept[0], 60.0)
            return accepted

        with patch.object(Accept, "accept", accept):
            await tale.submit("x", "r")
            await asyncio.sleep(70)

    tale = tell(story, coordinators=2, fleet={**SHORT, "run_cache_bytes": run_cache_bytes})
    assert slept
    assert tale.handled == ["r/first", "r/second"]
    assert len(tale.records("argosy.runs", "run.accepted")) == 3
    refused = len(tale.records("argosy.results", "submit.refused"))
    # Who still has the tombstone in memory answers with the result; whether the lane is lost to the sleeper before its
    # answer is out, and folded by one that hasn't it, is a matter of turns.
    assert refused == 1 or (refused == 0 and run_cache_bytes > 1)
    # At least once: one whose removal from the outbox isn't committed is sent again, the same, by who takes the lane.
    answers = [record.value for record in tale.records("argosy.results", "run.ended")]
    assert refused + len(answers) in {3, 4}, "each submit is answered"
    assert len(set(answers)) == 1
