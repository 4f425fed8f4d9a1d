"""Schedules by the clock: slots, daylight saving, what is missed, overlap, several schedulers, a wiped Redis."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy import BuildError, Context, Pipeline, Schedule, agent
from argosy.broker.keys import PERMANENT, kind_of, schedule_key
from argosy.broker.memory_redis import MemoryRedis
from argosy.client.connection import Argosy
from argosy.client.schedule_book import ScheduleBook
from argosy.client.scheduler import MISSED_AFTER_MS, Scheduler
from argosy.pipelines.slots import slots
from support.shell_world import ShellWorld, client_of, hello, shell_world

MINUTE, HOUR = 60_000, 3_600_000
NOON = 1_770_033_600_000  # 2026-02-02 12:00 UTC


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def some(cron: str, zone: str, after: str, count: int) -> list[str]:
    found = islice(slots(cron, zone, at(after)), count)
    return [datetime.fromtimestamp(ms / 1000, UTC).strftime("%m-%d %H:%M") for ms in found]


def test_a_day_in_a_zone_is_23_or_25_hours_long_when_the_clocks_change() -> None:
    daily = some("30 6 * * *", "Europe/Berlin", "2026-03-28 00:00", 3)
    assert daily == ["03-28 05:30", "03-29 04:30", "03-30 04:30"]
    daily = some("30 6 * * *", "Europe/Berlin", "2026-10-24 00:00", 3)
    assert daily == ["10-24 04:30", "10-25 05:30", "10-26 05:30"]


def test_a_time_that_the_clocks_leave_out_is_made_up_for_right_after() -> None:
    assert some("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", 2) == ["03-29 01:00", "03-30 00:30"]


def test_a_time_that_the_clocks_show_twice_counts_once() -> None:
    assert some("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", 2) == ["10-25 00:30", "10-26 01:30"]


def test_every_hour_is_every_hour_whatever_the_clocks_show() -> None:
    assert some("0 * * * *", "America/New_York", "2026-11-01 04:30", 4) == [
        "11-01 05:00",
        "11-01 06:00",
        "11-01 07:00",
        "11-01 08:00",
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        ["30 2 * * *", "*/20 * * * *", "0 */3 * * *", "15 1,2,3 * * SUN", "0 0 31 * *", "5 4 * * MON-FRI"]
    ),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.integers(at("2026-01-01"), at("2027-01-01")),
)
def test_slots_are_the_same_wherever_one_begins(cron: str, zone: str, after_ms: int) -> None:
    once = list(islice(slots(cron, zone, after_ms), 12))
    assert once == sorted(set(once))
    for number, slot_ms in enumerate(once[:-1]):
        assert next(slots(cron, zone, slot_ms)) == once[number + 1]
        assert next(slots(cron, zone, slot_ms - 1000)) == slot_ms


@agent
async def nothing(ctx: Context, text: str) -> str:
    """Take a text."""
    return f"{ctx.run_id}: {text}"


quiet = Pipeline("quiet", takes=str, gives=str)
quiet.returns(quiet.step(nothing, quiet.input))


def wrong(value: Any = "v", **options: Any) -> Schedule[str]:  # noqa: ANN401 - what a type checker would see
    return Schedule("x", "* * * * *", quiet, value, **options)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Schedule("X", "* * * * *", quiet, "v"), "X"),
        (lambda: Schedule("x", "* * *", quiet, "v"), "Wrong number of fields"),
        (lambda: Schedule("x", "61 * * * *", quiet, "v"), "minute"),
        (lambda: Schedule("x", "* * 32 2 *", quiet, "v"), "why: Bad day-of-month\n"),
        (lambda: Schedule("x", "* * 30 2 *", quiet, "v"), "such a day never comes in such a month"),
        (lambda: Schedule("x", "", quiet, "v"), "cron=''"),
        (lambda: Schedule("x", "* * * * *", quiet, "v", timezone="Mars/Olympus"), "Mars/Olympus"),
        (lambda: wrong(value=7), "another value"),
        (lambda: wrong(missed="some"), "missed='some'"),
        (lambda: wrong(overlap="no"), "overlap='no'"),
    ],
)
def test_a_schedule_that_is_wrong_is_refused_where_it_is_declared(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(BuildError) as found:
        make()
    assert told in str(found.value)


def test_the_key_of_a_schedule_is_known_and_permanent() -> None:
    assert kind_of(schedule_key("p", "nightly")) == "schedule"
    assert "schedule" in PERMANENT


class Clocked:
    """Schedulers with a clock that a test sets."""

    def __init__(self, world: ShellWorld, fleet: Argosy) -> None:
        self.world, self.fleet, self.now_ms = world, fleet, NOON
        self.book = ScheduleBook(MemoryRedis(world.server), world.settings.redis.key_prefix)

    def scheduler(self, **options: Any) -> Scheduler:  # noqa: ANN401 - options of a schedule
        schedule = Schedule("s", "*/10 * * * *", hello, "x", **options)
        return Scheduler([schedule], self.fleet, self.book, 172_800, lambda: self.now_ms)

    async def runs(self) -> set[str]:
        """The slots whose runs have ended, as minutes after noon."""
        for name in await self.submitted():
            await self.fleet.run(name).result(timeout_seconds=150)
        return {name.removeprefix("s-20260202T").removesuffix("00Z") for name in await self.submitted()}

    async def submitted(self) -> set[str]:
        records = await everything(self.world)
        return {key for key in records if key.startswith("s-")}


async def everything(world: ShellWorld) -> list[str]:
    follower = world.kafka.view("test").follower(world.names.inbox)
    await follower.start(beginning=True)
    found: list[str] = []
    try:
        while True:
            found += [record.key.decode() for record in await follower.read(0.05) if record.key]
            if await follower.caught_up():
                return found
    finally:
        await follower.close()


@asynccontextmanager
async def clocked() -> AsyncGenerator[Clocked]:
    async with shell_world() as world, client_of(world) as fleet:
        yield Clocked(world, fleet)


async def test_a_slot_runs_once_whoever_submits_it() -> None:
    async with clocked() as test:
        several = [test.scheduler() for _ in range(3)]
        for one in several:
            await one.look()
        assert await test.submitted() == set()
        test.now_ms += 10 * MINUTE
        await asyncio.gather(*(one.look() for one in several))
        assert await test.runs() == {"1210"}
        noted = await test.book.note("s")
        assert (noted.last_ms, noted.run_ms) == (NOON + 10 * MINUTE, NOON + 10 * MINUTE)


@pytest.mark.parametrize(
    ("missed", "made_up"),
    [("skip", set[str]()), ("once", {"1250"}), ("all", {"1210", "1220", "1230", "1240", "1250"})],
)
async def test_what_was_missed_is_made_up_for_by_the_policy(missed: str, made_up: set[str]) -> None:
    async with clocked() as test:
        await test.scheduler(missed=missed, overlap="allow").look()
        test.now_ms += 55 * MINUTE
        again = test.scheduler(missed=missed, overlap="allow")
        await again.look()
        await again.look()
        assert await test.runs() == made_up
        test.now_ms += 5 * MINUTE
        await again.look()
        assert await test.runs() == {*made_up, "1300"}


async def test_a_roll_out_misses_nothing() -> None:
    async with clocked() as test:
        test.now_ms += 10 * MINUTE - 20_000
        await test.scheduler().look()
        test.now_ms += MISSED_AFTER_MS - 5_000
        await test.scheduler().look()
        assert await test.runs() == {"1210"}


@pytest.mark.parametrize(
    ("overlap", "late"), [("skip", set[str]()), ("queue", {"1220"}), ("allow", {"1220"})]
)
async def test_a_slot_whose_predecessor_goes_on_is_left_out_waits_or_runs_beside_it(
    overlap: str, late: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with clocked() as test:
        one = test.scheduler(overlap=overlap)
        await one.look()
        test.now_ms += 10 * MINUTE
        await one.look()
        await test.runs()
        going = {"running"}
        real = type(test.fleet.run("x")).state

        async def state(run: Any) -> str:  # noqa: ANN401 - a Run
            return "running" if going and run.run_id.endswith("1210" + "00Z") else await real(run)

        monkeypatch.setattr("argosy.client.run.Run.state", state)
        for _ in range(10):
            test.now_ms += MINUTE
            await one.look()
        assert await test.runs() == {"1210"} | (late if overlap == "allow" else set())
        going.clear()
        test.now_ms += MINUTE
        await one.look()
        assert await test.runs() == {"1210"} | late


async def test_a_slot_that_was_turned_away_is_submitted_again_though_a_later_one_went_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with clocked() as test:
        schedule = Schedule("s", "*/10 * * * * *", hello, "x", overlap="allow")
        one = Scheduler([schedule], test.fleet, test.book, 172_800, lambda: test.now_ms)
        await one.look()
        early, late = (schedule.run_id(NOON + ms) for ms in (10_000, 20_000))
        away, real = {early}, type(test.fleet.run("x")).state

        async def state(run: Any) -> str:  # noqa: ANN401 - a Run
            return "refused" if run.run_id in away else await real(run)

        monkeypatch.setattr("argosy.client.run.Run.state", state)
        test.now_ms += 20_000
        await one.look()
        assert sorted(await everything(test.world)) == [early, late]
        for _ in range(2):
            test.now_ms += 3_000
            await one.look()
        assert sorted(await everything(test.world)) == [early, early, early, late]
        away.clear()
        await one.look()
        test.now_ms += MISSED_AFTER_MS
        away.add(early)
        await one.look()
        assert (await everything(test.world)).count(early) == 3


async def test_a_paused_schedule_leaves_its_slots_out_until_it_goes_on() -> None:
    async with clocked() as test:
        one = test.scheduler(missed="all")
        await one.look()
        await test.book.note("s", paused=True)
        for _ in range(3):
            test.now_ms += 10 * MINUTE
            await one.look()
        await test.book.note("s", paused=False)
        await one.look()
        assert await test.submitted() == set()
        test.now_ms += 10 * MINUTE
        await one.look()
        assert await test.runs() == {"1240"}


async def test_after_a_wipe_of_redis_the_results_say_where_to_go_on() -> None:
    async with clocked() as test:
        one = test.scheduler(missed="all", overlap="allow")
        await one.look()
        test.now_ms += 10 * MINUTE
        await one.look()
        assert await test.runs() == {"1210"}
        await MemoryRedis(test.world.server).delete([schedule_key(test.world.settings.redis.key_prefix, "s")])
        test.now_ms += 25 * MINUTE
        await test.scheduler(missed="all", overlap="allow").look()
        assert await test.runs() == {"1210", "1220", "1230"}
