"""Crashes in every gap, zombies, suspects, poison, an absent Redis or Kafka: what was begun takes effect once.

The crash stories of the worker, and the tests that hold them (here, if no other module is named):

| story | test |
|---|---|
| S22 absence grants | `test_claim`: no checkpoint, no live mark, an unknown run |
| S23, S42 rolled back, failed over and back | `test_claim`: a live mark of another server |
| S24 live, run unknown; S36 a storm after the end | `test_claim`: an unknown run; `test_worker`: what is over |
| S25 a paused lane stops every agent | a paused lane does not stop the others; above the cap of parked orders |
| S26, S45 poison takes its neighbours | of many suspects one runs at a time; `test_suspects` |
| S27 a handler ignores cancellation | `test_drain`: a handler that ignores its cancellation |
| S28 a live lease for a dead loop | `test_lease`: without a tick, a blocked loop |
| S29 a zombie wakes | a zombie's failure is nothing; `test_step`: a stale fence makes no effect |
| S30, S41 log first, Redis first | `test_step`: a logged memo, of two logged values |
| S31 each gap of a settle | killed in the handler, between store and publish, between publish and commit |
| S32, S44 put back after the end | `test_hold`: what was put back is judged; an old attempt leaves the memos |
| S33 an old assignment's completion | `test_intake`: what an older assignment finishes |
| S34 parked is not wedged | parked is not stuck |
| S35 the payload is gone | `test_worker`: a payload that is gone |
| S40 a memo looked up while not live | `test_step`: while the lane is not live a step waits |
"""

# ruff: noqa: ANN401, ARG001 - settings are passed through; a handler's parameters are its interface

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from argosy.agents.handler_context import TaskContext
from argosy.broker.log import Partition
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.script import Arg, Reply, Script
from argosy.pipelines.agent import Agent, agent
from argosy.pipelines.context import Context
from argosy.schemas.chat import Usage
from argosy.schemas.codec import encode_body
from argosy.schemas.errors import ModelBusy, Unreachable
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.settings import Settings
from argosy.schemas.task import TaskInput
from argosy.telemetry import metrics
from support.worker_bench import Bench, eventually, input_of, memory_bench, until


class Fleet:
    """Two workers, as two processes: each has its own door to Kafka."""

    def __init__(self, **worker: Any) -> None:
        self.bench, self.broker, self.server = memory_bench(**worker)
        self.calls: list[str] = []
        self.go = asyncio.Event()

    async def open(self, *names: str) -> "Fleet":
        await self.bench.create("work")
        await self.bench.live()
        await self.bench.run("run-1", **dict.fromkeys(names, "r 1"))
        return self

    def door(self, name: str) -> MemoryKafka:
        assert isinstance(self.bench.cluster, MemoryKafka)
        return self.bench.cluster.view(name)

    def agent(self, name: str = "work", **terms: Any) -> Agent[..., Any]:
        calls, go = self.calls, self.go

        @agent(name=name, **terms)
        async def work(ctx: Context, text: str) -> str:
            calls.append(ctx.task_id)
            await go.wait()
            return text

        found: Agent[..., Any] = work
        return found


async def test_killed_in_the_handler_another_worker_runs_it_again() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    async with fleet.bench.worker(work, cluster=fleet.door("w1")) as first:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: fleet.calls)
        await first.crash()
    fleet.bench.advance(11)  # its lease runs out: one delivery is lost
    fleet.go.set()
    async with fleet.bench.worker(work, cluster=fleet.door("w2")):
        (settled,) = await fleet.bench.until_settled()
        await fleet.bench.until_committed(work, 1)
    assert fleet.calls == ["run-1/a", "run-1/a"]
    assert settled.deliveries == 2


