"""The runs that a lane has in memory: active ones up to a cap, of those that are over the newest."""

import pytest

from argosy.broker.keys import LaneKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.coordinator import runs as module
from argosy.coordinator.runs import Runs
from argosy.coordinator.state import load


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_OVER", 3)


def _is_held(runs: Runs, run_id: str) -> bool:
    try:
        return bool(runs[run_id]) or True
    except KeyError:
        return False


@pytest.mark.usefixtures("_few")
def test_of_runs_that_are_over_the_newest_stay_and_of_active_ones_all() -> None:
    runs = Runs(MemoryRedis(), LaneKeys("argosy", 0), "e", 10**9)
    for number in range(10):
        runs[f"active-{number}"] = load(f"active-{number}", {"st": b"running"})
        runs[f"ended-{number}"] = load(f"ended-{number}", {"st": b"ended"})
    runs["ended-0"] = load("ended-0", {"st": b"ended"})
    runs["ended-9"] = load("ended-9", {"st": b"running"})
    runs["absent"] = None
    runs.shrink()
    assert all(_is_held(runs, f"active-{number}") for number in range(10))
    kept = [name for name in ("absent", *(f"ended-{number}" for number in range(10))) if _is_held(runs, name)]
    assert kept == ["absent", "ended-0", "ended-8", "ended-9"]


@pytest.mark.usefixtures("_few")
async def test_a_run_that_was_given_up_is_read_again() -> None:
    store, keys = MemoryRedis(), LaneKeys("argosy", 0)
    runs = Runs(store, keys, "e", 10**9)
    for number in range(10):
        runs[f"ended-{number}"] = load(f"ended-{number}", {"st": b"ended"})
    runs.shrink()
    assert not _is_held(runs, "ended-0")
    await runs.load(["ended-0", "ended-9"])
    assert runs["ended-0"] is None  # as Redis has it
    assert runs["ended-9"] is not None
