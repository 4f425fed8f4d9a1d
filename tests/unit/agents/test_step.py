"""Side effects that are made once: memos, logged memos, tools that can't be repeated, races and stale fences."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, JsonValue

from argosy.agents import step
from argosy.pipelines.agent import Agent, agent
from argosy.pipelines.context import Context
from argosy.pipelines.tool import tool
from argosy.schemas.payload import Inline
from support.worker_bench import Bench, eventually, input_of, memory_bench, until

TASK = "run-1/pay"


class Receipt(BaseModel):
    number: int


class Bank:
    """An outside world that counts."""

    def __init__(self) -> None:
        self.paid = 0

    async def pay(self, amount: int) -> Receipt:
        self.paid += 1
        return Receipt(number=amount + self.paid)


def payer(bank: Bank, *, log: bool = False, fails: int = 0) -> Agent[..., Any]:
    left = fails

    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> int:
        nonlocal left
        receipt = await ctx.step("pay", bank.pay, amount, log=log)
        if left > 0:
            left -= 1
            message = "after the effect"
            raise ValueError(message)
        return receipt.number

    return pay


async def ready() -> Bench:
    bench, _, _ = memory_bench()
    await bench.create("pay")
    await bench.live()
    await bench.run("run-1", pay="r 1")
    return bench


async def fold_memos(bench: Bench) -> None:
    """Do what the commit that folds `step.recorded` does: the first in the log becomes readable."""
    while True:
        for envelope, body in await bench.log():
            if (
                envelope.kind == "step.recorded"
                and await bench.field(body.task_id, f"mo:{body.name}") is None
            ):
                value = body.model_dump_json(include={"value"}).removeprefix('{"value":').removesuffix("}")
                await bench.write(body.task_id, f"m:{body.name}", value, f"mo:{body.name}", 3)
        await asyncio.sleep(0.005)


async def test_a_step_s_outcome_is_a_memo_of_its_declared_type() -> None:
    bench, bank = await ready(), Bank()
    pay = payer(bank)
    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        (settled,) = await bench.until_settled()
    assert settled.result == Inline(value=11, bytes=2, tokens=1)
    memo = await bench.field(TASK, "m:pay")
    assert memo is not None
    assert b'{"number":11}' in memo


async def test_a_later_attempt_takes_the_memo_and_makes_no_effect() -> None:
    bench, bank = await ready(), Bank()
    pay = payer(bank, fails=1)
    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        (failed,) = await bench.until_settled()
        assert failed.outcome == "failed"
        await bench.run("run-1", pay="r 2")
        await bench.order(pay, TASK, input_of("amount", 10), attempt=2)
        _, settled = await bench.until_settled(2)
    assert bank.paid == 1
    assert settled.result == Inline(value=11, bytes=2, tokens=1)


async def test_whoever_comes_second_takes_the_stored_value() -> None:
    bench = await ready()
    reached, go = asyncio.Event(), asyncio.Event()

    @agent(name="pay")
    async def slow(ctx: Context, amount: int) -> int:
        async def effect() -> int:
            reached.set()
            await go.wait()
            return amount

        return await ctx.step("pay", effect)

    async with bench.worker(slow):
        await bench.order(slow, TASK, input_of("amount", 10))
        await reached.wait()
        await bench.write(TASK, "m:pay", '{"value":77,"bytes":2,"tokens":1}')
        go.set()
        (settled,) = await bench.until_settled()
    assert settled.result == Inline(value=77, bytes=2, tokens=1)


async def test_a_memo_made_while_the_lane_is_not_live_is_no_memo_until_it_is() -> None:
    bench, bank = await ready(), Bank()
    reached, went_on = asyncio.Event(), asyncio.Event()

    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> int:
        async def effect() -> Receipt:
            await bench.not_live()
            reached.set()
            return await bank.pay(amount)

        receipt = await ctx.step("pay", effect)
        went_on.set()
        return receipt.number

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        await reached.wait()
        await eventually(lambda: bench.field(TASK, "m:pay"), lambda found: found is not None)
        assert not went_on.is_set(), "whoever goes on relies upon it"
        await bench.live()
        (settled,) = await bench.until_settled()
    assert settled.result == Inline(value=11, bytes=2, tokens=1)
    assert bank.paid == 1


async def test_a_logged_memo_is_appended_and_returned_when_it_was_folded() -> None:
    bench, bank = await ready(), Bank()
    pay = payer(bank, log=True)
    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        await eventually(bench.recorded, bool)
        assert await bench.field(TASK, "m:pay") is None  # the worker writes no logged memo itself
        folding = asyncio.create_task(fold_memos(bench))
        (settled,) = await bench.until_settled()
        folding.cancel()
    (recorded,) = await bench.recorded()
    assert (recorded.task_id, recorded.name) == (TASK, "pay")
    assert settled.result == Inline(value=11, bytes=2, tokens=1)


async def test_a_logged_memo_that_kafka_lost_is_appended_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed tail 26 of the simulation: an unclean election loses the acknowledged record, and nobody ever folds it."""
    monkeypatch.setattr(step, "_APPEND_AGAIN_SECONDS", 0.02)
    bench, bank = await ready(), Bank()
    pay = payer(bank, log=True)
    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        await eventually(bench.recorded, lambda recorded: len(recorded) > 1)
        folding = asyncio.create_task(fold_memos(bench))
        (settled,) = await bench.until_settled()
        folding.cancel()
    assert bank.paid == 1
    assert settled.result == Inline(value=11, bytes=2, tokens=1)


