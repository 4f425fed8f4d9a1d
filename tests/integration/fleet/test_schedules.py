"""Schedules of a real fleet: two coordinators submit them, one is killed, Redis is wiped; each slot is one run."""

import json
import time
from datetime import datetime
from itertools import pairwise, takewhile
from pathlib import Path

import pytest

from argosy.client.connection import Argosy
from support import waiting_app
from support.command_line import CommandLine
from support.fleet import RealFleet, real_fleet
from support.waiting import eventually

APP = Path(waiting_app.__file__)


async def ended(client: Argosy, least: int, after_ms: int) -> list[str]:
    """Wait for so many runs of slots after a moment; name all that have ended, in order."""
    first = waiting_app.tick.run_id(after_ms)
    found: list[str] = []

    async def enough() -> bool:
        found[:] = sorted(await client.ended_since(0, "tick-"))
        return sum(run_id > first for run_id in found) >= least

    await eventually(enough, "runs of schedules")
    return found


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.timeout(600)
async def test_each_slot_is_one_run_though_a_coordinator_dies_and_redis_is_wiped(tmp_path: Path) -> None:
    async with (
        real_fleet(tmp_path, coordinators=2, workers=[("draft",)], app=APP, scheduled=True) as fleet,
        Argosy.connect(fleet.settings) as client,
    ):
        await ended(client, 2, 0)
        await fleet.kill("coordinator-1")
        await ended(client, 2, now_ms())
        await fleet.flush()
        await fleet.kill("coordinator-2")
        runs = await ended(client, 3, now_ms())
        await eventually(lambda: no_gap(client, runs[0], runs[-1]), "each slot in between")
        for run_id in await client.ended_since(0, "tick-"):
            assert (await client.run(run_id).ended()).outcome == "succeeded"
        assert_listed(fleet)


async def no_gap(client: Argosy, first: str, last: str) -> bool:
    """Say whether each slot from one to another one has its run: none was missed for a minute."""
    found = await client.ended_since(0, "tick-")
    begun = datetime.strptime(first, "tick-%Y%m%dT%H%M%S%z").timestamp()
    wanted = takewhile(
        lambda run_id: run_id <= last,
        map(waiting_app.tick.run_id, waiting_app.tick.slots(round(begun * 1000))),
    )
    return found.issuperset(wanted)


def assert_listed(fleet: RealFleet) -> None:
    argosy = CommandLine(fleet.stack.folder, fleet.environment)
    (line,) = json.loads(argosy("schedules", "list", str(APP), "--next", "3", "--json").stdout)["schedules"]
    assert (line["schedule"], line["pipeline"], line["paused"]) == ("tick", "ticks", False)
    assert line["last_run"].startswith("tick-")
    assert [after - before for before, after in pairwise(line["next_ms"])] == [2000, 2000]
    argosy("schedules", "pause", "tick")
    (line,) = json.loads(argosy("schedules", "list", str(APP), "--json").stdout)["schedules"]
    assert line["paused"]
    assert "tick goes on" in argosy("schedules", "resume", "tick").stdout
    argosy("schedules", "pause", "Not A Name", expect=3)
