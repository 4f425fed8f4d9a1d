"""Stories of lanes that are taken: what was fetched before the seek, clean-ups of rebuilds, releases that differ."""

import asyncio
from collections.abc import Sequence
from unittest.mock import patch

from argosy.broker.log import Partition
from argosy.broker.script import Arg, Script
from argosy.coordinator import fold, take
from argosy.coordinator.intake import Intake
from argosy.coordinator.lane_services import LaneServices
from argosy.coordinator.owned_lane import OwnedLane
from argosy.coordinator.take import Taken
from support.tale import Tale, tell
from support.tale_cast import MADE

SHORT = {"longest_run_seconds": 20, "window_seconds": 20, "ahead_seconds": 5}
"""A tombstone lives for 40 seconds, and the log is kept for 80."""


def test_s4_what_was_fetched_before_the_seek_is_not_folded() -> None:
    async def story(tale: Tale) -> None:
        for n in range(4):
            await (await tale.submit("x", f"r-{n}")).result()
        await asyncio.sleep(2)  # that these were answered is committed
        # Kafka's own offset lies far below the checkpoint, and what lies there comes before the lane seeks.
        tale.world.broker.groups("argosy.lanes").offsets.clear()
        tale.world.broker.rebalance("argosy.lanes")
        await asyncio.sleep(5)
        assert (await (await tale.submit("y", "after")).result()).startswith("y")

    assert tell(story).results() == 5  # folded once more, an ended run would have been answered once more


def test_s43_what_was_fetched_above_the_seek_skips_nothing() -> None:
    plain, late = OwnedLane.__init__, list[int]()

    async def story(tale: Tale) -> None:
        one, other = tale.runs_in(0, 2)
        log = tale.world.broker.log(tale.log(0))

        def init(  # noqa: PLR0913, PLR0917 - those of the plain one
            lane: OwnedLane,
            services: LaneServices,
            partition: Partition,
            taken: Taken,
            intake: Intake,
            group: asyncio.TaskGroup,
        ) -> None:
            plain(lane, services, partition, taken, intake, group)
            if partition.number == 0 and taken.checkpoint.next < log.end - 1:
                late.append(log.end)
                intake.put(log.read(log.end - 1, 100))  # a fetch that was under way when the lane sought

        with patch.object(OwnedLane, "__init__", init):
            writes = tale.world.server.writes
            run = await tale.submit("slow", one)
            await tale.submit("slow", other)
            await tale.until(lambda: len(tale.handled) == 2)
            tale.lose_redis(tale.world.server.writes - writes)  # as if none of it had been committed
            assert (await run.result(timeout_seconds=60)).startswith("slow")

    tell(story)
    assert late


def _cut(tale: Tale, lane: int, seconds: float) -> None:
    """Let retention take all that is older than this."""
    log = tale.world.broker.log(tale.log(lane))
    older = [
        record.offset
        for record in log.all()
        if record.timestamp_ms < (tale.world.true_time() - seconds) * 1000
    ]
    if older:
        tale.world.broker.cut(tale.log(lane), older[-1] + 1)


async def _ended_long_ago_and_repeated(tale: Tale) -> None:
    """A run ended, and was submitted again; of the log only the repeat is left."""
    await (await tale.submit("x", "r")).result()
    await asyncio.sleep(15)
    await tale.submit("x", "r")  # answered: the same run
    await tale.until(lambda: tale.results() == 2)
    await asyncio.sleep(75)
    for lane in range(2):
        _cut(tale, lane, 80)


LOG_IS_CUT = frozenset({"not what the log says"})
"""The oracle folds what is left of the log, too, and doesn't know of horizons."""


def test_s10_a_rebuild_from_a_cut_log_revives_no_run_that_had_ended() -> None:
    async def story(tale: Tale) -> None:
        await _ended_long_ago_and_repeated(tale)
        tale.lose_redis()
        await asyncio.sleep(30)

    tale = tell(story, fleet=SHORT, allowed=LOG_IS_CUT)
    assert tale.handled == ["r/first", "r/second"]
    assert tale.results() == 2


def test_s38_whoever_finishes_a_rebuild_finishes_its_clean_up() -> None:
    died = list[str]()

    async def story(tale: Tale) -> None:
        await _ended_long_ago_and_repeated(tale)

        def dies(who: str, script: Script, _keys: object, args: Sequence[Arg], _reply: object) -> None:
            if script.name == "commit" and args[2] == "-":  # the drop: now there is a checkpoint
                died.append(who)
                tale.kill(who)

        tale.lose_redis()
        tale.world.observer.on_script.append(dies)
        await tale.until(lambda: len(died) == 2)
        tale.world.observer.on_script.remove(dies)
        await asyncio.sleep(30)

    assert tell(story, fleet=SHORT, allowed=LOG_IS_CUT).results() == 2
    assert died


