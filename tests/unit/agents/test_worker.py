"""A worker between twins: what it does with an order, from its claim to the committed offset."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

import asyncio
import json
import sys
from collections.abc import Sequence
from functools import partial

import pytest
from pydantic import BaseModel, JsonValue

from argosy.agents import desk
from argosy.agents.intake import Waiting
from argosy.agents.parking import Parking, Why
from argosy.agents.running import Running
from argosy.agents.time_limit import AFTER_DEADLINE_SECONDS, TimeLimit
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.errors import ContextOverflow, Reject, Retry
from argosy.schemas.facts import ListFact, ValueFact, Want
from argosy.schemas.hole import Hole
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.task import HoleInput, TaskInput
from argosy.telemetry import logs
from argosy.telemetry.names import Handoff
from support.all_logged import all_logged
from support.worker_bench import Bench, input_of, memory_bench, until


@agent
async def shout(ctx: Context, text: str) -> str:
    return text.upper()


@agent
async def misbehave(ctx: Context, how: str) -> str:  # noqa: C901 - a table
    match how:
        case "retry":
            raise Retry("not now", after_seconds=3)
        case "reject":
            raise Reject("never")
        case "bug":
            message = "boom"
            raise ValueError(message)
        case "exit":
            sys.exit(3)
        case "interrupt":
            raise KeyboardInterrupt
        case "overflow":
            message = "too long"
            raise ContextOverflow(message, measured_tokens=5000)
        case "large":
            return "x" * 300_000
        case "slow":
            await asyncio.sleep(3600)
        case "cancel":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        case "swallow":
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                return "I stop, and give something"
        case _:
            return how
    return how


@agent
async def nest(ctx: Context, depth: int) -> JsonValue:
    found: JsonValue = "core"
    for _ in range(depth):
        found = [found]
    return found


LIMITS: list[TimeLimit] = []
"""Those that desks made, the newest last."""


@agent
async def overdue(ctx: Context, how: str) -> str:
    """Have its task's deadline pass, an hour early, before it does anything; `stay` until it is stopped for it."""
    LIMITS[-1].hard_seconds -= 3600.0
    match how:
        case "fail":
            raise TimeoutError
        case "stay":
            LIMITS[-1].hard_seconds -= AFTER_DEADLINE_SECONDS
            await asyncio.sleep(3600)
        case _:
            pass
    return how


@pytest.fixture
def _limits_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(seconds: float, hard_seconds: float, began: float) -> TimeLimit:
        LIMITS.append(TimeLimit(seconds, hard_seconds, began=began))
        return LIMITS[-1]

    LIMITS.clear()
    monkeypatch.setattr(desk, "TimeLimit", make)


async def ready(*names: str, run: str = "run-1") -> Bench:
    bench, _, _ = memory_bench()
    await bench.create("shout", "misbehave", "gather", "overdue", "dig")
    await bench.live()
    await bench.run(run, **dict.fromkeys(names, "r 1"))
    return bench


@pytest.mark.parametrize(("how", "level"), [("bug", "warning"), ("reject", "debug")])
async def test_a_bug_of_a_handler_is_logged_with_its_traceback_and_a_word_of_ours_is_not_a_warning(
    how: str, level: str
) -> None:
    bench = await ready("misbehave")
    with all_logged() as logged:
        async with bench.worker(misbehave):
            await bench.order(misbehave, "run-1/misbehave", input_of("how", how))
            await bench.until_settled()
    (raised,) = [entry for entry in logged if entry["event"] == "a handler raised"]
    assert raised["log_level"] == level
    told = raised["exc_info"]  # of a bug: without the frames of ours that it came through
    assert (told[2] if isinstance(told, tuple) else told.__traceback__) is not None


async def test_an_order_is_run_settled_and_its_offset_committed() -> None:
    bench = await ready("shout")
    async with bench.worker(shout):
        await bench.order(shout, "run-1/shout", input_of("text", "hello"))
        (settled,) = await bench.until_settled()
        await bench.until_committed(shout, 1)
    assert (settled.task_id, settled.attempt, settled.outcome) == ("run-1/shout", 1, "succeeded")
    assert settled.result == Inline(value="HELLO", bytes=7, tokens=2)
    assert settled.deliveries == 1