async def test_killed_between_store_and_publish_the_stored_bytes_are_published() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    door = fleet.door("w1")
    async with fleet.bench.worker(work, cluster=door) as first:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: fleet.calls)
        fleet.broker.deafen("w1")
        fleet.go.set()
        await eventually(lambda: fleet.bench.field("run-1/a", "result"), bool)
        stored = await fleet.bench.field("run-1/a", "result")
        published = len(await fleet.bench.settled())
        await first.crash()
    fleet.broker.expel("w1")
    async with fleet.bench.worker(work, cluster=fleet.door("w2")):
        await fleet.bench.until_settled(published + 1)
        await fleet.bench.until_committed(work, 1)
    assert fleet.calls == ["run-1/a"]
    assert stored is not None
    assert {one.model_dump_json(exclude_defaults=True).encode() for one in await fleet.bench.settled()} == {
        stored[1:]
    }


async def test_killed_between_publish_and_commit_it_is_published_again_and_not_run() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    fleet.go.set()
    async with fleet.bench.worker(work, cluster=fleet.door("w1")) as first:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await fleet.bench.until_settled()
        fleet.broker.deafen("w1")  # its commit never arrives
        await first.crash()
    fleet.broker.expel("w1")
    committed = await fleet.bench.committed(work)
    async with fleet.bench.worker(work, cluster=fleet.door("w2")):
        await fleet.bench.until_settled(2 if committed == 0 else 1)
        await fleet.bench.until_committed(work, 1)
    assert fleet.calls == ["run-1/a"]


async def test_a_lost_answer_of_redis_runs_nothing_twice() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    fleet.go.set()
    async with fleet.bench.worker(work):
        fleet.server.lose_replies(3)
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await fleet.bench.until_settled()
        await fleet.bench.until_committed(work, 1)
    assert fleet.calls == ["run-1/a"]


async def test_a_lost_answer_of_kafka_settles_once_or_twice_with_the_same_bytes() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    async with fleet.bench.worker(work):
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: fleet.calls)
        fleet.broker.lose_replies(1)
        fleet.go.set()
        await fleet.bench.until_committed(work, 1)
    assert len({one.model_dump_json() for one in await fleet.bench.settled()}) == 1
    assert fleet.calls == ["run-1/a"]


async def test_while_redis_is_away_nothing_is_claimed_and_nothing_is_lost() -> None:
    fleet = await Fleet().open("a", "b")
    work = fleet.agent()
    async with fleet.bench.worker(work) as running:
        fleet.server.down()
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: running.open == 1)
        fleet.go.set()
        assert fleet.calls == []
        fleet.server.up()
        (settled,) = await fleet.bench.until_settled()
    assert settled.outcome == "succeeded"


async def test_not_yet_live_is_parked_and_runs_when_the_lane_is_live() -> None:
    fleet = await Fleet().open("a")
    await fleet.bench.not_live()
    work = fleet.agent()
    fleet.go.set()
    async with fleet.bench.worker(work) as running:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: running.parked == 1)
        assert fleet.calls == []
        await fleet.bench.live()
        await fleet.bench.until_settled()


async def test_above_the_cap_of_parked_orders_the_oldest_not_yet_are_finished() -> None:
    fleet = await Fleet(parked_most=3).open(*(f"t{n}" for n in range(6)))
    await fleet.bench.not_live()
    work = fleet.agent()
    async with fleet.bench.worker(work) as running:
        for n in range(6):
            await fleet.bench.order(work, f"run-1/t{n}", input_of("text", "x"))
        await fleet.bench.until_committed(work, 3)
        assert not running.worker.desks[0].intake.full  # other lanes' work is still fetched
    assert fleet.calls == []


async def test_a_paused_lane_does_not_stop_the_others() -> None:
    fleet = await Fleet(per_partition=4).open("a")
    await fleet.bench.not_live()
    work = fleet.agent()
    fleet.go.set()
    async with fleet.bench.worker(work):
        for n in range(20):
            await fleet.bench.order(work, f"run-1/t{n}", input_of("text", "x"))
        fleet.bench.lane = 1 - fleet.bench.lane
        await fleet.bench.live()
        await fleet.bench.run("run-2", b="r 1")
        await fleet.bench.order(work, "run-2/b", input_of("text", "x"))
        await fleet.bench.until_settled()
    assert fleet.calls == ["run-2/b"]


