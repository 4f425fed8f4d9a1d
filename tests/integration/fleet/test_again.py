"""A full fleet, and runs that are run again, on real servers and processes that are killed."""

import json
from pathlib import Path

import pytest

from argosy import Argosy
from argosy.broker.fullness import fullness
from argosy.broker.keys import LaneKeys
from argosy.broker.redis import RedisStore
from argosy.schemas.errors import Busy, RunFailed
from support import again_app
from support.again_app import costly, held
from support.command_line import CommandLine
from support.fleet import RealFleet, real_fleet
from support.waiting import eventually

MOST = 6


async def until_under_way(fleet: RealFleet, runs: int) -> None:
    """Wait until the lanes count so many, and it is said.

    What is said alone may be what was known before a loss: whoever starts then doesn't, and lets more in.
    """
    store, prefix = RedisStore(fleet.settings.redis), fleet.settings.redis.key_prefix

    async def counted(number: int) -> int | None:
        keys = LaneKeys(prefix, number)
        live, (epoch,) = await store.get(keys.live), await store.hmget(keys.checkpoint, ["epoch"])
        if live is None or epoch is None:
            return None
        (count,) = await store.hmget(keys.load(epoch.decode()), ["runs"])
        return int(count or 0)

    async def said() -> bool:
        counts = [await counted(number) for number in range(fleet.settings.fleet.lanes)]
        found = await fullness(store, prefix)
        known = [count for count in counts if count is not None]
        return len(known) == len(counts) and sum(known) == runs and found is not None and found.runs == runs

    try:
        await eventually(said, f"{runs} runs under way")
    finally:
        await store.close()


async def one_more(client: Argosy) -> None:
    """Submit another run and wait for it: where Redis is too slow to be asked before, the receiver says its word."""
    run = await client.submit(held, "more", when_busy="raise")
    await run.result(timeout_seconds=150)


@pytest.mark.timeout(600)
async def test_a_full_fleet_stays_full_when_coordinators_die_and_redis_is_wiped(tmp_path: Path) -> None:
    variables = {"ARGOSY_FLEET__MOST_RUNS": str(MOST)}
    async with (
        real_fleet(
            tmp_path,
            coordinators=2,
            workers=[("hold",)],
            app=Path(again_app.__file__),
            variables=variables,
        ) as fleet,
        Argosy.connect(fleet.settings) as client,
    ):
        argosy = CommandLine(fleet.stack.folder, fleet.environment)
        runs = [await client.submit(held, "x", run_id=f"run-{number}") for number in range(MOST)]
        await until_under_way(fleet, MOST)
        for loss in (fleet.flush(), fleet.kill("coordinator-1"), fleet.kill("coordinator-2")):
            await loss
            await fleet.stack.supervisor.until_ready("coordinator-1")
            await fleet.stack.supervisor.until_ready("coordinator-2")
            await until_under_way(fleet, MOST)
            with pytest.raises(Busy, match=f"{MOST} runs are under way, the fleet holds {MOST}"):
                await one_more(client)
        again = await client.submit(held, "x", run_id="run-0", when_busy="raise")
        source = ("--app", str(again_app.__file__))
        assert (
            "runs are under way"
            in argosy("run", "held", "--input", '"y"', "--no-wait", *source, expect=1).stderr
        )
        assert f"{MOST} of {MOST} runs under way" in argosy("lag").stderr
        (tmp_path / "go").touch()
        waiting = await client.submit(held, "later", run_id="later")
        assert await waiting.result(timeout_seconds=150) == "later: later"
        assert await again.result(timeout_seconds=150) == "run-0: x"
        for number, run in enumerate(runs):
            assert await run.result(timeout_seconds=150) == f"run-{number}: x"
        await until_under_way(fleet, 0)


@pytest.mark.timeout(600)
async def test_a_replay_costs_what_it_runs_anew_whatever_is_killed_and_wiped(tmp_path: Path) -> None:
    async with (
        real_fleet(tmp_path, workers=[("gather", "write")], app=Path(again_app.__file__)) as fleet,
        Argosy.connect(fleet.settings) as client,
    ):
        argosy = CommandLine(fleet.stack.folder, fleet.environment)
        items = [f"item {number}" for number in range(20)]
        old = await client.submit(costly, items, run_id="old")
        assert await old.result(timeout_seconds=150) == f"old: {' '.join(items).upper()}"
        assert len(fleet.ledger.effects()) == 21
        await fleet.flush()
        run = await client.replay("old", costly, from_=["write"])
        await fleet.kill("coordinator-1")
        assert await run.result(timeout_seconds=150) == f"old.r1: {' '.join(items).upper()}"
        assert (await run.ended()).usage.total_tokens == 0
        assert len(fleet.ledger.effects()) == 22
        shown = argosy("runs", "show", "old.r1").stdout
        assert "a replay of old: 20 results reused" in shown
        forked = argosy(
            "runs", "fork", "old", "--input", json.dumps([*items[:-1], "other"]), "--run-id", "fork"
        )
        assert "OTHER" in forked.stdout
        assert len(fleet.ledger.effects()) == 22 + 21

        bad = await client.submit(costly, ["one", "bad", "two"], run_id="bad")
        with pytest.raises(RunFailed, match="a bad text"):
            await bad.result(timeout_seconds=150)
        (tmp_path / "mended").touch()
        said = argosy("runs", "redrive", "bad", "--dry-run", "--json").stdout
        reused = json.loads(said)["reused"]
        assert "gather.1" not in reused
        done = await client.redrive("bad")
        assert await done.result(timeout_seconds=150) == "bad.r1: ONE BAD TWO"
        # Of this run alone: what was at work in the first one when that failed may come late.
        anew = [key for key in fleet.ledger.effects() if key.startswith("bad.r1/")]
        assert len(anew) == 3 - len(reused) + 1
        told = argosy("runs", "replay", "old", "--from", "nowhere", expect=3).stderr
        assert "has no step nowhere" in told