async def test_a_worker_has_joined_once_all_its_agents_have_their_partitions() -> None:
    bench = await ready("shout", "overdue")
    async with bench.worker(shout, overdue) as running:
        joined = asyncio.create_task(running.worker.joined())
        await asyncio.wait({joined}, timeout=10)
        assert joined.done()
        assert [desk.intake.assigned_count > 0 for desk in running.worker.desks] == [True, True]


async def test_the_settle_names_its_run_its_attempt_and_the_offset_that_ordered_it() -> None:
    bench = await ready("shout")
    async with bench.worker(shout):
        await bench.order(shout, "run-1/shout", input_of("text", "hello"))
        await bench.until_settled()
    ((envelope, _),) = await bench.log()
    assert (envelope.subject, envelope.id, envelope.cause) == ("run-1", "run-1/shout#1", 7)


@pytest.mark.parametrize(
    ("how", "outcome", "code"),
    [
        ("retry", "failed", "retry"),
        ("reject", "failed", "rejected"),
        ("exit", "failed", "exit"),
        ("interrupt", "failed", "exit"),
        ("overflow", "overflow", "overflow"),
        ("cancel", "failed", "handler_error"),
    ],
)
async def test_whatever_a_handler_does_settles_and_the_worker_goes_on(
    how: str, outcome: str, code: str
) -> None:
    bench = await ready("misbehave", "after")
    async with bench.worker(misbehave):
        await bench.order(misbehave, "run-1/misbehave", input_of("how", how))
        await bench.order(misbehave, "run-1/after", input_of("how", "well"))
        settled = {one.task_id: one for one in await bench.until_settled(2)}
    bad = settled["run-1/misbehave"]
    assert bad.outcome == outcome
    assert bad.fault is not None
    assert bad.fault.code == code
    assert settled["run-1/after"].outcome == "succeeded"


async def test_inputs_that_do_not_fit_fail_for_good() -> None:
    bench = await ready("shout")
    async with bench.worker(shout):
        await bench.order(shout, "run-1/shout", input_of("text", 5))
        (settled,) = await bench.until_settled()
    assert settled.fault is not None
    assert (settled.fault.code, settled.fault.retriable) == ("invalid_input", False)


async def test_a_payload_that_is_gone_fails_for_good() -> None:
    bench = await ready("shout")
    gone = TaskInput(name="text", source=Reference(sha256="0" * 64, bytes=1, tokens=1))
    async with bench.worker(shout):
        await bench.order(shout, "run-1/shout", gone)
        (settled,) = await bench.until_settled()
    assert settled.fault is not None
    assert (settled.fault.code, settled.fault.retriable) == ("payload_gone", False)


@agent
async def dig(ctx: Context, value: JsonValue) -> JsonValue:
    return value


@pytest.mark.parametrize(
    "data",
    [b'{"a": [1, null, "\\u00fc"]}', b'"NaN and Infinity are words"', b'"\xc3\xbc"', b"null"],
)
async def test_a_stored_input_is_given_as_what_its_json_says(data: bytes) -> None:
    bench = await ready("dig")
    stored = Reference(sha256=await bench.payloads.put(data), bytes=len(data), tokens=1)
    async with bench.worker(dig):
        await bench.order(dig, "run-1/dig", TaskInput(name="value", source=stored))
        (settled,) = await bench.until_settled()
    assert isinstance(settled.result, Inline)
    assert settled.result.value == json.loads(data)


@pytest.mark.parametrize("data", [b"NaN", b"[-Infinity]", b"{", b"\xff", b"[" * 500])
async def test_a_stored_input_that_is_no_json_fails_for_good(data: bytes) -> None:
    bench = await ready("dig")
    stored = Reference(sha256=await bench.payloads.put(data), bytes=len(data), tokens=1)
    async with bench.worker(dig):
        await bench.order(dig, "run-1/dig", TaskInput(name="value", source=stored))
        (settled,) = await bench.until_settled()
    assert settled.fault is not None
    assert (settled.fault.code, settled.fault.retriable) == ("invalid_input", False)


async def test_a_large_result_travels_by_reference() -> None:
    bench = await ready("misbehave")
    async with bench.worker(misbehave):
        await bench.order(misbehave, "run-1/misbehave", input_of("how", "large"))
        (settled,) = await bench.until_settled()
    assert isinstance(settled.result, Reference)
    assert len(await bench.payloads.get(settled.result.sha256)) == 300_002