async def test_another_s_lease_is_waited_out_and_the_partition_goes_on() -> None:
    fleet = await Fleet().open("a", "b")
    work = fleet.agent()
    fleet.go.set()
    far = round((fleet.bench.clock() + 5) * 1000)
    await fleet.bench.write("run-1/a", "attempt", 1, "fence", "other", "lease", far, "deliveries", 0)
    async with fleet.bench.worker(work) as running:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await fleet.bench.order(work, "run-1/b", input_of("text", "x"))
        await fleet.bench.until_settled()
        assert fleet.calls == ["run-1/b"]
        await until(lambda: running.parked == 1)
        fleet.bench.advance(6)
        await fleet.bench.until_settled(2)
    assert fleet.calls == ["run-1/b", "run-1/a"]


async def test_of_many_suspects_one_runs_at_a_time() -> None:
    names = [f"t{n}" for n in range(6)]
    fleet = await Fleet().open(*names)
    running_now = most = 0

    @agent(name="work", concurrency=8)
    async def work(ctx: Context, text: str) -> str:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.005)
        running_now -= 1
        return text

    for name in names:  # a worker that ran them all died
        await fleet.bench.write(f"run-1/{name}", "attempt", 1, "fence", "dead", "lease", 1, "deliveries", 0)
    async with fleet.bench.worker(work):
        for name in names:
            await fleet.bench.order(work, f"run-1/{name}", input_of("text", "x"))
        settled = await fleet.bench.until_settled(6)
    assert most == 1
    assert {one.deliveries for one in settled} == {2}


async def test_a_task_that_used_up_its_deliveries_is_poison(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(metrics, "poisoned", told.append)
    fleet = await Fleet().open("a")
    work = fleet.agent(max_deliveries=3)
    await fleet.bench.write("run-1/a", "attempt", 1, "fence", "dead", "lease", 1, "deliveries", 2)
    async with fleet.bench.worker(work):
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        (settled,) = await fleet.bench.until_settled()
        await fleet.bench.until_committed(work, 1)
    assert settled.outcome == "poison"
    assert settled.fault is not None
    assert settled.fault.figures == {"deliveries": 3}
    assert fleet.calls == []
    assert told == [work.name]


async def test_poison_of_two_copies_of_an_order_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(metrics, "poisoned", told.append)
    fleet = await Fleet().open("a")
    work = fleet.agent(max_deliveries=3)
    await fleet.bench.write("run-1/a", "attempt", 1, "fence", "dead", "lease", 1, "deliveries", 2)
    for _ in range(2):  # what is unanswered is sent again: each copy is told that it is poison
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
    async with fleet.bench.worker(work):
        settled = await fleet.bench.until_settled(2)
        await fleet.bench.until_committed(work, 2)
    assert {one.outcome for one in settled} == {"poison"}
    assert told == [work.name]


async def test_a_cancelled_run_stops_its_handler_and_answers_nothing() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    async with fleet.bench.worker(work) as running:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: fleet.calls)
        await fleet.bench.run("run-1", st="ended")
        await fleet.bench.until_committed(work, 1)
        await until(lambda: running.count == 0)
    assert await fleet.bench.settled() == []
    assert await fleet.bench.store.ttl_ms(fleet.bench.keys.task("run-1/a")) == -2


async def test_a_zombie_s_failure_is_nothing_and_its_success_is_published() -> None:
    fleet = await Fleet().open("a", "b")
    work = fleet.agent()
    async with fleet.bench.worker(work, settings=_never_renewing(fleet.bench)) as running:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: fleet.calls)
        await fleet.bench.write("run-1/a", "fence", "other")
        fleet.go.set()
        (settled,) = await fleet.bench.until_settled()
        await until(lambda: running.parked == 1)
        assert await fleet.bench.committed(work) == 0  # another settles it, or it comes back to us
    assert settled.outcome == "succeeded"
    assert await fleet.bench.field("run-1/a", "fence") == b"other"


