"""The worker on a real Kafka and a real Valkey: every branch that a server must understand, and a whole drain."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

import asyncio
from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from pydantic import SecretStr

from argosy.agents.claim import Busy, Claims, Exhausted, Granted, NotYet, Over, Settled, Suspect
from argosy.agents.hand_back import HandBack
from argosy.agents.hold import Holding, Holds
from argosy.agents.lanes import Lanes
from argosy.agents.memo import Absent, Found, Memos, NotLive
from argosy.agents.order import Order, decode
from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Record
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.redis import RedisStore
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import ClaimLost
from argosy.schemas.ids import lane_of
from argosy.schemas.task import TaskDispatched
from support.stack import StackThread
from support.worker_bench import Bench, claim_one, eventually, fast_settings, input_of, store_one


@agent(name="echo", concurrency=50)
async def echo(ctx: Context, text: str) -> str:
    await ctx.step("noted", note, text)
    return text


async def note(text: str) -> int:
    return len(text)


@pytest.fixture
async def bench(stack: StackThread) -> AsyncGenerator[Bench, None]:
    settings = fast_settings(f"w{uuid4().hex[:8]}", drain_seconds=5.0)
    settings.kafka = settings.kafka.model_copy(update={"bootstrap_servers": stack.bootstrap_servers})
    settings.redis = settings.redis.model_copy(update={"url": SecretStr(stack.redis_url)})
    # Here time is real, and nobody dies: no lease runs out because the machine is busy.
    settings.fleet = settings.fleet.model_copy(update={"lease_seconds": 60.0})
    cluster, store = KafkaCluster(settings.kafka), RedisStore(settings.redis)
    found = Bench(settings, cluster, store, MemoryPayloads())
    found.lane = lane_of("run-1", settings.fleet.lanes)
    await found.create("echo")
    yield found
    await cluster.close()
    await store.close()


def order_of(bench: Bench, task_id: str, **terms: int) -> Order:
    body = bench.dispatch(echo, task_id).model_copy(
        update={"contract": echo.contract.model_copy(update=terms)}
    )
    headers = Envelope(kind=TaskDispatched.KIND, id=f"{task_id}#1", source="t").headers()
    return decode(Record("topic", 0, 0, 0, None, encode_body(body), headers))


async def test_the_server_gives_every_verdict_of_a_claim(bench: Bench) -> None:
    claims = Claims(bench.store, Lanes(bench.settings.redis.key_prefix), 600_000, 60_000)
    order = order_of(bench, "run-1/a", max_deliveries=1)

    async def claim(fence: str, *, suspects: bool = True, of: Order = order) -> object:
        return await claim_one(claims, of, fence, suspects=suspects)

    assert await claim("f") == NotYet()
    await bench.live()
    assert await claim("f") == Over()
    await bench.run("run-1", a="r 1", b="r 1")
    assert isinstance(await claim("f"), Granted)
    assert isinstance(await claim("f"), Granted)
    assert isinstance(await claim("g"), Busy)
    await bench.write("run-1/a", "lease", 1)
    assert await claim("g") == Exhausted(1)
    other = order_of(bench, "run-1/b")
    assert isinstance(await claim("f", of=other), Granted)
    await bench.write("run-1/b", "lease", 1)
    assert await claim("g", suspects=False, of=other) == Suspect()
    await bench.write("run-1/b", "result", "kbody")
    assert await claim("g", of=other) == Settled(b"kbody")
    await bench.checkpoint("2")
    assert await claim("g", of=other) == Over()


async def test_the_server_holds_hands_back_and_keeps_memos(bench: Bench) -> None:
    lanes = Lanes(bench.settings.redis.key_prefix)
    claims = Claims(bench.store, lanes, 10_000, 60_000)
    holds, memos = Holds(lanes, 10_000, 60_000), Memos(bench.store, lanes, 10_000, 60_000)
    order = order_of(bench, "run-1/a")
    key = bench.keys.task("run-1/a")
    await bench.live()
    await bench.run("run-1", a="r 1")
    await claim_one(claims, order, "f", suspects=True)
    assert await memos.look(order, "f", "m") == Absent()
    assert await memos.set(order, "f", "m", b"1") == Found(b"1", None)
    await bench.store.delete([key])
    assert await store_one(holds, bench.store, Holding(order, "f", 10_000)) == "ok"
    assert await store_one(holds, bench.store, Holding(order, "g", 10_000)) == "loss"
    assert await bench.store.ttl_ms(key) > 30_000
    assert await HandBack(bench.store, lanes).hand_back([(order, "f")]) == 1
    with pytest.raises(ClaimLost):  # who handed it back has it no more
        await memos.look(order, "f", "m")
    await bench.store.delete([key])
    await bench.not_live()
    assert await memos.look(order, "f", "m") == NotLive()
    assert await store_one(holds, bench.store, Holding(order, "f", 10_000, b"kbody")) == "ok"
    assert 0 < await bench.store.ttl_ms(key) <= 30_000
    await bench.live()
    await bench.run("run-1", a="x 1")
    assert await store_one(holds, bench.store, Holding(order, "f", 10_000)) == "over"
    assert await bench.store.ttl_ms(key) == -2


async def test_leases_are_renewed_over_their_own_connection(bench: Bench) -> None:
    go = asyncio.Event()

    @agent(name="echo")
    async def wait(ctx: Context, text: str) -> str:
        await go.wait()
        return text

    await bench.live()
    await bench.run("run-1", a="r 1")
    async with bench.worker(wait):
        await bench.order(wait, "run-1/a", input_of("text", "x"))
        seen = set[bytes | None]()
        async with asyncio.timeout(150):
            while len(seen - {None}) < 3:
                seen.add(await bench.field("run-1/a", "lease"))
                await asyncio.sleep(0.01)
        go.set()
        await bench.until_settled()


async def test_two_workers_drain_a_topic_with_a_handover_and_run_nothing_twice(bench: Bench) -> None:
    names = [f"t{n}" for n in range(300)]
    await bench.live()
    await bench.run("run-1", **dict.fromkeys(names, "r 1"))
    other = KafkaCluster(bench.settings.kafka)
    await asyncio.gather(*(bench.order(echo, f"run-1/{name}", input_of("text", name)) for name in names))
    async with bench.worker(echo):
        async with bench.worker(echo, cluster=other):
            await bench.until_settled(100)
        await bench.until_settled(300)
        await bench.until_committed(echo, 300)
    settled = await bench.settled()
    assert {one.task_id for one in settled} == {f"run-1/{name}" for name in names}
    assert {one.outcome for one in settled} == {"succeeded"}
    assert {one.deliveries for one in settled} == {1}
    await other.close()


async def test_valkey_killed_and_back_loses_no_order(bench: Bench, stack: StackThread) -> None:
    await bench.live()
    names = [f"t{n}" for n in range(20)]
    wanted = {f"run-1/{name}" for name in names}
    await bench.run("run-1", **dict.fromkeys(names, "r 1"))
    async with bench.worker(echo):
        killing = asyncio.create_task(asyncio.to_thread(stack.kill, "valkey"))
        for name in names:
            await bench.order(echo, f"run-1/{name}", input_of("text", name))
        await killing
        # Its owner would take the lane again, for the server's identity is another one: first the run, then the mark.
        await bench.run("run-1", **dict.fromkeys(names, "r 1"))
        await bench.live()
        await eventually(bench.settled, lambda found: {one.task_id for one in found} == wanted)
