"""What a producer sees: acknowledged submits, typed results, clear errors."""

import asyncio

import pytest

import argosy
from argosy.broker.log import Partition
from argosy.broker.memory_follower import MemoryFollower
from argosy.broker.memory_redis import MemoryRedis
from argosy.client.connection import Argosy
from argosy.schemas.codec import decode_body
from argosy.schemas.envelope import read_envelope
from argosy.schemas.errors import ConfigurationError, InvalidInput, ResultTimeout, RunRefused, Unreachable
from argosy.schemas.runlog import SignalReceived
from support.shell_world import ShellWorld, client_of, diamond, hello, many, shell_world


async def inbox_records(world: ShellWorld) -> int:
    partitions = await world.kafka.partitions(world.names.inbox)
    edges = [await world.kafka.edges(Partition(world.names.inbox, number)) for number in range(partitions)]
    return sum(end for _, end in edges)


async def test_a_value_that_the_pipeline_does_not_take_is_never_sent() -> None:
    async with shell_world() as world, client_of(world) as client:
        with pytest.raises(InvalidInput, match="the input of 'many'"):
            await client.submit(many, "no list")  # type: ignore[misc]  # pyright: ignore[reportArgumentType, reportCallIssue]
        assert await inbox_records(world) == 0


async def test_a_run_id_that_can_not_be_is_refused_at_once() -> None:
    async with shell_world() as world, client_of(world) as client:
        with pytest.raises(ConfigurationError, match="no run id"):
            await client.submit(hello, "x", run_id="no/good")
        with pytest.raises(ConfigurationError, match="no run id"):
            client.run("no good")


async def test_who_leaves_before_the_first_answer_was_read_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[MemoryFollower] = []
    close = MemoryFollower.close

    async def noted(follower: MemoryFollower) -> None:
        closed.append(follower)
        await close(follower)

    async with shell_world() as world:
        monkeypatch.setattr(MemoryFollower, "close", noted)
        with pytest.raises(ConfigurationError, match="no run id"):
            async with client_of(world) as client:
                await client.submit(hello, "x", run_id="no/good")
        assert closed


async def test_a_connection_that_is_not_open_says_so() -> None:
    async with shell_world() as world:
        client = Argosy(world.settings, world.kafka, MemoryRedis(world.server), world.payloads)
        with pytest.raises(ConfigurationError, match="isn't open"):
            await client.submit(hello, "x")


async def test_who_stops_waiting_does_not_stop_the_run() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None
        run = await client.submit(hello, "x")
        with pytest.raises(ResultTimeout) as late:
            await run.result(timeout_seconds=0.05)
        assert f"argosy why {run.run_id} " in late.value.do
        assert await run.state() in ("unknown", "running")
        world.handler = lambda _: "late"  # to what is sent again
        assert await run.result(timeout_seconds=150) == "late"


async def test_events_tell_the_story_and_end_with_the_run() -> None:
    async with shell_world() as world, client_of(world) as client:
        run = await client.submit(diamond, "x")
        async with asyncio.timeout(60):
            events = [(event.kind, event.task_id) async for event in run.events()]
        assert events[0] == ("accepted", None)
        assert events[-1] == ("ended", None)
        assert ("succeeded", f"{run.run_id}/both") in events


async def test_a_submit_while_kafka_is_away_fails_at_its_deadline() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.kafka.broker.deadline_seconds = 0.1
        world.kafka.broker.stop()
        with pytest.raises(Unreachable):
            await client.submit(hello, "x")
        world.kafka.broker.start()


async def test_a_result_over_64_kib_comes_back_whole() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: "x" * 100_000
        run = await client.submit(hello, "x")
        assert await run.result(timeout_seconds=150) == "x" * 100_000


async def test_a_map_whose_result_is_large_comes_back_whole() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda order: order.task_id[-1] * 20_000
        run = await client.submit(many, ["a", "b", "c", "d", "e"])
        assert await run.result(timeout_seconds=150) == [digit * 20_000 for digit in "01234"]


async def test_a_signal_reaches_the_run_log_once_under_its_id() -> None:
    async with shell_world() as world, client_of(world) as client:
        await client.run("some-run").signal("go", {"by": "me"}, signal_id="s1")
        found: list[SignalReceived] = []
        async with asyncio.timeout(60):
            while not found:
                await asyncio.sleep(0.01)
                for lane in range(2):
                    async for record in world.kafka.scan(Partition(world.names.runs, lane), 0):
                        body = decode_body(read_envelope(record.headers), record.value)
                        if isinstance(body, SignalReceived):
                            found.append(body)
        assert found == [SignalReceived(signal_id="s1", name="go", value={"by": "me"})]


async def test_the_call_for_scripts_refuses_to_block_a_running_loop() -> None:
    with pytest.raises(ConfigurationError, match="running event loop"):
        argosy.run(hello, "x")


async def test_a_refusal_names_no_field_that_its_reason_names() -> None:
    async with shell_world() as world, client_of(world) as client:
        run = await client.submit("nobody", "x", run_id="r")
        with pytest.raises(RunRefused) as caught:
            await run.result(timeout_seconds=150)
        assert str(caught.value).startswith("run r: unknown_pipeline: 'nobody' was not published")
        assert caught.value.field == "pipeline"