async def test_of_two_logged_values_the_first_in_the_log_is_returned() -> None:
    bench, bank = await ready(), Bank()
    pay = payer(bank, log=True)
    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        await eventually(bench.recorded, bool)
        other = '{"value":{"number":99},"bytes":2,"tokens":1}'
        await bench.write(TASK, "m:pay", other, "mo:pay", 1)
        (settled,) = await bench.until_settled()
    assert settled.result == Inline(value=99, bytes=2, tokens=1)


async def test_a_memo_that_becomes_logged_goes_into_the_log_with_the_value_it_had() -> None:
    bench, bank = await ready(), Bank()
    pay = payer(bank, log=True)
    await bench.write(TASK, "m:pay", '{"value":{"number":5},"bytes":2,"tokens":1}')
    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        folding = asyncio.create_task(fold_memos(bench))
        (settled,) = await bench.until_settled()
        folding.cancel()
    assert bank.paid == 0
    assert len(await bench.recorded()) == 1
    assert settled.result == Inline(value=5, bytes=1, tokens=1)


async def test_while_the_lane_is_not_live_a_step_waits() -> None:
    bench, bank = await ready(), Bank()
    reached = asyncio.Event()
    go = asyncio.Event()

    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> int:
        reached.set()
        await go.wait()
        return (await ctx.step("pay", bank.pay, amount)).number

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        await reached.wait()
        await bench.not_live()
        await bench.write(TASK, "m:pay", '{"value":{"number":7},"bytes":2,"tokens":1}')
        go.set()
        await asyncio.sleep(0)
        assert await bench.settled() == []
        await bench.live()
        (settled,) = await bench.until_settled()
    assert bank.paid == 0
    assert settled.result == Inline(value=7, bytes=1, tokens=1)


async def test_a_stale_fence_makes_no_effect() -> None:
    bench, bank = await ready(), Bank()
    reached, go = asyncio.Event(), asyncio.Event()

    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> int:
        reached.set()
        await go.wait()
        return (await ctx.step("pay", bank.pay, amount)).number

    fleet = bench.settings.fleet.model_copy(update={"renew_seconds": 3600.0})
    async with bench.worker(pay, settings=bench.settings.model_copy(update={"fleet": fleet})) as running:
        await bench.order(pay, TASK, input_of("amount", 10))
        await reached.wait()
        await bench.write(TASK, "fence", "other")
        go.set()
        await until(lambda: running.parked == 1)
    assert bank.paid == 0
    assert await bench.settled() == []


async def test_two_calls_of_one_name_at_once_make_one_effect() -> None:
    bench, bank = await ready(), Bank()

    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> list[int]:
        found = await asyncio.gather(*(ctx.step("pay", bank.pay, amount) for _ in range(5)))
        return [one.number for one in found]

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        (settled,) = await bench.until_settled()
    assert bank.paid == 1
    assert settled.result == Inline(value=[11, 11, 11, 11, 11], bytes=16, tokens=5)


