"""Memos in the task's key: looked up under a live mark, set if absent, always under the fence."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

import pytest

from argosy.agents.claim import Claims, Granted
from argosy.agents.lanes import Lanes
from argosy.agents.memo import Absent, Found, Memos, NotLive
from argosy.agents.order import Order, decode
from argosy.broker.log import Record
from argosy.broker.memory_server import MemoryServer
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import ClaimLost
from argosy.schemas.task import TaskDispatched
from support.worker_bench import Bench, claim_one, memory_bench

TASK = "run-1/think"


@agent
async def think(ctx: Context, text: str) -> str:
    return text


class Holder:
    def __init__(self, bench: Bench, server: MemoryServer) -> None:
        self.bench, self.server = bench, server
        lanes = Lanes(bench.settings.redis.key_prefix)
        self.claims = Claims(bench.store, lanes, 10_000, 60_000)
        self.memos = Memos(bench.store, lanes, 10_000, 60_000)
        body = bench.dispatch(think, TASK)
        headers = Envelope(kind=TaskDispatched.KIND, id=f"{TASK}#1", source="t").headers()
        self.order: Order = decode(Record("topic", 0, 0, 0, None, encode_body(body), headers))

    async def look(self, name: str = "a", fence: str = "mine") -> Found | Absent | NotLive:
        return await self.memos.look(self.order, fence, name)

    async def set(self, value: bytes, name: str = "a", fence: str = "mine") -> Found | NotLive:
        return await self.memos.set(self.order, fence, name, value)


@pytest.fixture
async def holder() -> Holder:
    bench, _, server = memory_bench()
    await bench.live()
    await bench.run("run-1", think="r 1")
    found = Holder(bench, server)
    assert isinstance(await claim_one(found.claims, found.order, "mine", suspects=True), Granted)
    return found


async def test_what_was_not_recorded_is_absent(holder: Holder) -> None:
    assert await holder.look() == Absent()


async def test_the_second_who_sets_gets_the_first_value(holder: Holder) -> None:
    assert await holder.set(b"1") == Found(b"1", None)
    assert await holder.set(b"2") == Found(b"1", None)
    assert await holder.look() == Found(b"1", None)


async def test_while_the_lane_is_not_live_absence_says_nothing(holder: Holder) -> None:
    holder.server.wipe()
    assert await holder.look() == NotLive()


async def test_a_logged_memo_tells_its_offset(holder: Holder) -> None:
    await holder.bench.write(TASK, "m:a", "1", "mo:a", "42")
    assert await holder.look() == Found(b"1", 42)


async def test_a_stale_fence_neither_reads_nor_writes(holder: Holder) -> None:
    with pytest.raises(ClaimLost):
        await holder.look(fence="stale")
    with pytest.raises(ClaimLost):
        await holder.set(b"1", fence="stale")
    assert await holder.look() == Absent()


async def test_a_task_that_is_over_has_no_memos_to_write(holder: Holder) -> None:
    await holder.bench.run("run-1", think="k 1")
    with pytest.raises(ClaimLost):
        await holder.set(b"1")
    assert await holder.bench.store.ttl_ms(holder.bench.keys.task(TASK)) == -2


async def test_a_memo_set_while_not_live_puts_the_claim_back_and_is_recorded_only_when_it_is_live(
    holder: Holder,
) -> None:
    key = holder.bench.keys.task(TASK)
    holder.server.wipe()
    assert await holder.set(b"1") == NotLive()
    assert 0 < await holder.bench.store.ttl_ms(key) <= 30_000
    assert await holder.bench.field(TASK, "fence") == b"mine"
    await holder.bench.live()
    await holder.bench.run("run-1", think="r 1")
    assert await holder.set(b"2") == Found(b"1", None)
    assert await holder.bench.store.ttl_ms(key) > 30_000, "as long as its run may ask"
