"""What a lane does that a run doesn't show: quarantine, newer rules, rebuilds, horizons, sweeping."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import pytest

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Outgoing, Partition
from argosy.coordinator import lane_state, take
from argosy.coordinator.fold import Folded, fold
from argosy.coordinator.lane_clock import LaneClock
from argosy.coordinator.state import Event, RunState
from argosy.schemas.errors import MessageTooLarge, RunFailed
from argosy.schemas.ids import lane_of
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import RunAccepted, TaskSettled
from argosy.schemas.task import TaskDispatched
from support.shell_world import ShellWorld, client_of, diamond, hello, settings_of, shell_world


def raising_for(run_id: str, kind: type[object]) -> Callable[[RunState | None, Event], Folded]:
    def broken(state: RunState | None, event: Event) -> Folded:
        if event.run_id == run_id and isinstance(event.message, kind):
            message = "a bug in the rules"
            raise ZeroDivisionError(message)
        return fold(state, event)

    return broken


def lane_hash(world: ShellWorld, lane: int) -> dict[str, str]:
    key = LaneKeys(world.settings.redis.key_prefix, lane).checkpoint.encode()
    found = cast("dict[bytes, bytes]", world.server.dump().get(key, {}))
    return {name.decode(): value.decode() for name, value in found.items()}


@pytest.mark.parametrize("kind", [RunAccepted, TaskSettled])
async def test_a_run_whose_fold_raises_is_set_aside_and_fails_at_its_deadline(
    kind: type[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_state, "fold", raising_for("poison", kind))
    async with shell_world() as world, client_of(world) as client:
        poison = await client.submit(diamond, "x", run_id="poison", deadline_seconds=1.0)
        neighbours = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(10)]
        results = await asyncio.gather(*(run.result(timeout_seconds=10) for run in neighbours))
        assert results == ["done"] * 10
        with pytest.raises(RunFailed, match=r"coordinator: .*a bug in the rules"):
            await poison.result(timeout_seconds=10)
        await world.until(lambda: not world.left_over())


async def test_a_quarantine_survives_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_state, "fold", raising_for("poison", TaskSettled))
    async with shell_world() as world, client_of(world) as client:
        poison = await client.submit(hello, "x", run_id="poison", deadline_seconds=1.5)
        await world.until(lambda: any(key.endswith(":quarantine") for key in world.left_over()))
        world.processes[0].kill()
        await world.start()
        with pytest.raises(RunFailed, match="a bug in the rules"):
            await poison.result(timeout_seconds=10)


async def test_newer_rules_pause_the_lane_and_set_nobody_aside() -> None:
    async with shell_world() as world, client_of(world) as client:
        known = await client.submit(hello, "x", run_id="run-a")
        await known.result(timeout_seconds=10)
        lane = lane_of("run-a", 2)
        newer = RunAccepted(
            rules=99,
            pipeline=hello.compile(),
            input=Inline(value="x", bytes=3, tokens=1),
            data_hash="h",
            position="0/0",
            submitted_ms=0,
            deadline_ms=1,
            longest_and_window_ms=10**15,
        )
        offset = await world.log("newer", lane, newer)
        await world.until(lambda: int(lane_hash(world, lane)["next"]) == offset)
        assert not any(key.endswith(":quarantine") for key in world.left_over())
        # The other lane goes on.
        other = next(f"run-{n}" for n in range(99) if lane_of(f"run-{n}", 2) != lane)
        await (await client.submit(hello, "x", run_id=other)).result(timeout_seconds=10)
        assert int(lane_hash(world, lane)["next"]) == offset


async def test_a_dispatch_too_large_for_kafka_fails_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shell_world() as world, client_of(world) as client:
        append = world.kafka.broker.append

        def too_large(record: object) -> tuple[int, int]:
            assert isinstance(record, Outgoing)
            if record.topic == world.names.tasks("first"):
                message = "too large"
                raise MessageTooLarge(message)
            return append(record)

        monkeypatch.setattr(world.kafka.broker, "append", too_large)
        run = await client.submit(hello, "x")
        with pytest.raises(RunFailed, match="message_too_large"):
            await run.result(timeout_seconds=10)


async def test_a_log_made_anew_under_the_checkpoint_rebuilds_the_lane() -> None:
    async with shell_world() as world, client_of(world) as client:
        runs = [await client.submit(hello, "x", run_id=f"run-{n}") for n in range(10)]
        await asyncio.gather(*(run.result(timeout_seconds=10) for run in runs))
        before = {lane: lane_hash(world, lane)["epoch"] for lane in range(2)}
        world.kafka.broker.recreate(world.names.runs)
        await world.until(
            lambda: all(
                lane_hash(world, lane)["epoch"] != before[lane] and "sweep" not in lane_hash(world, lane)
                for lane in range(2)
            )
        )
        await world.all_live()
        old = [
            key
            for key in world.server.dump()
            if any(f":e{epoch}:".encode() in key for epoch in before.values())
        ]
        assert not old
        assert await (await client.submit(hello, "x", run_id="fresh")).result(timeout_seconds=10) == "done"


async def test_a_rebuild_from_a_cut_log_revives_nobody_and_loses_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(take, "LaneClock", lambda: LaneClock(lambda: int(time.time() * 1000) - 3_000_000))
    async with shell_world(settings_of(longest_run_seconds=1_000, window_seconds=1_000)) as world:
        lane, where = lane_of("twice", 2), Partition(world.names.runs, lane_of("twice", 2))
        fresh = next(f"fresh-{n}" for n in range(99) if lane_of(f"fresh-{n}", 2) == lane)
        world.kafka.broker.clock = lambda: time.time() - 3_000
        async with client_of(world) as client:
            await (await client.submit(hello, "x", run_id="twice")).result(timeout_seconds=10)
            _, end = await world.kafka.edges(where)
            repeated = await client.submit(hello, "x", run_id="twice")
            await repeated.result(timeout_seconds=10)
        world.kafka.broker.clock = time.time
        monkeypatch.undo()
        async with client_of(world) as client:
            world.handler = lambda _: None
            run = await client.submit(hello, "x", run_id=fresh)
            await world.until(lambda: len(world.seen) == 2)
            # Of the run that ended, only its repeated submit is left.
            world.kafka.broker.cut(where, end)
            epoch = lane_hash(world, lane)["epoch"]
            world.server.wipe()
            await world.until(lambda: rebuilt(world, lane, epoch))
            world.handler = lambda _: "done"
            assert await run.result(timeout_seconds=10) == "done"
        again = [order.task_id for order in world.seen if order.task_id.startswith("twice")]
        assert len(again) == 1
        await world.until(lambda: not world.left_over())


def rebuilt(world: ShellWorld, lane: int, before: str) -> bool:
    found = lane_hash(world, lane)
    return found.get("epoch", before) != before and "horizon" not in found


async def test_two_owners_never_both_commit() -> None:
    async with shell_world() as world, client_of(world) as client:
        # Somebody else's commit id stands in the chain: as after a steal, a rollback, a wipe.
        keys = LaneKeys(world.settings.redis.key_prefix, 0)
        world.server.command(b"HSET", keys.checkpoint.encode(), b"chain", b"somebody else")
        runs = [await client.submit(hello, "x", run_id=f"run-{n}") for n in range(10)]
        await asyncio.gather(*(run.result(timeout_seconds=10) for run in runs))
        assert lane_hash(world, 0)["chain"] != "somebody else"


async def test_a_demand_loaded_run_folds_like_one_in_memory() -> None:
    async with shell_world(settings_of(run_cache_bytes=1)) as world, client_of(world) as client:
        world.handler = lambda order: order.agent
        runs = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(20)]
        results = await asyncio.gather(*(run.result(timeout_seconds=20) for run in runs))
        assert results == ["both"] * 20
        await world.until(lambda: not world.left_over())


async def test_inputs_over_64_kib_travel_by_reference() -> None:
    large = "x" * 60_000
    orders: list[TaskDispatched] = []
    async with shell_world() as world, client_of(world) as client:

        def answer(order: TaskDispatched) -> str:
            orders.append(order)
            return large

        world.handler = answer
        run = await client.submit(diamond, "x")
        await run.result(timeout_seconds=10)
    joined = next(order for order in orders if order.agent == "both")
    assert not joined.inputs
    assert joined.inputs_ref is not None
    assert len(await world.payloads.get(joined.inputs_ref.sha256)) == joined.inputs_ref.bytes


async def test_a_submit_too_late_for_its_tombstone_is_refused() -> None:
    async with shell_world(settings_of(longest_run_seconds=1, window_seconds=1)) as world:
        late = RunAccepted(
            rules=1,
            pipeline=hello.compile(),
            input=Inline(value="x", bytes=3, tokens=1),
            data_hash="h",
            position="3/14",
            submitted_ms=0,
            deadline_ms=1,
            longest_and_window_ms=2_000,
        )
        await world.log("late", lane_of("late", 2), late)
        follower = world.kafka.follower(world.names.results)
        await follower.start(beginning=True)
        async with asyncio.timeout(10):
            while not (records := await follower.read(0.5)):
                pass
        assert b'"too_late"' in (records[0].value or b"")
