"""A lane that an older release owns meets what a newer one wrote: it waits for the roll-out, and buries nothing."""

import asyncio
from typing import cast

import pytest

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Outgoing, Partition
from argosy.coordinator.fold import RULES
from argosy.coordinator.owned_lane import OwnedLane
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.ids import lane_of
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import CancelReceived, RunAccepted, TaskSettled
from support.shell_world import Process, ShellWorld, client_of, hello, lane_hash, shell_world

_NOT_YET_KNOWN = RunAccepted(
    rules=99,
    pipeline=hello.compile(),
    input=Inline(value="x", bytes=3, tokens=1),
    data_hash="h",
    position="0/0",
    submitted_ms=0,
    deadline_ms=10**15,
    longest_and_window_ms=10**15,
)


async def test_newer_rules_pause_the_lane_and_set_nobody_aside() -> None:
    async with shell_world() as world, client_of(world) as client:
        known = await client.submit(hello, "x", run_id="run-a")
        await known.result(timeout_seconds=150)
        lane = lane_of("run-a", 2)
        newer = _NOT_YET_KNOWN.model_copy(update={"deadline_ms": 1})
        offset = await world.log("newer", lane, newer)
        await world.until(lambda: int(lane_hash(world, lane)["next"]) == offset)
        assert not any(key.endswith(":quarantine") for key in world.left_over())
        # The other lane goes on.
        other = next(f"run-{n}" for n in range(99) if lane_of(f"run-{n}", 2) != lane)
        await (await client.submit(hello, "x", run_id=other)).result(timeout_seconds=150)
        assert int(lane_hash(world, lane)["next"]) == offset


async def test_a_run_of_newer_rules_whose_pipeline_can_not_be_read_pauses_the_lane_and_is_no_dead_letter() -> (
    None
):
    async with shell_world() as world:
        body = encode_body(_NOT_YET_KNOWN).replace(b'"pipeline/1"', b'"pipeline/2"')
        lane = lane_of("newer", 2)
        offset = await _append(world, lane, Envelope(RunAccepted.KIND, "x", "test", subject="newer"), body)
        await world.until(lambda: _paused(world, lane))
        assert int(lane_hash(world, lane)["next"]) == offset
        assert world.kafka.broker.log(Partition(world.names.dead, 0)).end == 0


@pytest.mark.parametrize("name", ["ce_subject", "CE_Subject"])
async def test_what_can_not_be_read_of_a_run_of_newer_rules_is_no_dead_letter_and_of_any_other_it_is(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with shell_world() as world:
        world.handler = lambda _: None
        lane = lane_of("newer", 2)
        monkeypatch.setitem(RULES, 99, RULES[1])  # a newer release has the lane
        await world.log("newer", lane, _NOT_YET_KNOWN)
        await world.until(lambda: any(order.task_id.startswith("newer/") for order in world.seen))
        monkeypatch.delitem(RULES, 99)
        settled = Envelope(TaskSettled.KIND, "x", "test", subject="newer")
        unknown = b'{"task_id":"newer/first","attempt":1,"outcome":"folded"}'
        other = next(f"run-{n}" for n in range(99) if lane_of(f"run-{n}", 2) == lane)
        dead = world.kafka.broker.log(Partition(world.names.dead, 0))
        await _append(world, lane, settled._replace(subject=other), unknown)
        await world.until(lambda: dead.end == 1)
        offset = await _append(world, lane, settled, unknown, name)
        await world.until(lambda: _paused(world, lane))
        assert int(lane_hash(world, lane)["next"]) == offset
        assert dead.end == 1


@pytest.mark.parametrize("when", [b'"accepted_ms":', b'"accepted_at":'])
async def test_an_older_release_that_finishes_a_rebuild_judges_no_run_of_newer_rules(
    monkeypatch: pytest.MonkeyPatch, when: bytes
) -> None:
    async with shell_world() as world:
        world.handler = lambda _: None
        lane = lane_of("newer", 2)
        where = Partition(world.names.runs, lane)
        monkeypatch.setitem(RULES, 99, RULES[1])  # a newer release has the lane
        await world.log("newer", lane, CancelReceived(reason="for another run, before the cut"))
        offset = await world.log("newer", lane, _NOT_YET_KNOWN)
        world.kafka.broker.cut(where, offset)
        with monkeypatch.context() as dying:
            dying.setattr(OwnedLane, "mark_live", _never)
            world.server.wipe()
            await world.until(lambda: int(lane_hash(world, lane).get("next", 0)) > offset)
            world.processes[0].kill()
            await asyncio.wait([world.processes[0].task])
        keys = LaneKeys(world.settings.redis.key_prefix, lane)
        hashes = world.server.dump()
        run = keys.run(lane_hash(world, lane)["epoch"], "newer").encode()
        pinned = cast("dict[bytes, bytes]", hashes[run])[b"run"].replace(b'"accepted_ms":', when)
        world.server.command(b"HSET", run, b"run", pinned)
        # However old the run may be: this release can't know.
        world.server.command(b"HSET", keys.checkpoint.encode(), b"horizon", b"%d" % 10**15)
        monkeypatch.delitem(RULES, 99)
        older = await world.start()
        await world.until(lambda: _paused(world, lane, older))
        assert cast("dict[bytes, bytes]", world.server.dump()[run])[b"run"] == pinned
        assert "horizon" in lane_hash(world, lane)


async def _never(_: OwnedLane) -> None:
    await asyncio.Event().wait()


async def _append(
    world: ShellWorld, lane: int, envelope: Envelope, body: bytes, subject: str = "ce_subject"
) -> int:
    producer = await world.kafka.producer()
    headers = tuple((subject if name == "ce_subject" else name, value) for name, value in envelope.headers())
    record = Outgoing(world.names.runs, envelope.subject.encode(), body, headers, partition=lane)
    return (await producer.send(record))[1]


def _paused(world: ShellWorld, lane: int, process: Process | None = None) -> bool:
    lanes = (process or world.processes[0]).coordinator._lanes  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return lanes is not None and lane in lanes.lanes and lanes.lanes[lane].paused != ""
