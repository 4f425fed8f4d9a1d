"""Runs under way are bounded: what the fleet can't hold waits in the inbox, or is refused as busy with the figures."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import JsonValue

from argosy.broker.fullness import fullness
from argosy.broker.memory_redis import MemoryRedis
from argosy.client import room
from argosy.client.connection import Argosy
from argosy.console import submit
from argosy.coordinator import gate
from argosy.schemas.errors import Busy, RunConflict
from argosy.schemas.fault import Fault
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunEnded
from argosy.schemas.settings import Settings
from argosy.schemas.task import TaskDispatched
from support.shell_world import ShellWorld, client_of, diamond, hello, settings_of, shell_world
from unit.coordinator.test_batches import bodies, records

REFUSE = RunSubmitted(pipeline=hello.compile(), input="x", when_busy="refuse")
WAIT = RunSubmitted(pipeline=hello.compile(), input="x")


class Held:
    """A worker that settles nothing before it is told to."""

    def __init__(self, world: ShellWorld) -> None:
        self._free = False
        self._done: set[str] = set()
        world.handler = self

    def __call__(self, order: TaskDispatched) -> JsonValue | Fault | None:
        run_id = order.task_id.partition("/")[0]
        return "done" if self._free or run_id in self._done else None

    def end(self, *runs: str) -> None:
        """Settle these, when they are sent again."""
        self._done.update(runs)

    def end_all(self) -> None:
        self._free = True


@asynccontextmanager
async def full_world(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings | None = None,
    coordinators: int = 1,
    runs: int = 3,
) -> AsyncGenerator[tuple[ShellWorld, Argosy, Held]]:
    """A fleet that holds three runs, or as many as are told, and has them: `run-0` to `run-2`."""
    monkeypatch.setattr(gate, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(room, "FRESH_SECONDS", 0.01)
    chosen = settings or settings_of(most_runs=3)
    async with shell_world(chosen, coordinators) as world, client_of(world) as client:
        held = Held(world)
        for number in range(runs):
            await client.submit(hello, "x", run_id=f"run-{number}", when_busy="raise")
        await until_said(world, runs)
        yield world, client, held


async def until_said(world: ShellWorld, runs: int) -> None:
    """Wait until lanes have counted so many runs, as receivers say."""
    async with asyncio.timeout(60):
        while True:
            said = await fullness(MemoryRedis(world.server), world.settings.redis.key_prefix)
            if said is not None and said.runs == runs:
                return
            await asyncio.sleep(0.01)


async def refusals(world: ShellWorld, run_id: str) -> list[SubmitRefused]:
    found = bodies(await records(world, world.names.results))
    return [body for run, body in found if run == run_id and isinstance(body, SubmitRefused)]


async def ends(world: ShellWorld, run_id: str) -> int:
    found = bodies(await records(world, world.names.results))
    return sum(run == run_id and isinstance(body, RunEnded) for run, body in found)


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(60):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


async def test_a_submit_above_the_bound_is_refused_as_busy_with_the_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with full_world(monkeypatch) as (world, _, held):
        await world.submit_raw("more", REFUSE)
        await eventually(lambda: refusals(world, "more"))
        (answer,) = await refusals(world, "more")
        assert answer.reason == "busy"
        assert answer.full is not None
        assert (answer.full.bound, answer.full.under_way, answer.full.most) == ("runs", 3, 3)
        assert answer.full.retry_after_seconds >= 1
        held.end_all()
        await until_said(world, 0)
        await world.submit_raw("more", REFUSE)
        await eventually(lambda: ends(world, "more"))


async def test_the_client_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with full_world(monkeypatch) as (world, client, held):
        sent = len(await records(world, world.names.inbox))
        with pytest.raises(Busy, match="3 runs are under way, the fleet holds 3") as caught:
            await client.submit(hello, "x", run_id="more", when_busy="raise")
        assert (caught.value.under_way, caught.value.most) == (3, 3)
        assert caught.value.retry_after_seconds >= 1
        assert len(await records(world, world.names.inbox)) == sent
        held.end_all()


async def test_a_submit_that_waits_becomes_a_run_when_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async with full_world(monkeypatch) as (world, client, held):
        await world.submit_raw("raw", WAIT)
        submitting = asyncio.create_task(client.submit(hello, "x", run_id="more"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(submitting), 0.3)
        assert not await ends(world, "raw")
        held.end_all()
        run = await submitting
        assert await run.result(timeout_seconds=150) == "done"
        await eventually(lambda: ends(world, "raw"))
        await until_said(world, 0)
        await world.until(lambda: not world.left_over())


async def test_the_command_line_says_what_a_submit_waits_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(submit, "ROOM_SECONDS", 0.0)
    async with full_world(monkeypatch) as (_world, client, held):
        await submit.tell_if_no_room(client, "hello@1", "more")
        told = " ".join(capsys.readouterr().err.split())
        assert "run more waits for room: 3 runs are under way, the fleet holds 3" in told
        held.end_all()


async def test_who_has_waited_for_too_long_is_refused_and_a_client_submits_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = settings_of(most_runs=3, busy_wait_seconds=0.2)
    async with full_world(monkeypatch, settings) as (world, client, held):
        await world.submit_raw("raw", WAIT)
        await eventually(lambda: refusals(world, "raw"))
        monkeypatch.setattr(room.Room, "full", _nothing_said)
        run = await client.submit(hello, "x", run_id="more")
        ended = asyncio.create_task(run.result(timeout_seconds=150))
        await eventually(lambda: refusals(world, "more"))
        held.end_all()
        assert await ended == "done"


async def _nothing_said(_room: room.Room, _pipeline: str) -> None:
    return None


async def test_a_repeat_of_a_known_run_is_never_refused_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with full_world(monkeypatch) as (world, client, held):
        again = await client.submit(hello, "x", run_id="run-0", when_busy="raise")
        other = await client.submit(hello, "y", run_id="run-1", when_busy="raise")
        with pytest.raises(RunConflict):
            await other.result(timeout_seconds=150)
        held.end("run-0")
        assert await again.result(timeout_seconds=150) == "done"
        # What receivers can see in Redis says nothing of it; its lane knows.
        monkeypatch.setattr(gate.Gate, "knows", _knows_nothing)
        await until_said(world, 2)
        await world.submit_raw("third", REFUSE)
        await until_said(world, 3)
        before = await ends(world, "run-0")
        await world.submit_raw("run-0", REFUSE)
        await world.submit_raw("run-1", REFUSE)
        await eventually(lambda: answered_again(world, before))
        assert [answer.reason for answer in await refusals(world, "run-0")] == []
        assert [answer.reason for answer in await refusals(world, "run-1")] == ["conflict"]
        held.end_all()


async def test_a_repeat_of_a_known_run_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async with full_world(monkeypatch) as (_, client, held):
        counted, settled = list[int](), gate.Gate.settled

        def seen(counts: gate.Gate, entry: gate.Entry, offset: int | None) -> None:
            counted.append(counts.fullness().runs)
            settled(counts, entry, offset)

        monkeypatch.setattr(gate.Gate, "settled", seen)
        again = await client.submit(hello, "x", run_id="run-0", when_busy="raise")
        held.end("run-0")
        assert await again.result(timeout_seconds=150) == "done"
        assert max(counted, default=0) <= 3
        held.end_all()


async def _knows_nothing(_gate: gate.Gate, _run_id: str) -> bool:
    return False


async def answered_again(world: ShellWorld, before: int) -> bool:
    return await ends(world, "run-0") > before


@pytest.mark.parametrize("loss", ["wiped", "moved", "rolled back"])
async def test_the_count_survives_what_the_runs_survive(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with full_world(monkeypatch) as (world, client, held):
        match loss:
            case "wiped":
                world.server.wipe()
            case "rolled back":
                world.server.rollback(20)
            case _:
                world.processes[0].kill()
                await world.start()
        await world.all_live()
        await until_said(world, 3)
        with pytest.raises(Busy):
            await (await client.submit(hello, "x", run_id="more", when_busy="raise")).result(
                timeout_seconds=60
            )
        held.end_all()
        for number in range(3):
            await client.run(f"run-{number}").result(timeout_seconds=150)
        await until_said(world, 0)
        await world.until(lambda: not world.left_over())


async def test_a_pipeline_has_a_bound_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of()
    settings.fleet = settings.fleet.model_copy(update={"most_runs_of": {"hello": 3}})
    async with full_world(monkeypatch, settings) as (world, client, held):
        with pytest.raises(Busy, match="3 runs of hello are under way, 3 may be"):
            await (await client.submit(hello, "x", when_busy="raise")).result(timeout_seconds=150)
        other = await client.submit(diamond, "x", when_busy="raise")
        held.end_all()
        assert await other.result(timeout_seconds=150) == "done"
        await world.until(lambda: not world.left_over())


async def test_bytes_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with full_world(monkeypatch, settings_of(most_run_bytes=1), runs=1) as (_, client, held):
        with pytest.raises(Busy, match="bytes"):
            await (await client.submit(hello, "x", when_busy="raise")).result(timeout_seconds=150)
        held.end_all()


async def test_many_submits_at_once_go_over_the_bound_by_no_more_than_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with full_world(monkeypatch) as (world, _, held):
        for number in range(60):
            await world.submit_raw(f"many-{number}", REFUSE)
        await eventually(lambda: all_answered(world, 60))
        said = await fullness(MemoryRedis(world.server), world.settings.redis.key_prefix)
        assert said is not None
        assert said.runs == 3
        held.end_all()


async def all_answered(world: ShellWorld, count: int) -> bool:
    found = [len(await refusals(world, f"many-{number}")) for number in range(count)]
    return all(found)
