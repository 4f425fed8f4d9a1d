"""What is released, and whether there is more to release at once: a lane must not sleep over what may go out."""

from argosy.broker.keys import LaneKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.coordinator.decision import Ready
from argosy.coordinator.out import Out
from argosy.coordinator.quarantine import Quarantine
from argosy.coordinator.ready_queue import ReadyQueue
from argosy.coordinator.release import Release, wait_or_go
from argosy.coordinator.runs import Runs
from argosy.coordinator.windows import Bounds, Windows

MOOT = 200
"""Entries of runs that are not there any more."""


async def test_as_long_as_the_window_has_room_what_is_known_is_a_reason_to_go_on() -> None:
    ready, out = ReadyQueue(), Out(1_000, 10_000)
    runs = Runs(MemoryRedis(), LaneKeys("argosy", 0), "e", 10**9)
    release = Release(ready, out, runs, Quarantine(), Windows(Bounds(1, 4, 5_000)))
    assert not release.possible
    for number in range(MOOT):
        ready.add(f"gone-{number}", Ready(step="a", attempt=1, agent="work", ready_at_ms=number))
    assert release.possible
    assert await release.fill(0) == 0, "all are moot"
    assert not release.possible, "and none is left"
    ready.add("one-more", Ready(step="a", attempt=1, agent="work", ready_at_ms=0))
    for number in range(4):
        out.release("run", f"t{number}", 1, "work", 0)
    assert not release.possible, "the window is full"
    out.withdraw("run", "t0")
    assert release.possible


def test_a_task_goes_out_as_it_becomes_ready_unless_somebody_waits_before_it_or_nothing_may_go_out() -> None:
    ready, out, windows = ReadyQueue(), Out(1_000, 10_000), Windows(Bounds(1, 2, 5_000))

    def becomes_ready(run_id: str, *, live: bool = True) -> int:
        wait_or_go(run_id, Ready("a", "work", 1), ready, out, windows if live else None)
        return out.by_agent["work"]

    assert becomes_ready("silent", live=False) == 0
    assert becomes_ready("behind") == 0, "the first one waits still"
    for run_id in ("silent", "behind"):
        ready.remove("work", f"{run_id}|a|1|-|-")
    assert becomes_ready("first") == 1
    assert becomes_ready("second") == 2
    assert becomes_ready("third") == 2, "the window is full"
    assert len(ready.fronts["work"]) == 1
    assert set(ready.take_new_agents()) == {"work"}, "whoever takes the lane asks for this agent's"


def test_what_comes_and_goes_between_two_commits_is_not_written() -> None:
    ready = ReadyQueue()
    ready.add("stays", Ready("a", "work", 1))
    assert set(ready.take_changes()["work"]) == {"stays|a|1|-|-"}
    ready.add("passes", Ready("a", "work", 1))
    for run_id in ("passes", "stays"):
        ready.remove("work", f"{run_id}|a|1|-|-")
    assert ready.take_changes() == {"work": {"stays|a|1|-|-": None}}


def test_what_was_stored_and_goes_comes_and_goes_between_two_commits_is_removed() -> None:
    ready = ReadyQueue()
    ready.add("run", Ready("a", "work", 1))
    ready.take_changes()
    ready.remove("work", "run|a|1|-|-")
    ready.add("run", Ready("a", "work", 1))
    ready.remove("work", "run|a|1|-|-")
    assert ready.take_changes() == {"work": {"run|a|1|-|-": None}}
