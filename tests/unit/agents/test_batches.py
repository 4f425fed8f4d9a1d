"""Work by turns of the loop: many claims in one script, many results in another, and each of them by itself."""

# ruff: noqa: ANN401, ARG001 - settings are passed through; a handler's parameters are its interface

import asyncio
import gc
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from argosy.agents.claim import Ask, Claim, Claims, Granted, Suspect
from argosy.agents.claiming import Claiming
from argosy.agents.hand_back import HandBack
from argosy.agents.order import Order
from argosy.agents.running import Running
from argosy.agents.services import connect
from argosy.agents.suspects import Suspects
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.script import Arg, Reply, Script
from argosy.pipelines.agent import Agent, agent
from argosy.pipelines.context import Context
from argosy.schemas.envelope import HEADERS_BYTES
from argosy.schemas.facts import Want
from argosy.schemas.payload import Reference
from argosy.schemas.runlog import TaskSettled
from support.worker_bench import RunningWorker, input_of, memory_bench, until

NAMES = [f"t{n}" for n in range(8)]


class Floor:
    """One lane with some tasks that are out, a worker's agent, and what was asked of Redis."""

    def __init__(self, **worker: Any) -> None:
        self.bench, self.broker, self.server = memory_bench(**worker)
        self.calls: list[str] = []
        self.go = asyncio.Event()
        self.scripts: Counter[str] = Counter()
        self.gate: asyncio.Event | None = None
        """Where set: claims wait for it after they took effect."""
        self._run = self.bench.store.run

    async def open(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> "Floor":
        monkeypatch.setattr(self.bench.store, "run", self._counted)
        await self.bench.create("work")
        await self.bench.live()
        await self.bench.run("run-1", **dict.fromkeys(names or NAMES, "r 1"))
        return self

    async def _counted(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        # The gate that stands now: a test that sees the count may put up another while the script runs.
        gate = self.gate if script.name == "claim" else None
        self.scripts[script.name] += 1
        reply = await self._run(script, keys, args)
        if gate is not None:
            await gate.wait()
        return reply

    def agent(self, **terms: Any) -> Agent[..., Any]:
        calls, go = self.calls, self.go

        @agent(name="work", **terms)
        async def work(ctx: Context, text: str) -> str:
            calls.append(ctx.task_id.removeprefix("run-1/"))
            if text == "wait":
                await go.wait()
            return "x" * 70_000 if text == "large" else text

        found: Agent[..., Any] = work
        return found

    async def order(
        self, work: Agent[..., Any], *names: str, text: str = "x", wants: tuple[Want, ...] = ()
    ) -> None:
        for name in names or NAMES:
            await self.bench.order(work, f"run-1/{name}", input_of("text", text), wants=wants)

    async def outcomes(self, count: int) -> dict[str, TaskSettled]:
        return {one.task_id.removeprefix("run-1/"): one for one in await self.bench.until_settled(count)}


async def test_what_waits_is_claimed_and_stored_in_one_call_for_each_lane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    await floor.order(work)
    async with floor.bench.worker(work):
        settled = await floor.outcomes(8)
        await floor.bench.until_committed(work, 8)
    assert {one.outcome for one in settled.values()} == {"succeeded"}
    assert sorted(floor.calls) == NAMES
    # One more claim for the lane's epoch, which is unknown at first.
    assert (floor.scripts["claim"], floor.scripts["hold"]) == (2, 1)


async def test_in_one_batch_each_task_gets_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = await Floor().open(monkeypatch, "free", "stored", "held", "done", "poison")
    work, bench = floor.agent(), floor.bench
    await bench.run("run-1", done="k 1")
    body = bench.dispatch(work, "run-1/stored")
    kept = TaskSettled(task_id=body.task_id, attempt=1, outcome="failed", deliveries=1)
    stored = b"f" + kept.model_dump_json(exclude_defaults=True).encode()
    await bench.write("run-1/stored", "attempt", 1, "fence", "dead", "result", stored)
    far = round((bench.clock() + 60) * 1000)
    await bench.write("run-1/held", "attempt", 1, "fence", "other", "lease", far, "deliveries", 0)
    await bench.write("run-1/poison", "attempt", 1, "fence", "dead", "lease", 1, "deliveries", 9)
    await floor.order(work, "held", "done", "stored", "poison", "free")
    async with bench.worker(work) as running:
        settled = await floor.outcomes(3)
        await until(lambda: running.parked == 1)
        await until(lambda: running.open == 1)
    assert floor.calls == ["free"]
    assert {name: one.outcome for name, one in settled.items()} == {
        "free": "succeeded",
        "stored": "failed",
        "poison": "poison",
    }


async def test_the_same_order_twice_in_one_batch_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    await floor.order(work, "t0", "t1", "t0", "t1")
    async with floor.bench.worker(work):
        await floor.bench.until_committed(work, 4)
    assert sorted(floor.calls) == ["t0", "t1"]


async def test_a_lane_that_moved_to_another_epoch_in_between_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    async with floor.bench.worker(work):
        await floor.order(work, "t0", "t1", text="wait")
        await until(lambda: len(floor.calls) == 2)
        await floor.bench.run("run-1", epoch="2", **dict.fromkeys(NAMES, "r 1"))
        await floor.bench.checkpoint("2")
        floor.go.set()
        await floor.order(work, *NAMES[2:])
        settled = await floor.outcomes(8)
        await floor.bench.until_committed(work, 8)
    assert {one.outcome for one in settled.values()} == {"succeeded"}
    assert sorted(floor.calls) == NAMES


async def test_while_redis_is_away_a_whole_batch_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    await floor.order(work)
    floor.server.down()
    async with floor.bench.worker(work) as running:
        await until(lambda: running.open == 8)
        assert floor.calls == []
        floor.server.up()
        await floor.outcomes(8)
    assert sorted(floor.calls) == NAMES


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_answers_that_are_lost_run_and_settle_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    await floor.order(work)
    floor.server.lose_replies(lost)
    async with floor.bench.worker(work):
        settled = await floor.outcomes(8)
        await floor.bench.until_committed(work, 8)
    assert sorted(floor.calls) == NAMES
    assert {one.deliveries for one in settled.values()} == {1}


async def test_while_kafka_is_away_a_batch_of_outcomes_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    async with floor.bench.worker(work):
        await floor.order(work, text="wait")
        await until(lambda: len(floor.calls) == 8)
        floor.broker.stop()
        floor.go.set()
        await until(lambda: floor.scripts["hold"])
        floor.broker.start()
        settled = await floor.outcomes(8)
        await floor.bench.until_committed(work, 8)
    assert len(settled) == 8
    assert sorted(floor.calls) == NAMES


async def test_answers_of_kafka_that_are_lost_settle_with_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    async with floor.bench.worker(work):
        await floor.order(work, text="wait")
        await until(lambda: len(floor.calls) == 8)
        floor.broker.lose_replies(1)
        floor.go.set()
        await floor.bench.until_committed(work, 8)
    assert len({one.model_dump_json() for one in await floor.bench.settled()}) == 8


async def test_large_results_of_a_turn_are_stored_in_one_call_and_lie_in_the_payload_store_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent(concurrency=8)
    await floor.order(work, text="large")
    async with floor.bench.worker(work):
        settled = await floor.outcomes(8)
        await floor.bench.until_committed(work, 8)
    assert floor.scripts["hold"] == 1
    payloads = floor.bench.payloads
    for one in settled.values():
        assert isinstance(one.result, Reference)
        assert len(await payloads.get(one.result.sha256)) == one.result.bytes == 70_002


async def test_while_the_payload_store_is_away_large_results_wait_and_small_ones_settle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    payloads = floor.bench.payloads
    assert isinstance(payloads, MemoryPayloads)
    await floor.order(work, *NAMES[:3], text="large")
    await floor.order(work, *NAMES[3:])
    payloads.down()
    async with floor.bench.worker(work):
        assert set(await floor.outcomes(5)) == set(NAMES[3:])
        payloads.up()
        settled = await floor.outcomes(8)
        await floor.bench.until_committed(work, 8)
    assert [type(settled[name].result) for name in NAMES[:3]] == [Reference] * 3


async def test_a_result_with_facts_that_is_larger_than_a_record_is_a_small_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    kafka = floor.bench.settings.kafka.model_copy(update={"max_message_bytes": HEADERS_BYTES + 10_000})
    await floor.order(work, "t0", text="y" * 6_000, wants=(Want(kind="value"),))
    await floor.order(work, "t1")
    async with floor.bench.worker(work, settings=floor.bench.settings.model_copy(update={"kafka": kafka})):
        settled = await floor.outcomes(2)
        await floor.bench.until_committed(work, 2)
    fault = settled["t0"].fault
    assert fault is not None
    assert (settled["t0"].outcome, fault.code) == ("failed", "result_too_large")
    assert settled["t1"].outcome == "succeeded"


async def test_a_large_result_does_not_keep_the_others_of_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    fleet = floor.bench.settings.fleet.model_copy(update={"hard_result_bytes": 66_000})
    await floor.order(work, *NAMES[1:])
    await floor.order(work, "t0", text="large")
    async with floor.bench.worker(work, settings=floor.bench.settings.model_copy(update={"fleet": fleet})):
        settled = await floor.outcomes(8)
        await floor.bench.until_committed(work, 8)
    fault = settled["t0"].fault
    assert fault is not None
    assert fault.code == "result_too_large"
    assert {one.outcome for name, one in settled.items() if name != "t0"} == {"succeeded"}


async def test_a_record_that_kafka_takes_no_more_is_a_small_failure_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    await floor.order(work, *NAMES[1:])
    await floor.order(work, "t0", text="y" * 60_000)
    floor.broker.max_message_bytes = 20_000 - 32_768  # the broker adds its overhead
    async with floor.bench.worker(work):
        settled = await floor.outcomes(8)
        await floor.bench.until_committed(work, 8)
    assert settled["t0"].outcome == "failed"
    assert {one.outcome for name, one in settled.items() if name != "t0"} == {"succeeded"}


async def test_in_one_batch_of_results_each_claim_is_judged_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    work, bench = floor.agent(), floor.bench
    fleet = bench.settings.fleet.model_copy(update={"renew_seconds": 3600.0})
    async with bench.worker(work, settings=bench.settings.model_copy(update={"fleet": fleet})) as running:
        await floor.order(work, text="wait")
        await until(lambda: len(floor.calls) == 8)
        await bench.run("run-1", t0="x 1")  # cancelled meanwhile
        far = round((bench.clock() + 60) * 1000)
        await bench.write("run-1/t1", "fence", "other", "lease", far)  # another has it
        floor.go.set()
        settled = await floor.outcomes(7)
        await until(lambda: running.parked == 1)
    assert "t0" not in settled
    assert settled["t1"].outcome == "succeeded"  # fold takes a success of any attempt
    assert await bench.field("run-1/t1", "result") is None
    assert floor.scripts["hold"] == 1


async def test_a_drain_keeps_what_is_settled_and_hands_back_the_rest_of_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor(drain_seconds=0.05).open(monkeypatch)
    work, bench = floor.agent(), floor.bench
    async with bench.worker(work):
        await floor.order(work, *NAMES[:4])
        await floor.order(work, *NAMES[4:], text="wait")
        await floor.outcomes(4)
        await until(lambda: len(floor.calls) == 8)
    assert {one.task_id for one in await bench.settled()} == {f"run-1/{name}" for name in NAMES[:4]}
    assert [await bench.field(f"run-1/{name}", "fence") for name in NAMES[4:]] == [None] * 4
    assert await bench.committed(work) == 4
    floor.go.set()
    async with bench.worker(work):
        settled = await floor.outcomes(8)
    assert {one.deliveries for one in settled.values()} == {1}


async def test_what_is_granted_after_the_stop_is_handed_back_at_once_and_not_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    work, bench = floor.agent(), floor.bench
    floor.gate = asyncio.Event()
    await floor.order(work)
    async with bench.worker(work) as running:
        await until(lambda: floor.scripts["claim"] == 1)
        floor.gate.set()  # it told the epoch
        floor.gate = asyncio.Event()
        await until(lambda: floor.scripts["claim"] == 2)
        running.stop.set()
        await until(lambda: not len(running.worker.desks[0].intake))
        await until(lambda: closed(running))
        floor.gate.set()
    assert floor.calls == []
    assert [await bench.field(f"run-1/{name}", "fence") for name in NAMES] == [None] * 8
    assert await bench.committed(work) == 0
    floor.gate = None
    async with bench.worker(work):
        settled = await floor.outcomes(8)
    assert {one.deliveries for one in settled.values()} == {1}


def closed(running: RunningWorker) -> bool:
    return bool(running.worker.desks[0]._closed)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


async def test_of_the_suspects_in_one_batch_one_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = await Floor().open(monkeypatch)
    bench, work = floor.bench, floor.agent()
    for name in NAMES[:4]:
        await bench.write(f"run-1/{name}", "attempt", 1, "fence", "dead", "lease", 1, "deliveries", 0)
    async with bench.worker(work):
        await floor.order(work, text="wait")
        await until(lambda: len(floor.calls) >= 5)
        await asyncio.sleep(0.2)  # others would have asked again
        suspects = set(floor.calls) & set(NAMES[:4])
        floor.go.set()
        await floor.outcomes(8)
    assert len(suspects) == 1


async def test_a_second_suspect_that_a_lost_answer_brought_is_handed_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = await Floor().open(monkeypatch)
    bench, work = floor.bench, floor.agent()
    services = connect(bench.settings, await bench.cluster.producer(), bench.store, bench.payloads, len)
    await floor.order(work, "t0", "t1")
    given_back: list[Ask] = []

    async def both(_: Claims, lane: int, asks: Sequence[Ask], *, suspects: bool) -> list[Claim]:
        return [Granted(1, 0) for _ in asks]

    async def back(_: HandBack, claims: Sequence[Ask]) -> int:
        given_back.extend(claims)
        return len(claims)

    monkeypatch.setattr(Claims, "claim", both)
    monkeypatch.setattr(HandBack, "hand_back", back)
    token = Suspects()
    orders: Any = ["one", "two"]  # they are only passed through
    claims = await Claiming(services, token, _unused, _unused).claim(0, orders)
    assert [said for _, said in claims] == [Granted(1, 0), Suspect()]
    assert [order for order, _ in given_back] == orders[1:]
    assert not token.may_claim()
    token.ended()
    assert token.may_claim()


def _unused(*_: object) -> None:
    raise AssertionError


def alive() -> list[Running | Order]:
    return [one for one in gc.get_objects() if isinstance(one, Running | Order)]


async def test_what_has_ended_is_freed_without_the_garbage_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = await Floor().open(monkeypatch)
    work = floor.agent()
    others = alive()  # of other tests, and kept here, so that no new one takes their place
    async with floor.bench.worker(work) as running:
        gc.disable()
        try:
            await floor.order(work)
            await floor.bench.until_committed(work, 8)
            await until(lambda: running.count == 0)
            known = {id(one) for one in others}
            left = [one for one in alive() if id(one) not in known]
        finally:
            gc.enable()
    assert left == []
