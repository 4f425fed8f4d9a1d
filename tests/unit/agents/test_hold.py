"""Holding on to claims: renewing, putting back, storing results, handing back."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

import pytest

from argosy.agents.claim import Busy, Claims, Granted, Suspect
from argosy.agents.hand_back import HandBack
from argosy.agents.hold import HOLD, Held, Holding, Holds, read_held
from argosy.agents.lanes import Lanes
from argosy.agents.order import Order, decode
from argosy.broker.log import Record
from argosy.broker.memory_server import MemoryServer
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.chat import Usage
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.task import TaskDispatched
from support.worker_bench import Bench, claim_one, memory_bench, store_one

LEASE_MS = 10_000
TASK = "run-1/think"


@agent
async def think(ctx: Context, text: str) -> str:
    return text


class Holder:
    """A worker that has claimed attempt 1 of the task with fence `mine`."""

    def __init__(self, bench: Bench, server: MemoryServer) -> None:
        self.bench, self.server = bench, server
        lanes = Lanes(bench.settings.redis.key_prefix)
        self.claims = Claims(bench.store, lanes, LEASE_MS, 60_000)
        self.holds = Holds(lanes, LEASE_MS, 60_000)
        self.back = HandBack(bench.store, lanes)

    def order(self, task_id: str = TASK, attempt: int = 1) -> Order:
        body = self.bench.dispatch(think, task_id, attempt=attempt)
        headers = Envelope(kind=TaskDispatched.KIND, id=f"{task_id}#{attempt}", source="t").headers()
        return decode(Record("topic", 0, 0, 0, None, encode_body(body), headers))

    async def hold(self, fence: str = "mine", *, attempt: int = 1, result: bytes = b"") -> Held:
        holding = Holding(self.order(attempt=attempt), fence, LEASE_MS, result)
        return await store_one(self.holds, self.bench.store, holding)


@pytest.fixture
async def holder() -> Holder:
    bench, _, server = memory_bench()
    await bench.live()
    await bench.run("run-1", think="r 1")
    found = Holder(bench, server)
    assert isinstance(await claim_one(found.claims, found.order(), "mine", suspects=True), Granted)
    return found


async def test_a_renewed_lease_goes_on(holder: Holder) -> None:
    holder.bench.advance(8)
    assert await holder.hold() == "ok"
    holder.bench.advance(8)
    assert isinstance(await claim_one(holder.claims, holder.order(), "other", suspects=True), Busy)


async def test_another_fence_is_a_loss(holder: Holder) -> None:
    holder.bench.advance(11)
    await claim_one(holder.claims, holder.order(), "other", suspects=True)
    assert await holder.hold(result=b"k") == "loss"
    assert await holder.bench.field(TASK, "result") is None


async def test_a_task_that_is_over_gives_up_the_claim_and_its_key(holder: Holder) -> None:
    await holder.bench.run("run-1", think="x 1")
    assert await holder.hold() == "over"
    assert await holder.bench.store.ttl_ms(holder.bench.keys.task(TASK)) == -2


async def test_over_spares_the_key_of_another_fence(holder: Holder) -> None:
    await holder.bench.run("run-1", think="x 1")
    assert await holder.hold("other") == "over"
    assert await holder.bench.field(TASK, "fence") == b"mine"


async def test_an_old_attempt_gives_up_its_fence_and_leaves_the_memos(holder: Holder) -> None:
    await holder.bench.write(TASK, "m:a", "1")
    await holder.bench.run("run-1", think="r 2")
    assert await holder.hold() == "over"
    assert await holder.bench.field(TASK, "fence") is None
    assert await holder.bench.field(TASK, "m:a") == b"1"


async def test_a_claim_that_redis_lost_is_put_back(holder: Holder) -> None:
    await holder.bench.store.delete([holder.bench.keys.task(TASK)])
    assert await holder.hold() == "ok"
    assert await holder.bench.field(TASK, "fence") == b"mine"
    assert isinstance(await claim_one(holder.claims, holder.order(), "other", suspects=True), Busy)


async def test_put_back_it_inherits_no_lost_leases_of_another_attempt(holder: Holder) -> None:
    await holder.bench.run("run-1", think="r 2")
    assert isinstance(await claim_one(holder.claims, holder.order(attempt=2), "next", suspects=True), Granted)
    # Rolled back to where attempt 1 had lost two leases and was handed back.
    await holder.bench.write(TASK, "attempt", 1, "deliveries", 2)
    await holder.back.hand_back([(holder.order(attempt=2), "next")])
    await holder.bench.write(TASK, "back", "another")
    assert await holder.hold("next", attempt=2) == "ok"
    assert await holder.bench.field(TASK, "deliveries") == b"0"


async def test_put_back_it_inherits_no_usage_of_another_attempt(holder: Holder) -> None:
    await holder.back.hand_back([(holder.order(), "mine")], {"mine": Usage(input_tokens=120)})
    await holder.bench.run("run-1", think="r 2")
    assert await holder.hold("next", attempt=2) == "ok"  # Redis was rolled back to before its claim
    await holder.back.hand_back([(holder.order(attempt=2), "next")])
    claim = await claim_one(holder.claims, holder.order(attempt=2), "last", suspects=False)
    assert isinstance(claim, Granted)
    assert claim.spent == Usage()


async def test_put_back_after_a_wipe_it_lives_for_three_leases_only(holder: Holder) -> None:
    holder.server.wipe()
    assert await holder.hold() == "ok"
    assert 0 < await holder.bench.store.ttl_ms(holder.bench.keys.task(TASK)) <= 3 * LEASE_MS
    await holder.bench.live()
    await holder.bench.run("run-1", think="r 1")
    assert await holder.hold() == "ok"
    assert await holder.bench.store.ttl_ms(holder.bench.keys.task(TASK)) > 3 * LEASE_MS


async def test_what_was_put_back_is_judged_when_the_lane_is_live_again(holder: Holder) -> None:
    holder.server.wipe()
    assert await holder.hold() == "ok"
    await holder.bench.live()  # rebuilt, and the run has ended meanwhile
    assert await holder.hold() == "over"
    assert await holder.bench.store.ttl_ms(holder.bench.keys.task(TASK)) == -2


async def test_a_result_is_stored_under_the_fence(holder: Holder) -> None:
    assert await holder.hold(result=b"kbody") == "ok"
    assert await holder.bench.field(TASK, "result") == b"kbody"


async def test_many_leases_are_renewed_in_one_call(holder: Holder) -> None:
    await holder.bench.run("run-1", other="r 1")
    holdings = [
        Holding(holder.order(), "mine", LEASE_MS),
        Holding(holder.order("run-1/other"), "second", LEASE_MS),
        Holding(holder.order("run-9/unknown"), "third", LEASE_MS),
    ]
    keys, args = holder.holds.arguments(holder.bench.keys, "1", holdings)
    reply = await holder.bench.store.run(HOLD, keys, args)
    assert isinstance(reply, list)
    assert [read_held(said) for said in reply] == ["ok", "ok", "over"]


async def test_handing_back_counts_no_delivery(holder: Holder) -> None:
    assert await holder.back.hand_back([(holder.order(), "mine")]) == 1
    claim = await claim_one(holder.claims, holder.order(), "other", suspects=False)
    assert isinstance(claim, Granted)
    assert claim.deliveries == 0


async def test_what_a_delivery_spent_that_was_handed_back_is_told_to_the_next_of_its_attempt(
    holder: Holder,
) -> None:
    spent = Usage(input_tokens=120, output_tokens=30)
    await holder.back.hand_back([(holder.order(), "mine")], {"mine": spent})
    for _ in range(2):  # a reply may be lost: the same fence is told the same
        claim = await claim_one(holder.claims, holder.order(), "other", suspects=False)
        assert isinstance(claim, Granted)
        assert (claim.deliveries, claim.spent) == (0, spent)
    more = spent + Usage(input_tokens=1)
    await holder.back.hand_back([(holder.order(), "other")], {"other": more})
    claim = await claim_one(holder.claims, holder.order(), "third", suspects=False)
    assert isinstance(claim, Granted)
    assert claim.spent == more


async def test_a_renewal_that_comes_after_the_handing_back_puts_nothing_back(holder: Holder) -> None:
    await holder.back.hand_back([(holder.order(), "mine")])
    assert await holder.hold() == "loss"
    claim = await claim_one(holder.claims, holder.order(), "other", suspects=False)
    assert isinstance(claim, Granted)
    assert claim.deliveries == 0


async def test_handing_back_spares_what_is_another_s_or_settled(holder: Holder) -> None:
    assert await holder.back.hand_back([(holder.order(), "other")]) == 0
    await holder.hold(result=b"kbody")
    assert await holder.back.hand_back([(holder.order(), "mine")]) == 0


async def test_a_lost_lease_makes_a_suspect_also_after_its_worker_renewed(holder: Holder) -> None:
    holder.bench.advance(11)
    assert await claim_one(holder.claims, holder.order(), "other", suspects=False) == Suspect()
    assert await holder.hold() == "ok"  # nobody took it: its worker has it again
    assert isinstance(await claim_one(holder.claims, holder.order(), "other", suspects=False), Busy)