def test_s37_a_fresh_run_in_a_log_whose_beginning_is_cut_is_no_repeat() -> None:
    async def story(tale: Tale) -> None:
        before, run_id = tale.runs_in(0, 2)
        await (await tale.submit("x", before)).result()
        await asyncio.sleep(100)
        _cut(tale, 0, 80)  # nothing is left of a quiet lane
        run = await tale.submit("slow", run_id)
        await tale.until(lambda: MADE[f"{run_id}/first"])
        tale.lose_redis()
        assert (await run.result(timeout_seconds=30)).startswith("slow")

    tell(story, fleet=SHORT)


def test_s16_a_run_of_newer_rules_waits_for_the_roll_out_and_is_never_set_aside() -> None:
    async def story(tale: Tale) -> None:
        run_id, later = tale.runs_in(0, 2)
        tale.world.settings.fleet = tale.world.settings.fleet.model_copy(update={"rules": 99})
        run = await tale.submit("x", run_id)  # a receiver of the new release took it
        await tale.until(lambda: tale.records("argosy.runs", "run.accepted"))
        await asyncio.sleep(20)
        assert tale.handled == []
        assert not tale.world.server.dump().get(tale.keys(0).quarantine(_epoch(tale, 0)).encode())
        with patch.dict(fold.RULES, {99: fold.RULES[1]}):  # the new release gets the lane
            assert (await run.result(timeout_seconds=60)).startswith("x")
            assert (await (await tale.submit("y", later)).result()).startswith("y")
            await tale.until(lambda: tale.results() == 2)

    tell(story, allowed=frozenset({"fold raises"}))


def test_s16_an_older_release_that_takes_a_lane_writes_nothing_for_a_run_of_newer_rules() -> None:
    async def story(tale: Tale) -> None:
        run_id = tale.runs_in(0, 1)[0]
        with patch.dict(fold.RULES, {99: fold.RULES[1]}):  # the new release has the lane
            tale.world.settings.fleet = tale.world.settings.fleet.model_copy(update={"rules": 99})
            run = await tale.submit("flaky", run_id)
            await tale.until(lambda: tale.records("argosy.runs", "task.settled"))
            tale.crash("coordinator-1")
        written = len(tale.records("argosy.runs", "timer.fired")), len(tale.handled)
        tale.world.settings.fleet = tale.world.settings.fleet.model_copy(update={"rules": 1})
        await asyncio.sleep(40)  # nothing comes of the log: only the timer of the retry is due
        assert (len(tale.records("argosy.runs", "timer.fired")), len(tale.handled)) == written
        with patch.dict(fold.RULES, {99: fold.RULES[1]}):
            assert (await run.result(timeout_seconds=60)).startswith("flaky")

    tell(story, allowed=frozenset({"fold raises"}))


def _epoch(tale: Tale, lane: int) -> str:
    return tale.hashes("lane")[tale.keys(lane).checkpoint][b"epoch"].decode()


def test_s17_a_lane_of_a_newer_layout_waits_for_the_roll_out_and_keeps_its_state() -> None:
    async def story(tale: Tale) -> None:
        run_id = tale.runs_in(0, 1)[0]
        run = await tale.submit("slow", run_id)
        await tale.until(lambda: MADE[f"{run_id}/first"])
        epoch, key = _epoch(tale, 0), tale.keys(0).checkpoint.encode()
        tale.world.server.command(b"HSET", key, b"layout", b"2")  # the new release had the lane for a while
        tale.world.broker.rebalance("argosy.lanes")
        await asyncio.sleep(20)
        assert not tale.results()
        assert _epoch(tale, 0) == epoch
        with patch.object(take, "LAYOUT", 2), patch("argosy.coordinator.checkpoint.LAYOUT", 2):
            assert (await run.result(timeout_seconds=60)).startswith("slow")
        assert _epoch(tale, 0) == epoch

    tell(story)
    assert max(MADE.values()) == 1


def test_a_lane_whose_place_was_deleted_from_the_log_goes_on_where_the_log_begins() -> None:
    async def story(tale: Tale) -> None:
        lost, later = tale.runs_in(0, 2)

        def delete(_who: str) -> None:
            log = tale.world.broker.log(tale.log(0))
            tale.world.broker.cut(tale.log(0), log.end)

        await tale.until(lambda: tale.world.broker.log(tale.log(0)).end == 0)
        tale.at_record("run.accepted", delete)
        await tale.submit("x", lost)
        await tale.until(lambda: tale.world.broker.log(tale.log(0)).end == 1)
        run = await tale.submit("y", later)
        assert (await run.result(timeout_seconds=60)).startswith("y")

    tell(story, allowed=frozenset({"not what the log says", "lost"}))