async def test_a_result_over_the_hard_cap_is_a_small_failure_with_figures() -> None:
    bench = await ready("misbehave")
    fleet = bench.settings.fleet.model_copy(update={"hard_result_bytes": 100_000})
    async with bench.worker(misbehave, settings=bench.settings.model_copy(update={"fleet": fleet})):
        await bench.order(misbehave, "run-1/misbehave", input_of("how", "large"))
        (settled,) = await bench.until_settled()
    assert settled.fault is not None
    assert (settled.fault.code, settled.fault.retriable) == ("result_too_large", False)
    assert settled.fault.figures == {"bytes": 300_002, "limit": 100_000}


async def test_a_record_that_kafka_would_not_take_is_a_small_failure() -> None:
    bench, broker, _ = memory_bench()
    await bench.create("shout")
    await bench.live()
    await bench.run("run-1", shout="r 1")
    await bench.order(shout, "run-1/shout", input_of("text", "y" * 60_000))
    broker.max_message_bytes = 20_000 - 32_768  # the broker adds its overhead
    async with bench.worker(shout):
        (settled,) = await bench.until_settled()
        assert await bench.field("run-1/shout", "result") is not None
    assert settled.outcome == "failed"
    assert settled.fault is not None
    assert settled.fault.code == "result_too_large"


async def test_what_the_plan_must_read_is_answered_beside_the_result() -> None:
    bench = await ready("shout")
    wants = [Want(kind="value", select="length(@) > `3`"), Want(kind="list")]
    async with bench.worker(shout):
        await bench.order(shout, "run-1/shout", input_of("text", "hello"), wants=wants)
        (settled,) = await bench.until_settled()
    assert settled.facts["value:length(@) > `3`"] == ValueFact(kind="value", value=True)
    assert settled.facts["list:"].kind == "none"


async def test_a_result_that_could_not_be_read_back_fails_the_attempt() -> None:
    bench = await ready("nest")
    await bench.create("nest")
    async with bench.worker(nest):
        await bench.order(nest, "run-1/nest", input_of("depth", 220))
        (settled,) = await bench.until_settled()
        await bench.until_committed(nest, 1)
    assert settled.fault is not None
    assert settled.fault.code == "invalid_result"


async def test_facts_over_64_kib_fail_the_attempt() -> None:
    bench = await ready("misbehave")
    async with bench.worker(misbehave):
        await bench.order(misbehave, "run-1/misbehave", input_of("how", "large"), wants=[Want(kind="value")])
        (settled,) = await bench.until_settled()
    assert settled.fault is not None
    assert settled.fault.code == "facts_too_large"


async def test_at_its_time_limit_an_attempt_settles_as_failed() -> None:
    bench = await ready("misbehave")
    async with bench.worker(misbehave):
        await bench.order(misbehave, "run-1/misbehave", input_of("how", "slow"), timeout_seconds=0.05)
        (settled,) = await bench.until_settled()
    assert settled.fault is not None
    assert (settled.fault.code, settled.fault.retriable) == ("timeout", True)


async def test_what_a_handler_gives_after_its_time_does_not_count() -> None:
    bench = await ready("misbehave")
    async with bench.worker(misbehave):
        await bench.order(misbehave, "run-1/misbehave", input_of("how", "swallow"), timeout_seconds=0.05)
        (settled,) = await bench.until_settled()
    assert settled.fault is not None
    assert settled.fault.code == "timeout"


async def test_an_order_past_its_deadline_is_not_begun_and_what_that_means_is_left_to_the_coordinator() -> (
    None
):
    bench = await ready("shout")
    async with bench.worker(shout) as running:
        await bench.order(shout, "run-1/shout", input_of("text", "x"), deadline_seconds=-1)
        await until(lambda: running.parked == 1)
        assert await bench.field("run-1/shout", "fence") is None  # handed back: no lease is lost over it
        await bench.run("run-1", st="ending")
        bench.advance(5)
        await bench.until_committed(shout, 1)
    assert await bench.settled() == []


def _counts(what: Sequence[object], count: int) -> bool:
    return len(what) == count