async def test_a_function_without_a_type_for_its_result_is_refused_at_its_first_use() -> None:
    bench = await ready()

    async def untyped():  # type: ignore[no-untyped-def]  # noqa: ANN202 - the defect under test
        return 1

    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> int:
        await ctx.step("pay", untyped)
        return amount

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        (settled,) = await bench.until_settled()
    assert settled.fault is not None
    assert (settled.fault.code, settled.fault.retriable) == ("build", False)
    assert "no type for its result" in settled.fault.message


async def test_a_large_memo_lies_in_the_payload_store_never_in_redis() -> None:
    bench = await ready()

    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> int:
        async def large() -> str:
            return "x" * 200_000

        return len(await ctx.step("large", large))

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        (settled,) = await bench.until_settled()
    memo = await bench.field(TASK, "m:large")
    assert memo is not None
    assert len(memo) < 500
    assert settled.result == Inline(value=200_000, bytes=6, tokens=2)


async def test_a_tool_that_can_t_be_repeated_is_a_memo_by_its_arguments() -> None:
    bench = await ready()
    sent: list[str] = []

    @tool(repeatable=False)
    async def send(to: str, copies: int = 1) -> int:
        sent.append(to)
        return len(sent)

    @tool
    async def look(word: str) -> str:
        sent.append(word)
        return word

    fails = 1

    @agent(name="pay", tools=[send, look])
    async def pay(ctx: Context, amount: int) -> list[int]:
        nonlocal fails
        first = await ctx.tools.call(send, "ann")
        again = await ctx.tools.call(send, "ann")
        other = await ctx.tools.call(send, "bob", copies=2)
        await ctx.tools.call(look, "looked")
        if fails:
            fails = 0
            message = "once"
            raise ValueError(message)
        return [first, again, other]

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        await bench.until_settled()
        await bench.run("run-1", pay="r 2")
        await bench.order(pay, TASK, input_of("amount", 10), attempt=2)
        _, settled = await bench.until_settled(2)
    assert sent == ["ann", "ann", "bob", "looked", "looked"]
    assert settled.result == Inline(value=[1, 2, 3], bytes=7, tokens=2, taint=("tool:look", "tool:send"))


async def test_the_idempotency_key_is_the_same_in_every_attempt_and_another_for_each_name() -> None:
    bench = await ready()
    keys: list[str] = []

    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> int:
        keys.extend((ctx.idempotency_key("a"), ctx.idempotency_key("b")))
        message = "again"
        raise ValueError(message)

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        await bench.until_settled()
        await bench.run("run-1", pay="r 2")
        await bench.order(pay, TASK, input_of("amount", 10), attempt=2)
        await bench.until_settled(2)
    assert keys[:2] == keys[2:]
    assert len(set(keys)) == 2


async def test_the_context_tells_the_task_its_room_and_its_inputs_as_they_came() -> None:
    bench = await ready()
    seen: dict[str, object] = {}

    @agent(name="pay", reserve=100, window=1000, threshold=0.5)
    async def pay(ctx: Context, amount: int) -> int:
        payload = ctx.payload("amount")
        seen.update(
            run=ctx.run_id,
            task=ctx.task_id,
            attempt=ctx.attempt,
            left=ctx.tokens.left,
            text=await payload.text(),
        )
        seen["count"] = ctx.tokens.count("four")
        ctx.log.info("said", figure=1)
        with pytest.raises(KeyError):
            ctx.payload("nothing")
        assert ctx.deadline.timestamp() > bench.clock()
        return amount

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        (settled,) = await bench.until_settled()
    assert settled.outcome == "succeeded", settled.fault
    assert seen == {"run": "run-1", "task": TASK, "attempt": 1, "left": 400, "text": "10", "count": 2}


async def test_a_memo_may_be_any_json_as_a_named_model_call_s_answer_is() -> None:
    bench = await ready()

    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> int:
        async def asked() -> JsonValue:
            return {"deep": [1, None, "x"]}

        first = await ctx.step("asked", asked)
        assert first == await ctx.step("asked", asked)
        return amount

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        (settled,) = await bench.until_settled()
    assert settled.outcome == "succeeded", settled.fault
