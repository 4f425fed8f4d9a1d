"""What a lane does that a run doesn't show: quarantine, newer rules, rebuilds, horizons, sweeping."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import pytest

from argosy import Pipeline
from argosy.broker.keys import LaneKeys
from argosy.broker.log import Outgoing, Partition
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.broker.store import Reply, Script
from argosy.coordinator import intake, lane_state, letters, take
from argosy.coordinator import lane as lane_module
from argosy.coordinator.event import Event
from argosy.coordinator.fold import CANCEL_AHEAD_MS, Folded, fold
from argosy.coordinator.lane_clock import LaneClock
from argosy.coordinator.owned_lane import OwnedLane
from argosy.coordinator.rebuild import rebuild
from argosy.coordinator.state import RunState
from argosy.coordinator.sweep import sweep
from argosy.schemas.errors import MessageTooLarge, Refused, RunCancelled, RunExpired, RunFailed, Unreachable
from argosy.schemas.ids import TaskId, lane_of
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import CancelReceived, RunAccepted, TaskSettled
from argosy.schemas.task import TaskDispatched
from support.shell_world import (
    ShellWorld,
    client_of,
    diamond,
    hello,
    lane_hash,
    one_of_many,
    patient,
    settings_of,
    shell_world,
)


def raising_for(run_id: str, kind: type[object]) -> Callable[[RunState | None, Event], Folded]:
    def broken(state: RunState | None, event: Event) -> Folded:
        if event.run_id == run_id and isinstance(event.message, kind):
            message = "a bug in the rules"
            raise ZeroDivisionError(message)
        return fold(state, event)

    return broken


def without_words_for(run_id: str, body: str) -> Callable[..., object]:
    def broken(state: RunState, *rest: object) -> object:
        if state.run_id == run_id:
            message = "a bug in the bodies"
            raise LookupError(message)
        return original(state, *rest)

    original = getattr(letters, body)
    return broken


async def set_aside_alone(why: str) -> None:
    """A run that meets this defect ends at its deadline, those beside it as ever, and nothing is left of any."""
    async with shell_world() as world, client_of(world) as client:
        poison = await client.submit(diamond, "x", run_id="poison", deadline_seconds=3.0)
        neighbours = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(10)]
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in neighbours))
        assert results == ["done"] * 10
        with pytest.raises(RunFailed, match=rf"coordinator: .*{why}"):
            await poison.result(timeout_seconds=150)
        await world.until(lambda: not world.left_over())


@pytest.mark.parametrize("kind", [RunAccepted, TaskSettled])
async def test_a_run_whose_fold_raises_is_set_aside_and_fails_at_its_deadline(
    kind: type[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_state, "fold", raising_for("poison", kind))
    await set_aside_alone("a bug in the rules")


@pytest.mark.parametrize("body", ["dispatch_of", "ended_of"])
async def test_a_run_of_which_no_record_can_be_written_is_set_aside_too(
    body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, body, without_words_for("poison", body))
    await set_aside_alone("a bug in the bodies")


async def test_a_run_of_which_two_records_cannot_be_written_counts_no_other_one_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(letters, "dispatch_of", without_words_for("poison", "dispatch_of"))
    async with shell_world() as world, client_of(world) as client:
        lanes = world.settings.fleet.lanes
        lane = lane_of("poison", lanes)
        beside = next(name for n in range(100) if lane_of(name := f"run-{n}", lanes) == lane)
        world.handler = lambda _: None
        await client.submit(hello, "x", run_id=beside)
        await world.until(lambda: len(world.seen) >= 1)  # more: it is sent again and again
        await client.submit(diamond, "x", run_id="poison")
        await world.until(lambda: any(key.endswith(":quarantine") for key in world.left_over()))
        key = LaneKeys(world.settings.redis.key_prefix, lane).load(lane_hash(world, lane)["epoch"]).encode()
        await world.until(
            lambda: b"of:diamond" not in cast("dict[bytes, bytes]", world.server.dump().get(key, {}))
        )
        assert cast("dict[bytes, bytes]", world.server.dump()[key])[b"runs"] == b"1"


async def test_a_run_that_cannot_be_written_at_its_commit_is_set_aside_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(state: RunState) -> None:
        if state.run_id == "poison" and state.succeeded("first"):
            message = "a bug in the views"
            raise LookupError(message)
        original(state)

    original = RunState.write
    monkeypatch.setattr(RunState, "write", broken)
    await set_aside_alone("a bug in the views")


async def test_the_claims_of_a_run_that_was_set_aside_go_when_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane_state, "fold", raising_for("poison", TaskSettled))
    async with shell_world() as world, client_of(world) as client:
        poison = await client.submit(hello, "x", run_id="poison", deadline_seconds=4.0)
        await world.until(lambda: any(key.endswith(":quarantine") for key in world.left_over()))
        lane = lane_of("poison", world.settings.fleet.lanes)
        key = LaneKeys(world.settings.redis.key_prefix, lane).task(TaskId("poison/first")).encode()
        world.server.command(b"HSET", key, b"attempt", b"1")
        world.server.command(b"PEXPIRE", key, b"10000000")
        with pytest.raises(RunFailed, match="a bug in the rules"):
            await poison.result(timeout_seconds=150)
        await world.until(lambda: key not in world.server.dump())


async def test_a_cancel_of_a_run_that_nobody_knows_is_not_kept_as_long_as_runs_are() -> None:
    async with shell_world() as world, client_of(world) as client:
        await client.run("early").cancel()
        await world.until(lambda: any(b":run:early" in key for key in world.server.dump()))
        (key,) = [key for key in world.server.dump() if b":run:early" in key]
        left_ms = world.server.expiries()[key] - time.time() * 1000
        assert 0 < left_ms <= 2 * CANCEL_AHEAD_MS


async def test_a_run_that_was_cancelled_before_it_came_counts_no_other_one_out() -> None:
    async with shell_world() as world, client_of(world) as client:
        lane = lane_of("early", world.settings.fleet.lanes)
        beside = next(
            name for n in range(100) if lane_of(name := f"run-{n}", world.settings.fleet.lanes) == lane
        )
        world.handler = lambda _: None
        await client.submit(hello, "x", run_id=beside)
        await world.until(lambda: len(world.seen) >= 1)  # more: it is sent again and again
        await client.run("early").cancel()
        await world.until(lambda: any(b":run:early" in key for key in world.server.dump()))
        with pytest.raises(RunCancelled):
            await (await client.submit(hello, "x", run_id="early")).result(timeout_seconds=150)
        key = LaneKeys(world.settings.redis.key_prefix, lane).load(lane_hash(world, lane)["epoch"]).encode()
        counts = cast("dict[bytes, bytes]", world.server.dump()[key])
        assert (counts[b"runs"], counts[b"of:hello"]) == (b"1", b"1")


async def test_a_cancel_of_a_run_that_never_comes_costs_redis_less_than_the_smallest_run_does() -> None:
    """Whoever may send cancels may send runs: so their number needs no bound of its own."""
    async with shell_world() as world, client_of(world) as client:
        largest, smallest = "c" * 128, "r"
        for _ in range(3):  # said again it is the same one
            await client.run(largest).cancel("\U0001f6d1" * 1_000)
        await (await client.submit(hello, "", run_id=smallest)).result(timeout_seconds=150)
        await world.until(lambda: len(_tombstones(world)) == 2)
        cost = {
            key.rpartition(b":")[2].decode(): size * (world.server.expiries()[key] - time.time() * 1000)
            for key, size in _tombstones(world).items()
        }
        assert 5 * cost[largest] < cost[smallest]


def _tombstones(world: ShellWorld) -> dict[bytes, int]:
    """Return the bytes of what is kept of runs that are over, or never were."""
    found = {key: value for key, value in world.server.dump().items() if b":run:" in key}
    fields = {key: cast("dict[bytes, bytes]", value) for key, value in found.items()}
    return {
        key: len(key) + sum(len(name) + len(value) for name, value in held.items())
        for key, held in fields.items()
        if world.server.expiries().get(key) is not None
    }


async def test_a_quarantine_survives_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_state, "fold", raising_for("poison", TaskSettled))
    async with shell_world() as world, client_of(world) as client:
        poison = await client.submit(hello, "x", run_id="poison", deadline_seconds=4.0)
        await world.until(lambda: any(key.endswith(":quarantine") for key in world.left_over()))
        world.processes[0].kill()
        await world.start()
        with pytest.raises(RunFailed, match="a bug in the rules"):
            await poison.result(timeout_seconds=150)


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
            await run.result(timeout_seconds=150)


async def test_a_log_made_anew_under_the_checkpoint_rebuilds_the_lane() -> None:
    async with shell_world() as world, client_of(world) as client:
        runs = [await client.submit(hello, "x", run_id=f"run-{n}") for n in range(10)]
        await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
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
        assert await (await client.submit(hello, "x", run_id="fresh")).result(timeout_seconds=150) == "done"


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_lane_that_is_taken_by_a_host_whose_clock_is_wrong_ends_no_run_early_and_none_late(
    hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shell_world() as world, client_of(world) as client:
        right, open_ = time.time_ns, asyncio.Event()
        world.handler = lambda _: "done" if open_.is_set() else None
        late = await client.submit(hello, "x", deadline_seconds=600)
        soon = await client.submit(hello, "x", deadline_seconds=1.5)
        await world.until(lambda: len(world.seen) >= 2)
        world.processes[0].kill()
        monkeypatch.setattr(time, "time_ns", lambda: right() + hours * 3_600_000_000_000)
        await world.start()
        with pytest.raises(RunExpired):
            await soon.result(timeout_seconds=150)
        open_.set()
        assert await late.result(timeout_seconds=150) == "done"


async def test_a_rebuild_from_a_cut_log_revives_nobody_and_loses_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    def late(server_ms: int) -> LaneClock:
        return LaneClock(server_ms - 3_000_000)

    monkeypatch.setattr(take, "LaneClock", late)
    async with shell_world(patient(longest_run_seconds=1_000, window_seconds=1_000)) as world:
        lane, where = lane_of("twice", 2), Partition(world.names.runs, lane_of("twice", 2))
        fresh = next(f"fresh-{n}" for n in range(99) if lane_of(f"fresh-{n}", 2) == lane)
        world.kafka.broker.clock = lambda: time.time() - 3_000
        async with client_of(world) as client:
            await (await client.submit(hello, "x", run_id="twice")).result(timeout_seconds=150)
            _, end = await world.kafka.edges(where)
            await client.submit(hello, "x", run_id="twice")
            await world.until(lambda: int(lane_hash(world, lane)["next"]) > end)
        world.kafka.broker.clock = time.time
        monkeypatch.undo()
        async with client_of(world) as client:
            world.handler = lambda _: None
            run = await client.submit(hello, "x", run_id=fresh)
            await world.until(lambda: len(world.seen) == 2)
            # Of the run that ended, only its repeated submit is left.
            world.kafka.broker.cut(where, end)
            epoch = lane_hash(world, lane)["epoch"]
            world.handler = lambda _: "done"  # to what is sent again when the lane is live again
            world.server.wipe()
            await world.until(lambda: rebuilt(world, lane, epoch))
            assert await run.result(timeout_seconds=150) == "done"
        again = [order.task_id for order in world.seen if order.task_id.startswith("twice")]
        assert len(again) == 1
        await world.until(lambda: not world.left_over())


def rebuilt(world: ShellWorld, lane: int, before: str) -> bool:
    found = lane_hash(world, lane)
    return found.get("epoch", before) != before and "horizon" not in found


async def test_an_epoch_that_is_the_lanes_again_is_not_swept() -> None:
    # A failover that loses the drop: the sweep of what was dropped is under way.
    store, keys = MemoryRedis(MemoryServer()), LaneKeys("argosy", 3)
    for key in (keys.run("old", "run"), keys.outbox("old"), keys.run("new", "run")):
        await store.command(b"HSET", key.encode(), b"f", b"v")
    await store.command(b"HSET", keys.checkpoint.encode(), b"epoch", b"old")
    await sweep(store, keys, "old")
    assert await store.hgetall(keys.run("old", "run"))
    await store.command(b"HSET", keys.checkpoint.encode(), b"epoch", b"new")
    await sweep(store, keys, "old")
    assert not await store.hgetall(keys.run("old", "run"))
    assert not await store.hgetall(keys.outbox("old"))
    assert await store.hgetall(keys.run("new", "run"))


async def test_two_owners_never_both_commit() -> None:
    async with shell_world() as world, client_of(world) as client:
        # Somebody else's commit id stands in the chain: as after a steal, a rollback, a wipe.
        keys = LaneKeys(world.settings.redis.key_prefix, 0)
        world.server.command(b"HSET", keys.checkpoint.encode(), b"chain", b"somebody else")
        runs = [await client.submit(hello, "x", run_id=f"run-{n}") for n in range(10)]
        await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert lane_hash(world, 0)["chain"] != "somebody else"


async def test_a_demand_loaded_run_folds_like_one_in_memory() -> None:
    async with shell_world(settings_of(run_cache_bytes=1)) as world, client_of(world) as client:
        world.handler = lambda order: order.agent
        runs = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(20)]
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
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
        await run.result(timeout_seconds=150)
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
        async with asyncio.timeout(60):
            while not (records := await follower.read(0.5)):
                pass
        assert b'"too_late"' in (records[0].value or b"")


async def test_a_rebuild_by_hand_folds_the_whole_log_again_and_spares_claims() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None
        runs = [await client.submit(hello, "x", run_id=f"run-{n}") for n in range(10)]
        await world.until(lambda: len({order.task_id for order in world.seen}) == 10)
        before = {lane: lane_hash(world, lane)["epoch"] for lane in range(2)}
        store, prefix = MemoryRedis(world.server), world.settings.redis.key_prefix
        claim = LaneKeys(prefix, 0).task(TaskId("run-0/first"))
        world.server.command(b"HSET", claim.encode(), b"fence", b"f")
        for lane in range(2):
            assert await rebuild(store, LaneKeys(prefix, lane))
        await world.until(lambda: all(rebuilt(world, lane, before[lane]) for lane in range(2)))
        await world.until(lambda: not any(lane_hash(world, lane).get("sweep") for lane in range(2)))
        assert await store.hgetall(claim) == {b"fence": b"f"}
        world.handler = lambda _: "done"
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == ["done"] * 10
        world.server.command(b"DEL", claim.encode())
        await world.until(lambda: not world.left_over())


async def test_a_crash_in_the_middle_of_a_rebuild_does_not_forget_that_it_was_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shell_world() as world, client_of(world) as client:
        # S38: the checkpoint of a half-finished rebuild keeps its horizon.
        runs = [await client.submit(hello, "x", run_id=f"run-{n}") for n in range(20)]
        await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        lane = next(number for number in range(2) if int(lane_hash(world, number)["next"]) > 10)
        where = Partition(world.names.runs, lane)
        world.kafka.broker.cut(where, 1)
        monkeypatch.setattr(OwnedLane, "mark_live", _never)
        world.server.wipe()
        _, end = await world.kafka.edges(where)
        await world.until(lambda: int(lane_hash(world, lane).get("next", 0)) == end)
        horizon = lane_hash(world, lane)["horizon"]
        assert int(horizon) > 0
        world.processes[0].kill()
        await world.start()
        await asyncio.sleep(0.3)
        assert lane_hash(world, lane)["horizon"] == horizon
        monkeypatch.undo()
        world.processes[1].kill()
        await world.start()
        await world.until(lambda: "horizon" not in lane_hash(world, lane))


async def _never(_: OwnedLane) -> None:
    await asyncio.Event().wait()


async def test_a_backlog_longer_than_the_intake_is_folded_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MOST_RECORDS", 20)
    async with shell_world() as world:
        world.processes[0].kill()
        for number in range(500):
            await world.log(f"run-{number}", 0, CancelReceived(reason="enough"))
        await world.start()
        await world.all_live()


async def test_a_newer_layout_of_state_is_waited_for_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "_ROLL_OUT_SECONDS", 0.05)
    async with shell_world() as world, client_of(world) as client:
        keys = LaneKeys(world.settings.redis.key_prefix, 0).checkpoint.encode()
        world.server.command(b"HSET", keys, b"layout", b"99", b"chain", b"newer release")
        await world.until(lambda: 0 not in world.processes[0].coordinator.live_lanes)
        epoch = lane_hash(world, 0)["epoch"]
        world.server.command(b"HSET", keys, b"layout", b"1")
        await world.all_live()
        assert lane_hash(world, 0)["epoch"] == epoch
        runs = [await client.submit(hello, "x", run_id=f"run-{n}") for n in range(5)]
        await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))


async def test_a_crash_between_the_end_and_its_publication_does_not_lose_the_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shell_world() as world, client_of(world) as client:
        # S2: `run.ended` is folded; the result was never acknowledged.
        append = world.kafka.broker.append

        def no_results(record: Outgoing) -> tuple[int, int]:
            if record.topic == world.names.results:
                raise Unreachable("not now")
            return append(record)

        monkeypatch.setattr(world.kafka.broker, "append", no_results)
        run = await client.submit(hello, "x")
        await world.until(lambda: any(key.endswith(":outbox") for key in world.left_over()))
        await world.until(lambda: b"result:" in _outbox(world))
        world.processes[0].kill()
        monkeypatch.undo()
        await world.start()
        assert await run.result(timeout_seconds=150) == "done"
        await world.until(lambda: not world.left_over())


def _outbox(world: ShellWorld) -> bytes:
    found = [value for key, value in world.left_over().items() if key.endswith(":outbox")]
    return b" ".join(name for entries in found for name in cast("dict[bytes, bytes]", entries))


async def test_a_refusal_by_kafka_is_not_the_tasks_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shell_world() as world, client_of(world) as client:
        # S15: a wrong ACL on the work topic.
        append, refusals = world.kafka.broker.append, 0

        def refuse(record: Outgoing) -> tuple[int, int]:
            nonlocal refusals
            if record.topic == world.names.tasks("first") and refusals < 3:
                refusals += 1
                raise Refused("no rights")
            return append(record)

        monkeypatch.setattr(world.kafka.broker, "append", refuse)
        run = await client.submit(hello, "x")
        assert await run.result(timeout_seconds=150) == "done"
        assert {order.attempt for order in world.seen} == {1}


async def test_a_wide_run_is_committed_in_parts_of_at_most_200_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    # S19: 1,000 tasks are ordered, settled and at last cancelled at once.
    sizes: list[int] = []
    script = MemoryServer.script

    def spy(self: MemoryServer, found: Script, keys: list[bytes], args: list[bytes]) -> Reply:
        sizes.append(len(keys))
        return script(self, found, keys, args)

    monkeypatch.setattr(MemoryServer, "script", spy)
    quick = settings_of(dispatch_window=2_000, dispatch_window_least=2_000, patience_seconds=30)
    async with shell_world(quick) as world, client_of(world) as client:
        wide = Pipeline("wide", takes=list[str], gives=list[str])
        wide.returns(wide.map(one_of_many, over=wide.input, max_parallel=1_000))
        world.handler = lambda _: None
        run = await client.submit(wide, [str(n) for n in range(1_000)])
        await world.until(lambda: len(world.seen) == 1_000)
        await run.cancel("enough")
        await world.until(lambda: not world.left_over())
    assert 100 < max(sizes) <= 202


async def test_offsets_without_records_hold_nothing_up() -> None:
    # S20: control records, also as the last thing in the log.
    async with shell_world(gap_rate=0.3) as world, client_of(world) as client:
        for lane in range(2):
            world.kafka.broker.skip(Partition(world.names.runs, lane), 3)
        runs = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(20)]
        await runs[3].result(timeout_seconds=150)
        world.server.wipe()
        world.processes[0].kill()
        await world.start()
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == ["done"] * 20
