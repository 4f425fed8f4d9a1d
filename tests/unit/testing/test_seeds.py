"""Simulated runs under faults: every promise of the design, judged by the oracle, for many seeds.

`make simulate` runs more of them.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from argosy.testing import explore, seeds_of
from argosy.testing.faults import Event
from argosy.testing.shrink import shrink
from support.simulated_again import AgainLoad, PlansAgainLoad
from support.simulated_asking import AskingLoad
from support.simulated_load import SimulatedLoad
from support.simulated_loops import LoopingLoad
from support.simulated_pages import PagedLoad
from support.simulated_plans import PlanningLoad
from support.simulated_waits import WaitingLoad
from support.waiting import eventually

RUNS = int(os.environ.get("ARGOSY_SIMULATED_RUNS", "1100"))
RUNS_OF_A_SEED = 20


@pytest.mark.timeout(1800)  # of all the runs that are asked for
def test_no_seed_of_any_profile_breaks_a_promise() -> None:
    report = explore(SimulatedLoad, seeds_of(-(-RUNS // RUNS_OF_A_SEED)))
    assert not report.broken, str(report)
    assert report.runs >= RUNS * 0.95  # of two submits under one id that differ one is refused: it is no run


@pytest.mark.timeout(900)
def test_no_seed_breaks_a_promise_where_most_inputs_are_cut_into_pages() -> None:
    report = explore(PagedLoad, seeds_of(-(-RUNS // (4 * RUNS_OF_A_SEED))))
    assert not report.broken, str(report)
    assert report.runs >= RUNS / 4 * 0.95


@pytest.mark.timeout(900)
def test_no_seed_breaks_a_promise_where_most_runs_wait_for_people() -> None:
    report = explore(WaitingLoad, seeds_of(-(-RUNS // (4 * RUNS_OF_A_SEED))))
    assert not report.broken, str(report)
    assert report.runs >= RUNS / 4 * 0.95


@pytest.mark.timeout(900)
def test_no_seed_breaks_a_promise_where_budgets_are_spent_and_raised() -> None:
    report = explore(AskingLoad, seeds_of(-(-RUNS // (4 * RUNS_OF_A_SEED))))
    assert not report.broken, str(report)
    assert report.runs >= RUNS / 4 * 0.95


@pytest.mark.timeout(900)
def test_no_seed_breaks_a_promise_where_most_runs_go_round() -> None:
    report = explore(LoopingLoad, seeds_of(-(-RUNS // (4 * RUNS_OF_A_SEED))))
    assert not report.broken, str(report)
    assert report.runs >= RUNS / 4 * 0.95


@pytest.mark.timeout(900)
def test_no_seed_breaks_a_promise_where_agents_plan() -> None:
    report = explore(PlanningLoad, seeds_of(-(-RUNS // (4 * RUNS_OF_A_SEED))))
    assert not report.broken, str(report)
    assert report.runs >= RUNS / 4 * 0.95


@pytest.mark.timeout(900)
def test_no_seed_breaks_a_promise_where_runs_are_run_again() -> None:
    report = explore(AgainLoad, seeds_of(-(-RUNS // (4 * RUNS_OF_A_SEED))))
    assert not report.broken, str(report)


@pytest.mark.timeout(900)
def test_no_seed_breaks_a_promise_where_runs_with_plans_are_run_again() -> None:
    report = explore(PlansAgainLoad, seeds_of(-(-RUNS // (8 * RUNS_OF_A_SEED))))
    assert not report.broken, str(report)


_STORIES = """
import sys
from argosy.testing.simulation import simulate
from support.seeds import quietly
from support.simulated_load import SimulatedLoad
with quietly():
    for word in sys.argv[1:]:
        profile, seed = word.split(":")
        told = simulate(int(seed), profile, SimulatedLoad, trace=True)
        print(word, told.story, told.findings, told.seconds, sep="\\n", end="\\0")
"""
_REPLAYED = ("crash:2", "zombie:4", "failback:3", "torn:1", "swarm:5")


def test_a_seed_has_the_same_story_in_every_process() -> None:
    def stories(hash_seed: str, seeds: Sequence[str]) -> dict[str, list[str]]:
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        ran = subprocess.run(
            [sys.executable, "-c", _STORIES, *seeds],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found = [told.splitlines() for told in ran.stdout.split("\0")[:-1]]
        return {lines[0]: lines for lines in found}

    first = stories("0", _REPLAYED)
    # In the other order too: what earlier seeds left in the process must not matter.
    second = stories("1", _REPLAYED[::-1])
    for seed in _REPLAYED:
        assert len(first[seed]) > 500
        both = zip(first[seed], second[seed], strict=False)
        assert next((lines for lines in both if lines[0] != lines[1]), None) is None, seed
        assert len(first[seed]) == len(second[seed])


def test_a_pipeline_in_place_of_a_load_is_refused_with_the_cure() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "argosy.testing", "support.simulated_agents:diamond"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "PipelineLoad" in ran.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="children are looked for in /proc")
async def test_whoever_explores_takes_its_processes_along_when_it_is_ended() -> None:
    children = _begun_and_ended()
    assert children

    async def gone() -> bool:
        return not any(map(_lives, children))

    await eventually(gone, "its processes have ended")


def _begun_and_ended() -> list[str]:
    exploring = subprocess.Popen(
        [sys.executable, "-m", "argosy.testing", "support.simulated_load:SimulatedLoad", "--seeds", "9999"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with exploring:
        assert exploring.stderr is not None
        exploring.stderr.readline()  # it tells how far it is: its processes are at work
        children = Path(f"/proc/{exploring.pid}/task/{exploring.pid}/children").read_text(encoding="ascii")
        exploring.terminate()
    return children.split()


def _lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_failing_story_is_cut_down_to_what_it_needs() -> None:
    needed = Event(2.0, "pause", "worker-1", 9.0)
    events = (Event(1.0, "wipe"), needed, Event(3.0, "crash", "worker-2"), Event(4.0, "gap", "", 3))

    def still_fails(some: Sequence[Event]) -> bool:
        return any(event.kind == "pause" and event.amount >= 3.5 for event in some)

    assert shrink(events, still_fails) == (Event(2.0, "pause", "worker-1", 3.5),)
