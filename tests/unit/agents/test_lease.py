"""The lease thread: one call for all, only while the loop ticks, and the end of a process whose loop is dead."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

import asyncio
import time
from collections.abc import Sequence

import pytest

from argosy.agents.claim import Claims, Granted
from argosy.agents.hold import Holds
from argosy.agents.lanes import Lanes
from argosy.agents.lease import Leases
from argosy.agents.order import decode
from argosy.agents.running import Running
from argosy.agents.time_limit import TimeLimit
from argosy.broker.log import Record
from argosy.broker.memory_server import MemoryServer
from argosy.broker.script import Arg, Reply, Script
from argosy.broker.store import SyncScripts
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import Refused
from argosy.schemas.task import TaskDispatched
from support.worker_bench import Bench, claim_one, eventually, memory_bench, until


@agent
async def think(ctx: Context, text: str) -> str:
    return text


class Counted:
    """Scripts, and how often they were called."""

    def __init__(self, inner: SyncScripts) -> None:
        self.inner, self.calls = inner, 0

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        self.calls += 1
        return self.inner.run(script, keys, args)

    def close(self) -> None:
        self.inner.close()


class Floor:
    def __init__(self, bench: Bench, server: MemoryServer) -> None:
        self.bench, self.server = bench, server
        self.lanes = Lanes(bench.settings.redis.key_prefix)
        self.claims = Claims(bench.store, self.lanes, 10_000, 60_000)
        self.ended: list[str] = []
        self.scripts = Counted(bench.store.renewals())
        self.leases = self.make(3600.0)

    def make(self, renew_seconds: float) -> Leases:
        return Leases(
            self.bench.store.renewals,
            Holds(self.lanes, 10_000, 60_000),
            renew_seconds=renew_seconds,
            grace_seconds=0.5,
            end=self.ended.append,
        )

    async def claimed(self, name: str, seconds: float = 60.0) -> Running:
        body = self.bench.dispatch(think, f"run-1/{name}")
        headers = Envelope(kind=TaskDispatched.KIND, id="i", source="t").headers()
        order = decode(Record("topic", 0, 0, 0, None, encode_body(body), headers))
        claim = await claim_one(self.claims, order, f"fence-{name}", suspects=True)
        assert isinstance(claim, Granted)
        running = Running(order, f"fence-{name}", 0, TimeLimit(seconds, 3600), [])
        self.leases.add(running)
        return running

    async def lease(self, name: str) -> int:
        return int(await self.bench.field(f"run-1/{name}", "lease") or b"0")


@pytest.fixture
async def floor() -> Floor:
    bench, _, server = memory_bench()
    await bench.live()
    names = [f"t{n}" for n in range(60)]
    await bench.run("run-1", **dict.fromkeys(names, "r 1"))
    return Floor(bench, server)


async def test_many_leases_of_a_lane_cost_few_calls(floor: Floor) -> None:
    for n in range(60):
        await floor.claimed(f"t{n}")
    floor.leases.start()
    before = await floor.lease("t0")
    floor.bench.advance(5)
    floor.leases.renew(floor.scripts)
    assert floor.scripts.calls == 2
    assert await floor.lease("t0") > before
    await floor.leases.stop()


async def test_what_is_over_or_lost_is_told_to_the_loop(floor: Floor) -> None:
    over, lost, fine = await floor.claimed("t0"), await floor.claimed("t1"), await floor.claimed("t2")
    await floor.bench.run("run-1", t0="x 1")
    await floor.bench.write("run-1/t1", "fence", "other")
    floor.leases.start()
    floor.leases.renew(floor.scripts)
    await until(lambda: over.stopped)
    assert (over.stopped, lost.stopped, fine.stopped) == ("over", "loss", None)
    await floor.leases.stop()


async def test_no_lease_outlives_its_attempt_s_time(floor: Floor) -> None:
    await floor.claimed("t0", seconds=-1.0)
    await floor.claimed("t1", seconds=8.0)
    before, later = await floor.lease("t0"), await floor.lease("t1")
    floor.leases.start()
    floor.bench.advance(5)
    floor.leases.renew(floor.scripts)
    assert await floor.lease("t0") == before
    assert await floor.lease("t1") != later
    assert await floor.lease("t1") <= (floor.bench.clock() + 8.5) * 1000
    await floor.leases.stop()


async def test_without_a_tick_of_the_loop_nothing_is_renewed_and_at_last_the_process_ends(
    floor: Floor,
) -> None:
    running = await floor.claimed("t0")
    leases = floor.make(5.0)  # two turns are a lease
    leases.add(running)
    leases.start()
    leases.renew(floor.scripts)
    assert floor.scripts.calls == 1
    leases.renew(floor.scripts)  # no await in between: the loop did not run
    assert (floor.scripts.calls, floor.ended) == (1, [])
    leases.renew(floor.scripts)
    assert floor.scripts.calls == 1
    (why,) = floor.ended
    assert "has not run for 10 s" in why
    await leases.stop()


async def test_a_blocked_loop_ends_the_process_from_the_thread(floor: Floor) -> None:
    floor.leases = floor.make(0.01)
    floor.leases.start()
    while not floor.ended:  # blocking the loop is what is tested
        time.sleep(0.01)  # noqa: ASYNC251
    await floor.leases.stop()


async def test_a_lane_that_is_refused_costs_no_other_lane_its_leases(floor: Floor) -> None:
    bad = await floor.claimed("t0")
    floor.bench.lane = 1 - floor.bench.lane
    await floor.bench.live()
    await floor.bench.run("run-1", t1="r 1")
    await floor.claimed("t1")
    floor.leases.start()
    floor.bench.advance(5)
    before = await floor.lease("t1")

    class Refusing(Counted):
        def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
            if bad.fence in args:
                message = "WRONGTYPE"
                raise Refused(message)
            return super().run(script, keys, args)

    floor.leases.renew(Refusing(floor.scripts))
    assert await floor.lease("t1") > before
    await floor.leases.stop()


async def test_redis_being_away_ends_nothing_and_renewal_goes_on_after_it(floor: Floor) -> None:
    running = await floor.claimed("t0")
    fast = floor.make(0.01)
    fast.add(running)
    before = await floor.lease("t0")
    floor.server.down()
    fast.start()
    failed = floor.server.units
    await asyncio.sleep(0.05)
    assert floor.server.units == failed
    floor.server.up()
    floor.bench.advance(3)
    await eventually(lambda: floor.lease("t0"), lambda lease: lease > before)
    await fast.stop()
    assert floor.ended == []
    assert running.stopped is None
