"""The gate: what is let in counts at once, and no longer than until its lane counts it."""

import asyncio

import pytest

from argosy.broker.fullness import fullness
from argosy.broker.keys import LaneKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.script import Script
from argosy.broker.store import Store
from argosy.coordinator import gate
from argosy.coordinator.chain import Chain
from argosy.coordinator.drain import Drain
from argosy.coordinator.gate import Entry, Gate
from argosy.coordinator.lane_load import LaneLoad
from argosy.coordinator.writes import Writes
from argosy.schemas.result import Full
from argosy.schemas.settings import FleetSettings, Settings

PREFIX = "argosy"


def gate_of(store: Store, **fleet: object) -> Gate:
    return Gate(Settings(fleet=FleetSettings.model_validate({"lanes": 1, **fleet})), store)


async def lane_says(store: Store, following: int, counts: dict[str, int]) -> None:
    """Commit, as the lane would, how far it is and what it has under way."""
    chain = Chain(store, keys := LaneKeys(PREFIX, 0))
    await chain.take()
    writes = Writes()
    writes.hset(keys.load("e"), counts)
    await chain.commit(writes, {"epoch": "e", "next": str(following)})


async def test_what_is_let_in_counts_before_any_lane_has_counted_it() -> None:
    doors = gate_of(MemoryRedis(), most_runs=3)
    found = [doors.enter("p", f"r{number}", 10) for number in range(5)]
    assert [isinstance(each, Full) for each in found] == [False, False, False, True, True]
    assert found[3] == Full(bound="runs", under_way=3, most=3, retry_after_seconds=5)


async def test_what_became_no_run_makes_room_again() -> None:
    doors = gate_of(MemoryRedis(), most_runs=1)
    entry = doors.enter("p", "r", 10)
    assert isinstance(entry, Entry)
    doors.settled(entry, None)
    assert isinstance(doors.enter("p", "s", 10), Entry)


async def test_a_run_counts_once_whether_its_lane_has_folded_it_or_not() -> None:
    store = MemoryRedis()
    doors = gate_of(store, most_runs=3)
    first, second = doors.enter("p", "r", 10), doors.enter("p", "s", 10)
    assert isinstance(first, Entry)
    assert isinstance(second, Entry)
    doors.settled(first, 4)
    doors.settled(second, 5)
    await lane_says(store, 5, {"runs": 1, "bytes": 900})  # the first is folded, the second isn't
    await doors.look()
    assert (doors.fullness().runs, doors.fullness().bytes) == (2, 910)
    said = await fullness(store, PREFIX)
    assert said is not None
    assert said.runs == 2
    await lane_says(store, 6, {"runs": 2, "bytes": 1_800})
    await doors.look()
    assert (doors.fullness().runs, doors.fullness().bytes) == (2, 1_800)


async def test_each_bound_keeps_out_what_it_is_about() -> None:
    store = MemoryRedis()
    doors = gate_of(store, most_runs=9, most_runs_of={"p": 2}, most_run_bytes=1_000)
    await lane_says(store, 5, {"runs": 2, "bytes": 900, "of:p": 2})
    await doors.look()
    kept_out = doors.enter("p", "r", 10)
    assert isinstance(kept_out, Full)
    assert (kept_out.bound, kept_out.pipeline, kept_out.most) == ("pipeline", "p", 2)
    assert isinstance(doors.enter("q", "r", 100), Entry)
    full = doors.enter("q", "s", 100)
    assert isinstance(full, Full)
    assert (full.bound, full.under_way) == ("bytes", 1_000)


async def test_what_a_lost_lane_said_last_counts_until_it_is_made_again() -> None:
    store = MemoryRedis()
    doors = gate_of(store, most_runs=2)
    await lane_says(store, 5, {"runs": 2, "bytes": 900})
    await doors.look()
    await store.run(WIPE, [LaneKeys(PREFIX, 0).checkpoint], [])
    await doors.look()
    assert isinstance(doors.enter("p", "r", 10), Full)


async def test_by_rules_1_everybody_is_let_in() -> None:
    doors = gate_of(MemoryRedis(), most_runs=1, rules=1)
    assert all(isinstance(doors.enter("p", f"r{number}", 10), Entry) for number in range(5))


async def test_more_than_may_wait_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MOST_WAITING", 2)
    doors = gate_of(MemoryRedis(), most_runs=1)
    entry = doors.enter("p", "r", 10)
    assert isinstance(entry, Entry)
    waiting = [asyncio.create_task(doors.wait("p", f"w{number}", 10)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [False, False, True]
    assert isinstance(await waiting[2], Full)
    doors.settled(entry, None)
    await doors.look()
    done, _ = await asyncio.wait(waiting[:2], return_when=asyncio.FIRST_COMPLETED)
    assert done == {waiting[0]}
    waiting[1].cancel()


def test_counts_are_those_of_runs_that_began_and_have_not_ended() -> None:
    load = LaneLoad()
    load.begin("p", 100)
    load.begin("q", 50)
    load.grow(7)
    assert load.take_changes() == {"runs": 2, "bytes": 157, "of:p": 1, "of:q": 1}
    load.end("p", 107)
    assert load.take_changes() == {"runs": 1, "bytes": 50, "of:p": None}
    load.end("q", 50)
    assert load.take_changes() == {"runs": None, "bytes": None, "of:q": None}
    load.end("r", 9)  # it began when nobody counted
    assert load.take_changes() == {"runs": None, "bytes": None, "of:r": None}


def test_how_long_to_wait_is_guessed_by_how_fast_runs_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("argosy.coordinator.drain.time.monotonic", lambda: now[0])
    drain = Drain()
    assert drain.seconds_for(1) == 5
    drain.saw(100)
    now[0] = 1.0
    drain.saw(90)
    assert (drain.seconds_for(1), drain.seconds_for(50), drain.seconds_for(10_000)) == (1, 5, 60)


WIPE = Script(__file__, "wipe")
