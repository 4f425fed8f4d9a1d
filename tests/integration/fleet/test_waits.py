"""Runs that wait for people: the coordinator is killed, and Redis wiped, while they wait; then they are answered."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from argosy.client.connection import Argosy
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.errors import RunFailed
from support import waiting_app
from support.command_line import CommandLine
from support.fleet import RealFleet, real_fleet
from support.waiting import eventually

if TYPE_CHECKING:
    from argosy.client.awaited import Awaited

RUNS = 8


def app() -> Path:
    return Path(waiting_app.__file__)


async def by_hand(fleet: RealFleet, client: Argosy) -> None:
    """Answer a run by the command line."""
    argosy = CommandLine(fleet.stack.folder, fleet.environment)
    run = await client.submit(waiting_app.asks, "go", run_id="hand")

    async def known() -> bool:
        return any(one.about_sha256 for one in await run.waiting())

    await eventually(known, "the approval")
    waiting = json.loads(argosy("runs", "waiting", "--json").stdout)["waiting"]
    (asked,) = [one for one in waiting if one["kind"] == "approval"]
    assert (asked["question"], asked["about"]["value"]) == ("Do it?", {"text": "hand: go"})
    assert "awaiting_approval" in argosy("why", "hand").stdout
    assert "nothing was sent" in argosy("runs", "approve", "hand", "ok", expect=2).stderr
    argosy("runs", "approve", "hand", "ok", "--yes", "--sha256", "0" * 64, expect=1)
    argosy("runs", "approve", "hand", "nothing", "--yes", expect=5)
    assert "ok" in argosy("runs", "signal", "hand", "nosuch", expect=5).stderr
    assert "argosy runs approve hand ok" in argosy("runs", "signal", "hand", "ok", expect=3).stderr
    refused = argosy("runs", "signal", "hand", "window", "--value", '"now"', expect=1)
    assert "waits on: " in refused.stdout
    argosy("runs", "signal", "hand", "window", "--value", "now", expect=3)
    assert "has its answer" in argosy("runs", "signal", "hand", "window", "--value", '{"hour": 5}').stdout
    told = argosy("runs", "approve", "hand", "ok", "--yes", "--by", "bob", "--sha256", asked["about_sha256"])
    assert "Do it?" in told.stderr
    assert await run.result(timeout_seconds=150) == "hand: go, approved by bob, at 5"
    assert "waits no more" in argosy("runs", "signal", "hand", "window", expect=5).stderr


@pytest.mark.timeout(600)
async def test_an_approval_outlives_its_coordinator_and_redis_and_counts_once(tmp_path: Path) -> None:
    workers = [("draft", "carry_out")]
    async with (
        real_fleet(tmp_path, workers=workers, app=app()) as fleet,
        Argosy.connect(fleet.settings) as client,
    ):
        runs = [await client.submit(waiting_app.asks, "go", run_id=f"w{number}") for number in range(RUNS)]

        found: list[Awaited] = []

        async def asked() -> bool:
            found[:] = [one for one in await client.waiting() if one.kind == "approval" and one.about_sha256]
            return len(found) == RUNS

        await eventually(asked, "all approvals")
        for one in found:
            assert one.about_sha256 == canonical_hash({"text": f"{one.run_id}: go"})
        await fleet.flush()
        await fleet.kill("coordinator-1")
        for run in runs:  # nobody reads these yet
            await run.approve("ok", by="eve", sha256="0" * 64)
            hashed = canonical_hash({"text": f"{run.run_id}: go"})
            await run.approve("ok", approved=run.run_id != "w7", by="ann", sha256=hashed)
            await run.signal("window", {"hour": "late"})
        await fleet.stack.supervisor.until_ready("coordinator-1")
        for run in runs:
            await run.signal("window", {"hour": 3}, signal_id="right")
            await run.signal("window", {"hour": 3}, signal_id="right")
        for run in runs[:-1]:
            assert await run.result(timeout_seconds=150) == f"{run.run_id}: go, approved by ann, at 3"
        with pytest.raises(RunFailed, match="skipped"):
            await runs[-1].result(timeout_seconds=150)
        assert await client.waiting() == []
        await by_hand(fleet, client)
        assert len(fleet.ledger.effects()) == RUNS
