"""Claims against the run itself: every verdict, on the twin that runs the real script."""

# ruff: noqa: ANN401, ARG001 - contracts are passed through; a handler's parameters are its interface

from typing import Any

import pytest

from argosy.agents.claim import (
    Busy,
    Claim,
    Claims,
    Exhausted,
    Granted,
    NotYet,
    Over,
    Settled,
    Suspect,
    new_fences,
)
from argosy.agents.lanes import Lanes
from argosy.agents.order import Order, decode
from argosy.broker.log import Record
from argosy.broker.memory_server import MemoryServer
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.task import TaskDispatched
from support.worker_bench import Bench, claim_one, memory_bench

LEASE_MS = 10_000
WINDOW_MS = 60_000


@agent
async def think(ctx: Context, text: str) -> str:
    return text


class Floor:
    """One task of one run, and whoever claims it."""

    def __init__(self, bench: Bench, server: MemoryServer) -> None:
        self.bench, self.server = bench, server
        self.claims = Claims(bench.store, Lanes(bench.settings.redis.key_prefix), LEASE_MS, WINDOW_MS, 300)

    def order(self, attempt: int = 1, **contract: Any) -> Order:
        body = self.bench.dispatch(think, "run-1/think", attempt=attempt, **contract)
        headers = Envelope(kind=TaskDispatched.KIND, id=f"{body.task_id}#{attempt}", source="t").headers()
        return decode(Record("topic", 0, 0, 0, None, encode_body(body), headers))

    async def claim(
        self, attempt: int = 1, fence: str | None = None, *, suspects: bool = True, **contract: Any
    ) -> Claim:
        order = self.order(attempt, **contract)
        return await claim_one(self.claims, order, fence or new_fences(1)[0], suspects=suspects)


@pytest.fixture
async def floor() -> Floor:
    bench, _, server = memory_bench()
    await bench.live()
    await bench.run("run-1", think="r 1")
    return Floor(bench, server)


async def test_a_task_that_is_out_is_granted_with_a_lease(floor: Floor) -> None:
    claim = await floor.claim(fence="f1")
    assert claim == Granted(0, claim.now_ms if isinstance(claim, Granted) else 0)
    assert await floor.bench.field("run-1/think", "fence") == b"f1"


async def test_the_same_fence_is_granted_again_since_a_reply_may_be_lost(floor: Floor) -> None:
    await floor.claim(fence="f1")
    assert isinstance(await floor.claim(fence="f1"), Granted)


async def test_a_live_lease_of_another_is_busy(floor: Floor) -> None:
    await floor.claim()
    claim = await floor.claim()
    assert isinstance(claim, Busy)
    assert 0 < claim.left_ms <= LEASE_MS


async def test_no_lease_outlives_its_attempt(floor: Floor) -> None:
    await floor.claim(timeout_seconds=5)
    claim = await floor.claim()
    assert isinstance(claim, Busy)
    assert claim.left_ms <= 5_300


async def test_no_checkpoint_is_not_yet() -> None:
    bench, _, server = memory_bench()
    assert await Floor(bench, server).claim() == NotYet()


async def test_no_live_mark_is_not_yet_though_the_run_is_there(floor: Floor) -> None:
    await floor.bench.not_live()
    assert await floor.claim() == NotYet()


async def test_a_live_mark_of_another_server_is_not_yet(floor: Floor) -> None:
    floor.server.failover()
    assert await floor.claim() == NotYet()
    floor.server.failover()  # and back: the old run_id again
    assert await floor.claim() == NotYet()


async def test_an_unknown_run_under_a_live_mark_is_over(floor: Floor) -> None:
    body = floor.bench.dispatch(think, "gone/think")
    headers = Envelope(kind=TaskDispatched.KIND, id="gone/think#1", source="t").headers()
    order = decode(Record("topic", 0, 0, 0, None, encode_body(body), headers))
    assert await claim_one(floor.claims, order, "f") == Over()


@pytest.mark.parametrize("st", ["ending", "ended", "cancel"])
async def test_a_run_that_is_not_active_is_over(floor: Floor, st: str) -> None:
    await floor.bench.run("run-1", st=st)
    assert await floor.claim() == Over()


@pytest.mark.parametrize("letter", "kfsxe")
async def test_a_task_that_has_ended_is_over(floor: Floor, letter: str) -> None:
    await floor.bench.run("run-1", think=f"{letter} 1")
    assert await floor.claim() == Over()


@pytest.mark.parametrize("state", ["r 2", "b 1", "w 0"])
async def test_an_attempt_that_is_not_the_current_one_is_over(floor: Floor, state: str) -> None:
    await floor.bench.run("run-1", think=state)
    assert await floor.claim() == Over()


async def test_a_stored_result_is_settled_even_under_a_live_lease(floor: Floor) -> None:
    await floor.claim()
    await floor.bench.write("run-1/think", "result", "kbytes")
    assert await floor.claim() == Settled(b"kbytes")


async def test_an_expired_lease_counts_a_delivery_and_makes_a_suspect(floor: Floor) -> None:
    await floor.claim()
    floor.bench.advance(11)
    assert await floor.claim(suspects=False) == Suspect()
    claim = await floor.claim(suspects=True)
    assert isinstance(claim, Granted)
    assert claim.deliveries == 1


async def test_a_grant_after_a_lost_lease_tells_the_fence_that_lost_it_also_when_it_is_asked_for_again(
    floor: Floor,
) -> None:
    await floor.claim(fence="first")
    floor.bench.advance(11)
    assert await floor.claim(suspects=False) == Suspect()
    for _ in range(2):
        claim = await floor.claim(fence="second")
        assert isinstance(claim, Granted)
        assert (claim.deliveries, claim.lost) == (1, "first")


async def test_used_up_deliveries_are_exhausted(floor: Floor) -> None:
    for _ in range(2):
        assert isinstance(await floor.claim(max_deliveries=2), Granted)
        floor.bench.advance(11)
    assert await floor.claim(max_deliveries=2) == Exhausted(2)
    assert await floor.claim(max_deliveries=2, suspects=False) == Exhausted(2, again=True)


async def test_a_higher_attempt_takes_over_with_its_memos_and_a_clean_count(floor: Floor) -> None:
    await floor.claim()
    await floor.bench.write("run-1/think", "m:a", "1", "result", "fold")
    floor.bench.advance(11)
    await floor.bench.run("run-1", think="r 2")
    claim = await floor.claim(attempt=2)
    assert isinstance(claim, Granted)
    assert claim.deliveries == 0
    assert await floor.bench.field("run-1/think", "m:a") == b"1"
    assert await floor.bench.field("run-1/think", "result") is None


async def test_another_epoch_is_learned_and_asked_again(floor: Floor) -> None:
    assert isinstance(await floor.claim(), Granted)
    await floor.bench.checkpoint("2")
    assert await floor.claim() == Over()  # live, and under the new epoch the run is unknown
    await floor.bench.run("run-1", epoch="2", think="r 1")
    assert isinstance(await floor.claim(), Busy)


async def test_the_key_lives_until_the_run_can_ask_no_more(floor: Floor) -> None:
    await floor.claim()
    left_ms = await floor.bench.store.ttl_ms(floor.bench.keys.task("run-1/think"))
    assert 3_600_000 < left_ms <= 3_600_000 + WINDOW_MS