async def test_a_lost_claim_stops_the_handler() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    async with fleet.bench.worker(work) as running:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: fleet.calls)
        far = round((fleet.bench.clock() + 60) * 1000)
        await fleet.bench.write("run-1/a", "fence", "other", "lease", far)
        await until(lambda: running.count == 0)
        await until(lambda: running.parked == 1)
    assert await fleet.bench.settled() == []


async def test_a_claim_that_redis_lost_is_put_back_and_the_handler_goes_on() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    async with fleet.bench.worker(work):
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: fleet.calls)
        fleet.server.wipe()
        await eventually(lambda: fleet.bench.field("run-1/a", "fence"), bool)
        await fleet.bench.live()
        await fleet.bench.run("run-1", a="r 1")
        fleet.go.set()
        await fleet.bench.until_settled()
        await fleet.bench.until_committed(work, 1)
    assert fleet.calls == ["run-1/a"]


def _never_renewing(bench: Bench) -> Settings:
    fleet = bench.settings.fleet.model_copy(update={"renew_seconds": 3600.0})
    return bench.settings.model_copy(update={"fleet": fleet})


@pytest.mark.parametrize("how", ["value", "system", "headers", "kind"])
async def test_what_can_t_be_read_is_buried_and_the_partition_goes_on(how: str) -> None:
    fleet = await Fleet().open("a", "b")
    work = fleet.agent()
    fleet.go.set()
    bench = fleet.bench
    topic = bench.topics.tasks("work")
    kinds = {"system": b"argosy.task.system.v2", "kind": b"argosy.nothing.v1"}
    good = (
        ("ce_specversion", b"1.0"),
        ("ce_type", kinds.get(how, b"argosy.task.dispatched.v1")),
        ("ce_id", b"run-1/a#1"),
        ("ce_source", b"t"),
    )
    async with bench.worker(work):
        await bench.raw(topic, "run-1/a", b"\xff not json", () if how == "headers" else good)
        await bench.order(work, "run-1/b", input_of("text", "x"))
        await bench.until_settled(2 if how in {"value", "system"} else 1)
        await bench.until_committed(work, 2)
    (letter,) = await bench.dead()
    assert letter.reason == ("unknown_kind" if how == "kind" else "undecodable")
    outcomes = {one.task_id: one.outcome for one in await bench.settled()}
    assert outcomes["run-1/b"] == "succeeded"
    # Only where the headers still say which attempt it was.
    assert outcomes.get("run-1/a") == ("failed" if how in {"value", "system"} else None)


async def test_an_order_for_another_agent_is_buried_and_fails_nobody() -> None:
    fleet = await Fleet().open("a")
    work, other = fleet.agent(), fleet.agent("other")
    bench = fleet.bench
    async with bench.worker(work):
        await bench.send(
            bench.dispatch(other, "run-1/a", input_of("text", "x")), topic=bench.topics.tasks("work")
        )
        await bench.until_committed(work, 1)
    (letter,) = await bench.dead()
    assert letter.reason == "wrong_agent"
    assert await bench.settled() == []


@pytest.mark.parametrize("lane", [-1, 10**30])
async def test_an_order_of_a_lane_that_the_fleet_has_not_is_buried_and_the_partition_goes_on(
    lane: int,
) -> None:
    fleet = await Fleet().open("a", "b")
    work = fleet.agent()
    fleet.go.set()
    bench = fleet.bench
    stray = bench.dispatch(work, "run-1/a", input_of("text", "x"))
    async with bench.worker(work):
        await bench.send(stray.model_copy(update={"lane": lane}))
        await bench.order(work, "run-1/b", input_of("text", "x"))
        await bench.until_committed(work, 2)
    (letter,) = await bench.dead()
    assert letter.reason == "undecodable"
    assert f"lane: is {str(lane)[:20]}, and this fleet has" in letter.message
    assert {one.task_id: one.outcome for one in await bench.settled()}["run-1/b"] == "succeeded"


