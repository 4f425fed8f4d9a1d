"""Dispatch windows follow their agent's workers: short queues before slow ones, none that a fast one would notice."""

import heapq
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.broker.keys import LaneKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.coordinator.decision import Ready
from argosy.coordinator.out import Out
from argosy.coordinator.quarantine import Quarantine
from argosy.coordinator.ready_queue import ReadyQueue
from argosy.coordinator.release import Release
from argosy.coordinator.runs import Runs
from argosy.coordinator.windows import START, Bounds, Window, Windows, bounds_of
from argosy.schemas.settings import FleetSettings

BOUNDS = bounds_of(FleetSettings())
HOP_MS = 20
"""From a settle to the next task's handler and back, where nothing waits."""


def serve(  # noqa: PLR0913 - what workers are, and when
    window: Window, slots: int, handler_ms: int, until_ms: int, *, fixed: int | None = None, from_ms: int = 0
) -> list[tuple[int, int]]:
    """Serve an agent of so many slots from an endless queue; return when each began, and how long it had waited."""
    free = [from_ms] * slots
    under_way: list[tuple[int, int]] = []
    began: list[tuple[int, int]] = []
    now = from_ms
    while now < until_ms:
        room = (fixed or window.size) - len(under_way)
        for _ in range(room):
            slot = max(heapq.heappop(free), now + HOP_MS)
            began.append((slot, slot - now - HOP_MS))
            heapq.heappush(under_way, (slot + handler_ms, now))
            heapq.heappush(free, slot + handler_ms)
        window.full = len(under_way) >= window.size
        now, released = heapq.heappop(under_way)
        window.settled(now - released - handler_ms, handler_ms, now)
    return began


def test_a_fast_agent_is_as_fast_as_with_the_largest_window() -> None:
    free = Window(BOUNDS, START)
    adapted = len(serve(free, 400, 5, 10_000))
    fixed = len(serve(Window(BOUNDS, START), 400, 5, 10_000, fixed=BOUNDS.most))
    assert free.size == BOUNDS.most
    assert adapted >= 0.98 * fixed


@pytest.mark.parametrize("slots", [1, 8, 100])
@pytest.mark.parametrize("handler_ms", [50, 2_000, 30_000])
def test_before_a_slow_agent_lie_seconds_of_work_and_all_its_slots_are_taken(
    slots: int, handler_ms: int
) -> None:
    window = Window(BOUNDS, START)
    # What it begins with has to be worked off first.
    until_ms = 3 * START * handler_ms // slots + 100 * handler_ms + 60_000
    began = serve(window, slots, handler_ms, until_ms)
    steady = [waited for at, waited in began if at > until_ms // 2 and at < until_ms]
    # A task waits for `ahead`, or for a handler to end, whichever is later: and a little, until that is noticed.
    most_out = BOUNDS.most * handler_ms / slots
    assert max(steady) <= min(2 * (BOUNDS.ahead_ms + handler_ms), most_out)
    assert len(steady) >= 0.9 * slots * (until_ms // 2) / (handler_ms + HOP_MS * (slots == 1))


def test_an_agent_that_comes_to_be_slow_gets_no_more_until_its_queue_is_short() -> None:
    window = Window(BOUNDS, START)
    serve(window, 400, 5, 20_000)
    assert window.size == BOUNDS.most
    began = serve(window, 4, 1_000, 320_000, from_ms=20_000)
    assert max(waited for at, waited in began if at > 170_000) <= 2 * (BOUNDS.ahead_ms + 1_000)
    assert window.size <= 4 + 4 * 2 * BOUNDS.ahead_ms // 1_000


def test_what_comes_slowly_is_no_reason_to_shrink() -> None:
    window = Window(BOUNDS, START)
    for number in range(1_000):
        window.settled(10, 100, 1_000 + 5_000 * number)
    assert window.size == START


@pytest.mark.parametrize(("slots", "away_ms"), [(0, 20_000), (400, 60_000)])
def test_workers_that_were_away_are_not_taken_for_slow_ones(slots: int, away_ms: int) -> None:
    window, back_ms = Window(BOUNDS, START), 20_000 + away_ms
    if slots:
        serve(window, slots, 1_000, 20_000)
    left = window.size
    window.full = True
    for number in range(left):  # all that was out begins as they come back
        window.settled(away_ms + number, 1_000, back_ms + 1_000 + number)
    assert window.size == min(BOUNDS.most, 2 * left)


def test_slow_workers_that_come_back_get_no_more_than_before() -> None:
    window = Window(BOUNDS, START)
    serve(window, 4, 1_000, 200_000)
    left = window.size
    began = serve(window, 4, 1_000, 500_000, from_ms=400_000)
    assert window.size <= left
    assert max(waited for at, waited in began if at > 450_000) <= 2 * (BOUNDS.ahead_ms + 1_000)


@given(
    st.lists(st.tuples(st.integers(-10, 10**7), st.integers(0, 10**7), st.integers(0, 10**6), st.booleans())),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_a_window_stays_within_its_bounds_whatever_clocks_and_workers_say(
    told: list[tuple[int, int, int, bool]], least: int, more: int
) -> None:
    window, now = Window(Bounds(least, least + more, 5_000), least), 0
    for waited, handler, passed, full in told:
        now += passed
        window.full = full
        window.settled(waited, handler, now)
        assert least <= window.size <= least + more


def test_sizes_are_kept_and_bounds_that_have_changed_count() -> None:
    windows = Windows(BOUNDS, now_ms=100_000)
    windows.settled("slow", 1, 10)
    windows.now_ms += BOUNDS.ahead_ms + 5
    for _ in range(10):
        windows.settled("slow", 1, 10)
    assert windows.sizes() == {"slow": START - 10}
    assert windows.take_changes() == {"slow": str(START - 10)}
    assert windows.take_changes() == {}
    again = Windows(replace(BOUNDS, most=32))
    again.load({"slow": 54, "other": 1})
    assert again.sizes() == {"slow": 32, "other": 2}
    assert bounds_of(FleetSettings(dispatch_window=1)) == Bounds(1, 1, 5_000)


def test_a_window_begins_with_what_a_large_crew_runs_at_once_be_it_seen_late() -> None:
    shares = {"large": 200, "small": 3, "huge": 10_000}
    windows = Windows(BOUNDS, shares, now_ms=100_000)
    assert [windows.of(agent).size for agent in ("large", "small", "huge", "late")] == [
        200,
        START,
        BOUNDS.most,
        START,
    ]
    shares["late"] = 100
    assert windows.of("late").size == 100
    windows.settled("late", 99_990, 5)
    shares["late"] = 250
    assert windows.of("late").size == 100
    again = Windows(BOUNDS, shares)
    again.load({"late": 7})
    assert again.of("late").size == 7


async def test_a_window_that_holds_nothing_up_is_not_full() -> None:
    ready, out, windows = ReadyQueue(), Out(1_000, 10_000), Windows(Bounds(1, 4, 5_000))
    release = Release(
        ready, out, Runs(MemoryRedis(), LaneKeys("argosy", 0), "e", 10**9), Quarantine(), windows
    )
    for number in range(4):
        out.release("run", f"t{number}", 1, "work", 5)
    ready.know("work")
    await release.fill(0)
    assert not windows.of("work").full
    ready.add("more", Ready(step="a", attempt=1, agent="work", ready_at_ms=0))
    await release.fill(0)
    assert windows.of("work").full