async def test_an_order_past_its_deadline_asks_less_and_less_often_behind_all_others_and_is_not_told_as_claimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parked: list[tuple[Why, int, bool, float]] = []
    park = Parking[Waiting].park

    def spy(self: Parking[Waiting], what: Waiting, why: Why, due: float) -> list[Waiting]:
        parked.append((why, what.parks, what.last, due))
        return park(self, what, why, due)

    told: list[str] = []

    def tell(_running: Running, event: Handoff, **_more: str | float | None) -> None:
        told.append(event)

    monkeypatch.setattr(Parking, "park", spy)
    monkeypatch.setattr(Running, "tell", tell)
    monkeypatch.setattr(logs, "told", lambda: True)
    bench = await ready("shout")
    async with bench.worker(shout):
        await bench.order(shout, "run-1/shout", input_of("text", "x"), deadline_seconds=-1)
        for often in range(1, 4):
            await until(partial(_counts, parked, often))
            bench.advance(70)
    assert [each[:3] for each in parked[:3]] == [("expired", often, True) for often in (1, 2, 3)]
    (first, second, third) = (each[3] for each in parked[:3])
    assert second - first >= 70 + 2
    assert third - second >= 70 + 4
    assert told == []


@pytest.mark.usefixtures("_limits_known")
@pytest.mark.parametrize("how", ["fail", "stay"])
async def test_a_handler_that_is_stopped_at_its_tasks_deadline_or_fails_of_it_settles_no_failure(
    how: str,
) -> None:
    bench = await ready("overdue")
    async with bench.worker(overdue) as running:
        await bench.order(
            overdue, "run-1/overdue", input_of("how", how), deadline_seconds=3600, timeout_seconds=7200
        )
        await until(lambda: running.parked == 1)
        assert await bench.field("run-1/overdue", "fence") is None
        await bench.run("run-1", st="ending")
        bench.advance(5)
        await bench.until_committed(overdue, 1)
    assert await bench.settled() == []


@pytest.mark.usefixtures("_limits_known")
async def test_a_value_that_a_handler_gives_right_after_its_tasks_deadline_is_settled() -> None:
    bench = await ready("overdue")
    async with bench.worker(overdue):
        await bench.order(overdue, "run-1/overdue", input_of("how", "give"), deadline_seconds=3600)
        (settled,) = await bench.until_settled()
    assert settled.outcome == "succeeded"


class Found(BaseModel):
    text: str


@agent
async def gather(ctx: Context, found: Sequence[Found | Hole], topic: str, note: str = "none") -> list[str]:
    return [one.text if isinstance(one, Found) else f"hole:{one.outcome}" for one in found] + [topic, note]


async def test_shards_holes_selections_and_defaults_reach_the_handler() -> None:
    bench = await ready("gather")
    hole = HoleInput(hole=Hole(task_id="run-1/x.1", outcome="failed", reason="no"))
    parts = (Inline(value={"text": "a"}, bytes=1, tokens=1), hole)
    gathered = TaskInput(name="found", source=Inline(value=[], bytes=2, tokens=1), gathered=parts)
    topic = TaskInput(name="topic", source=Inline(value={"t": "kafka"}, bytes=1, tokens=1), select="t")
    async with bench.worker(gather):
        await bench.order(gather, "run-1/gather", gathered, topic)
        (settled,) = await bench.until_settled()
    assert isinstance(settled.result, Inline)
    assert settled.result.value == ["a", "hole:failed", "kafka", "none"]


async def test_a_shard_gets_its_item_of_the_manifest() -> None:
    bench = await ready("first", "shout.1")
    async with bench.worker(shout):
        await bench.order(shout, "run-1/first", input_of("text", "x"), wants=[Want(kind="size")])
        manifest = Inline(
            value=[{"value": "a", "bytes": 3, "tokens": 1}, {"value": "b", "bytes": 3, "tokens": 1}],
            bytes=9,
            tokens=2,
        )
        await bench.order(shout, "run-1/shout.1", TaskInput(name="text", source=manifest, item=1))
        settled = {one.task_id: one for one in await bench.until_settled(2)}
    result = settled["run-1/shout.1"].result
    assert isinstance(result, Inline)
    assert result.value == "B"