@pytest.mark.parametrize("kind", [b"task.dispatched.v2", b"task.system.v3", b"task.unheard-of.v2"])
async def test_work_of_a_newer_release_waits_also_if_its_kind_is_new(kind: bytes) -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_type", b"argosy." + kind),
        ("ce_id", b"run-1/a#1"),
        ("ce_source", b"t"),
    )
    async with fleet.bench.worker(work) as running:
        await fleet.bench.raw(fleet.bench.topics.tasks("work"), "run-1/a", b"{}", headers)
        await until(lambda: running.parked == 1)
    assert await fleet.bench.committed(work) == 0
    assert await fleet.bench.dead() == []


async def test_a_message_that_is_too_large_is_buried() -> None:
    fleet = await Fleet().open("a", "b")
    work = fleet.agent()
    fleet.go.set()
    bench = fleet.bench
    kafka = bench.settings.kafka.model_copy(update={"max_message_bytes": 1_000})
    settings = bench.settings.model_copy(update={"kafka": kafka})
    await bench.order(work, "run-1/a", input_of("text", "x" * 70_000))
    await bench.order(work, "run-1/b", input_of("text", "x"))
    async with bench.worker(work, settings=settings):
        await bench.until_committed(work, 2)
    (letter,) = await bench.dead()
    assert (letter.reason, letter.cut) == ("oversize", True)
    assert {one.task_id: one.outcome for one in await bench.settled()}["run-1/a"] == "failed"


async def test_a_consumer_that_is_stuck_ends_the_process_and_one_that_waits_does_not() -> None:
    fleet = await Fleet(watchdog_seconds=0.2).open("a")
    work = fleet.agent()
    fleet.go.set()
    ended: list[str] = []
    async with fleet.bench.worker(work, end=ended.append) as running:
        await until(lambda: running.assigned == 2)
        fleet.bench.advance(60)  # idle for long, but there is nothing to do
        await asyncio.sleep(0.1)
        assert ended == []
        stuck = running.worker.consumers[0]
        stuck.pause([fleet.bench.partition(fleet.bench.topics.tasks("work"), n) for n in range(2)])
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        fleet.bench.advance(60)
        await until(lambda: ended)
    assert "1 messages wait" in ended[0]


async def test_a_message_that_comes_just_when_the_watchdog_looks_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = await Fleet(watchdog_seconds=0.2).open("a")
    work = fleet.agent()
    fleet.go.set()
    looks = 0
    async with fleet.bench.worker(work) as running:  # its `end` fails the test
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await fleet.bench.until_committed(work, 1)
        (consumer,) = running.worker.consumers
        edges = consumer.all_edges

        async def late(partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
            nonlocal looks
            looks += 1
            found = await edges(partitions)
            more = looks == 1  # in the log, and not fetched yet
            return {where: (start, end + more) for where, (start, end) in found.items()}

        monkeypatch.setattr(consumer, "all_edges", late)
        fleet.bench.advance(60)
        await until(lambda: looks > 3)
        assert not running.task.done()


async def test_parked_is_not_stuck() -> None:
    fleet = await Fleet(watchdog_seconds=0.2).open("a")
    await fleet.bench.not_live()
    work = fleet.agent()
    async with fleet.bench.worker(work) as running:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: running.parked == 1)
        fleet.bench.advance(60)
        await asyncio.sleep(0.1)  # the watchdog looks four times in its limit; `end` fails the test


async def test_a_busy_model_gives_the_claim_back_and_uses_up_nothing() -> None:
    fleet = await Fleet().open("a")
    calls = fleet.calls

    @agent(name="work")
    async def work(ctx: Context, text: str) -> str:
        calls.append(text)
        assert isinstance(ctx, TaskContext)
        ctx.spent(Usage(input_tokens=10, output_tokens=1))
        if len(calls) < 3:
            message = "429"
            raise ModelBusy(message, after_seconds=30)
        return text

    async with fleet.bench.worker(work) as running:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        for count in range(1, 3):
            await until(lambda: len(calls) > 0 and running.parked == 1)
            assert len(calls) == count
            assert await fleet.bench.field("run-1/a", "fence") is None
            fleet.bench.advance(31)
            await eventually(lambda: _length(calls), count.__lt__)
        (settled,) = await fleet.bench.until_settled()
    assert (settled.outcome, settled.deliveries) == ("succeeded", 1)
    assert settled.usage == Usage(input_tokens=30, output_tokens=3), "what was spent before counts too"


