"""The disk is full: of the payload store, of Redis, of Kafka. Nothing is lost, and all goes on when there is room."""

import asyncio
import json
from pathlib import Path
from typing import Final

import pytest

from support.diamonds import Diamonds
from support.fault_app import Act, Done, begun, harming
from support.fault_world import APP, ENDED_SECONDS, FaultWorld, Ground, client_of, fault_world
from support.forks import PLUG, Forks
from support.full_disk import full_disk
from support.stack import StackThread
from support.valkey import PERSISTENT, Valkey
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

LARGE: Final = 1_000_000
SENT: Final = 300_000
"""Bytes that a record of Kafka has room for, and a full disk has not."""
ADVICE: Final = "make room there"


async def _gone(pid: int) -> bool:
    return not await asyncio.to_thread(Path(f"/proc/{pid}").exists)


def _pids(world: FaultWorld) -> list[int]:
    return [place.process.pid for place in world.places]


async def test_a_full_payload_store_keeps_runs_waiting_and_says_what_to_do(
    tmp_path: Path, forks: Forks, stack: StackThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground) as world, client_of(world) as client:
        coordinator, worker = world.places
        diamonds = Diamonds(world, client)
        with full_disk(_pids(world)):
            answers = await client.submit(harming, Act(size=LARGE), run_id="answers")
            # As a client does that knows no store: what lies there already needs no room, it is made young.
            monkeypatch.setattr("argosy.client.start.INLINE_BYTES", LARGE)
            asks = await client.submit(harming, Act(padding="x" * SENT), run_id="asks")
            monkeypatch.undo()
            await world.until_said(ADVICE, [worker])
            await world.until_said(ADVICE, [coordinator])
            await diamonds.submit(4)
            await diamonds.ended()  # small values need no store, and nobody stands in their way
        assert len((await answers.result(timeout_seconds=240)).text) == LARGE
        assert isinstance(await asks.result(timeout_seconds=240), Done)
        for run_id in ("answers", "asks"):
            assert world.ledger.times(begun(f"{run_id}/harm")) == 1, "no handler ran twice for it"
        await world.until_quiet()
        assert world.restarts == 0, world.said()[-3000:]


async def test_a_submit_whose_input_has_no_room_is_not_acknowledged(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground, workers=0) as world:
        given = tmp_path / "input.json"
        given.write_text(json.dumps({"padding": "x" * LARGE}), encoding="utf-8")
        words = ["run", "harming", "--app", str(APP), "--input", f"@{given}", "--run-id", "none"]
        variables = {**world.variables, PLUG: "support.full_disk:fill"}
        submit = await forks.start(words, variables, tmp_path / "submit.log")
        code = await asyncio.wait_for(asyncio.shield(submit.ended), ENDED_SECONDS)
        assert code == 4, submit.said()
        assert ADVICE in submit.said()
        assert "Traceback" not in submit.said()
        submits = [line for line in await world.witness.read({}) if line.topic.endswith(".inbox")]
        assert not submits, "nothing was sent that isn't kept"


async def test_a_redis_that_can_not_write_its_log_refuses_and_goes_on_when_it_can(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    (tmp_path / "valkey").mkdir()
    with Valkey(tmp_path / "valkey", *PERSISTENT) as valkey:
        async with (
            fault_world(Ground(tmp_path, forks, stack.bootstrap_servers, valkey.url)) as world,
            client_of(world) as client,
        ):
            diamonds = Diamonds(world, client)
            await diamonds.submit(2)
            await diamonds.ended()
            with full_disk([valkey.pid], largest=1):
                await world.until_said("MISCONF")
                await world.until_said("free its disk")
                ids = await diamonds.submit(4)  # Kafka has them
                assert set(ids) <= diamonds.acknowledged.keys()
            await diamonds.ended()
            await asyncio.to_thread(valkey.kill)
            await asyncio.to_thread(valkey.start)  # and what it acknowledged is on its disk
            await diamonds.submit(2)
            await diamonds.ended()
            await diamonds.judged(most_again=16)
            assert world.restarts == 0, world.said()[-3000:]


async def test_a_kafka_whose_disk_is_full_ends_itself_and_what_it_acknowledged_is_kept(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground) as world, client_of(world) as client:
        diamonds = Diamonds(world, client)
        enough = asyncio.Event()

        async def _some() -> bool:
            return len(diamonds.acknowledged) > 8

        async with asyncio.TaskGroup() as group:
            group.create_task(diamonds.keep_on(enough), name="load")
            await eventually(_some, "runs are under way")
            first = stack.pid("kafka")
            with full_disk([first], largest=1):
                await eventually(lambda: _gone(first), "Kafka has ended itself")
            enough.set()
        await diamonds.ended()
        await diamonds.judged(most_again=16)