async def test_lists_for_maps_come_back_as_manifests() -> None:
    bench = await ready("gather")
    gathered = TaskInput(name="found", source=Inline(value=[], bytes=2, tokens=1), gathered=())
    async with bench.worker(gather):
        await bench.order(gather, "run-1/gather", gathered, input_of("topic", "t"), wants=[Want(kind="list")])
        (settled,) = await bench.until_settled()
    fact = settled.facts["list:"]
    assert isinstance(fact, ListFact)
    assert fact.length == 2


async def test_copies_of_one_order_run_once_and_are_all_finished() -> None:
    bench = await ready("shout")
    async with bench.worker(shout):
        for _ in range(5):
            await bench.order(shout, "run-1/shout", input_of("text", "hello"))
        await bench.until_committed(shout, 5)
    # Copies that came while it ran attached to it; a later one finds the stored result and publishes it again.
    bodies = {one.model_dump_json() for one in await bench.settled()}
    assert len(bodies) == 1


async def test_an_order_for_what_is_over_costs_a_claim_and_nothing_else() -> None:
    bench = await ready("shout")
    await bench.run("done", st="ended")
    async with bench.worker(shout):
        for n in range(50):
            await bench.order(shout, f"done/shout.{n}", input_of("text", "x"))
        await bench.until_committed(shout, 50)
    assert await bench.settled() == []


async def test_two_agents_in_one_worker_have_their_own_groups() -> None:
    bench = await ready("shout", "misbehave")
    async with bench.worker(shout, misbehave):
        await bench.order(shout, "run-1/shout", input_of("text", "x"))
        await bench.order(misbehave, "run-1/misbehave", input_of("how", "well"))
        await bench.until_settled(2)
        await bench.until_committed(shout, 1)
        await bench.until_committed(misbehave, 1)


async def test_no_more_handlers_run_at_once_than_there_are_slots() -> None:
    most = now = 0
    full = asyncio.Event()

    @agent(concurrency=3, name="shout")
    async def crowd(ctx: Context, text: str) -> str:
        nonlocal most, now
        now += 1
        most = max(most, now)
        if now == 3:
            full.set()
        await full.wait()
        await asyncio.sleep(0.001)
        now -= 1
        return text

    bench = await ready(*(f"t{n}" for n in range(20)))
    async with bench.worker(crowd):
        for n in range(20):
            await bench.order(crowd, f"run-1/t{n}", input_of("text", "x"))
        await bench.until_settled(20)
    assert most == 3


async def test_who_runs_long_is_seen_running() -> None:
    @agent(name="shout")
    async def slow(ctx: Context, text: str) -> str:
        await ctx.progress("half", done=1, of=2)
        await ctx.stream("piece")
        await asyncio.sleep(0.3)
        return text

    bench = await ready("shout")
    topic = bench.topics.events
    async with bench.worker(slow):
        await bench.order(slow, "run-1/shout", input_of("text", "x"))
        await bench.until_settled()
    kinds = set[str]()
    for number in range(bench.settings.kafka.inbox_partitions):
        async for record in bench.cluster.scan(bench.partition(topic, number), 0):
            kinds.add(dict(record.headers)["ce_type"].decode())
    assert kinds == {"argosy.task.progressed.v1", "argosy.text.streamed.v1", "argosy.state.changed.v1"}


async def test_the_worker_goes_on_when_a_rebalance_takes_its_partitions_and_gives_them_back() -> None:
    bench, broker, _ = memory_bench()
    await bench.create("shout")
    await bench.live()
    started, go = asyncio.Event(), asyncio.Event()

    @agent(name="shout")
    async def wait(ctx: Context, text: str) -> str:
        started.set()
        await go.wait()
        return text

    await bench.run("run-1", a="r 1", b="r 1")
    async with bench.worker(wait) as running:
        await bench.order(wait, "run-1/a", input_of("text", "x"))
        await started.wait()
        epoch = running.worker.desks[0].intake.epoch
        broker.rebalance(bench.topics.group("shout"))
        await until(lambda: running.worker.desks[0].intake.epoch > epoch)
        # An old assignment's completion moves nothing; the redelivered copy attached to the running task.
        assert await bench.committed(wait) == 0
        await bench.order(wait, "run-1/b", input_of("text", "x"))
        go.set()
        await bench.until_committed(wait, 2)
    assert {one.task_id for one in await bench.settled()} == {"run-1/a", "run-1/b"}