async def test_the_payload_store_being_away_is_waited_out_with_the_clock_stopped() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent(timeout_seconds=3.0)
    fleet.go.set()
    payloads = fleet.bench.payloads
    assert isinstance(payloads, MemoryPayloads)
    sha256 = await payloads.put(b'"stored"')
    payloads.down()
    source = TaskInput(name="text", source=Reference(sha256=sha256, bytes=8, tokens=1))
    async with fleet.bench.worker(work) as running:
        await fleet.bench.order(work, "run-1/a", source)
        await until(lambda: running.count == 1)
        await asyncio.sleep(3.2)  # longer than the attempt may take
        assert await fleet.bench.settled() == []
        payloads.up()
        (settled,) = await fleet.bench.until_settled()
    assert settled.outcome == "succeeded", settled.fault


async def test_while_a_result_waits_for_the_payload_store_its_lease_goes_on_past_the_time_limit() -> None:
    fleet = await Fleet().open("a")

    @agent(name="work", timeout_seconds=3.0)
    async def work(ctx: Context, text: str) -> str:
        return "x" * 100_000

    payloads = fleet.bench.payloads
    assert isinstance(payloads, MemoryPayloads)
    payloads.down()
    async with fleet.bench.worker(work) as running:
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: running.count == 1)
        await asyncio.sleep(3.5)  # longer than the attempt and its grace may take
        granted = int(await fleet.bench.field("run-1/a", "lease") or b"0")

        async def lease() -> int:
            return int(await fleet.bench.field("run-1/a", "lease") or b"0")

        await eventually(lease, granted.__lt__)
        assert await lease() > (fleet.bench.clock() + 5) * 1000
        payloads.up()
        (settled,) = await fleet.bench.until_settled()
    assert settled.outcome == "succeeded", settled.fault


async def test_of_two_grants_of_one_order_in_one_worker_the_later_one_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    run = fleet.bench.store.run
    lost: list[Sequence[Arg]] = []

    async def losing(script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        reply = await run(script, keys, args)
        granted = isinstance(reply, list) and reply[0] != b"epoch"
        if script.name == "claim" and granted and not lost:
            lost.append(args)
            fleet.bench.advance(11)  # the process stood still meanwhile
            raise Unreachable("the answer was lost")
        return reply

    monkeypatch.setattr(fleet.bench.store, "run", losing)
    for _ in range(2):
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
    async with fleet.bench.worker(work, settings=_never_renewing(fleet.bench)) as running:
        await until(lambda: fleet.calls)
        held = await fleet.bench.field("run-1/a", "fence")
        fleet.go.set()
        await fleet.bench.until_committed(work, 2)
        await until(lambda: running.count == 0)
    (asked,) = lost
    assert held == str(asked[10]).encode()  # the second one's
    assert {one.deliveries for one in await fleet.bench.settled()} == {2}


async def _length(calls: list[str]) -> int:
    return len(calls)


async def test_a_stored_result_that_kafka_takes_no_more_is_a_small_failure() -> None:
    fleet = await Fleet().open("a")
    work = fleet.agent()
    body = TaskSettled(
        task_id="run-1/a",
        attempt=1,
        outcome="succeeded",
        result=Inline(value="x" * 50_000, bytes=50_002, tokens=1),
    )
    await fleet.bench.write("run-1/a", "attempt", 1, "fence", "dead", "result", b"k" + encode_body(body))
    fleet.broker.max_message_bytes = 20_000 - 32_768  # the broker adds its overhead
    async with fleet.bench.worker(work):
        await fleet.bench.order(work, "run-1/a", input_of("text", "x"))
        (settled,) = await fleet.bench.until_settled()
        await fleet.bench.until_committed(work, 1)
    assert settled.fault is not None
    assert settled.fault.code == "result_too_large"
