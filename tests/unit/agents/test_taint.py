"""Capabilities and taint of one attempt: what it may call, what it has seen, what its result carries."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.tool import Tool, tool
from argosy.schemas.errors import ToolNotAllowed
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.task import TaskInput
from support.worker_bench import Bench, input_of, memory_bench

TASK = "run-1/pay"
DOCUMENT = ("document",)


@tool
async def search(word: str) -> str:
    return f"found {word}"


@tool(trusted=True)
async def add(first: int, second: int) -> int:
    return first + second


SENT: list[str] = []


@tool(dangerous=True, repeatable=False)
async def send(text: str) -> int:
    SENT.append(text)
    return len(text)


async def ready() -> Bench:
    SENT.clear()
    bench, _, _ = memory_bench()
    await bench.create("pay")
    await bench.live()
    await bench.run("run-1", pay="r 1")
    return bench


def given(*marks: str, value: object = 10) -> TaskInput:
    source = Inline.model_validate({"value": value, "bytes": 2, "tokens": 1, "taint": marks})
    return TaskInput(name="amount", source=source)


async def settled(worker: object, given_: TaskInput) -> TaskSettled:
    bench = await ready()
    async with bench.worker(worker):  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        await bench.order(worker, TASK, given_)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (found,) = await bench.until_settled()
    assert isinstance(found, TaskSettled)
    return found


def taint_of(found: TaskSettled) -> tuple[str, ...]:
    assert found.result is not None, found.fault
    return found.result.taint


async def test_a_result_of_untainted_inputs_and_no_tools_is_untainted() -> None:
    @agent(name="pay")
    async def pay(ctx: Context, amount: int) -> int:
        return amount

    assert taint_of(await settled(pay, given())) == ()


async def test_a_result_carries_the_taint_of_its_inputs_and_of_the_tools_that_were_called() -> None:
    @agent(name="pay", tools=[search, add])
    async def pay(ctx: Context, amount: int) -> str:
        await ctx.tools.call(add, 1, 2)
        return await ctx.tools.call(search, "it")

    assert taint_of(await settled(pay, given("document"))) == ("document", "tool:search")


async def test_trusted_tools_leave_no_taint() -> None:
    @agent(name="pay", tools=[add])
    async def pay(ctx: Context, amount: int) -> int:
        return await ctx.tools.call(add, amount, 2)

    assert taint_of(await settled(pay, given())) == ()


async def test_gathered_inputs_unite_their_taints() -> None:
    @agent(name="pay")
    async def pay(ctx: Context, amount: list[int]) -> int:
        return sum(amount)

    parts = tuple(Inline(value=1, bytes=1, tokens=1, taint=(mark,)) for mark in ("tool:b", "document"))
    gathered = TaskInput(name="amount", source=Inline(value=[], bytes=2, tokens=0), gathered=parts)
    assert taint_of(await settled(pay, gathered)) == ("document", "tool:b")


async def test_a_memo_of_an_earlier_attempt_hands_on_what_that_one_saw() -> None:
    bench = await ready()
    fails = 1

    @agent(name="pay", tools=[search])
    async def pay(ctx: Context, amount: int) -> str:
        nonlocal fails

        async def look() -> str:
            return await ctx.tools.call(search, "it")

        found = await ctx.step("look", look)
        if fails:
            fails = 0
            message = "after the memo"
            raise ValueError(message)
        return found

    async with bench.worker(pay):
        await bench.order(pay, TASK, input_of("amount", 10))
        await bench.until_settled()
        await bench.run("run-1", pay="r 2")
        await bench.order(pay, TASK, input_of("amount", 10), attempt=2)
        _, found = await bench.until_settled(2)
    assert taint_of(found) == ("tool:search",)


async def test_a_tool_that_is_not_declared_is_refused_for_good() -> None:
    @agent(name="pay", tools=[search])
    async def pay(ctx: Context, amount: int) -> int:
        return await ctx.tools.call(send, "hi")

    found = await settled(pay, given())
    assert found.fault is not None
    assert (found.fault.code, found.fault.retriable) == (ToolNotAllowed.code, False)
    assert SENT == []


async def test_a_tool_of_the_same_name_that_is_not_declared_is_refused() -> None:
    async def search_(word: str) -> str:
        return "not the one that was listed"

    other = Tool(search_, name="search")

    @agent(name="pay", tools=[search])
    async def pay(ctx: Context, amount: int) -> str:
        return await ctx.tools.call(other, "x")

    found = await settled(pay, given())
    assert found.fault is not None
    assert found.fault.code == "tool_not_allowed"


async def test_an_agent_with_a_dangerous_tool_takes_no_tainted_input() -> None:
    began: list[int] = []

    @agent(name="pay", tools=[send])
    async def pay(ctx: Context, amount: int) -> int:
        began.append(amount)
        return await ctx.tools.call(send, "hi")

    found = await settled(pay, given("document"))
    assert found.fault is not None
    assert (found.fault.code, found.fault.retriable) == ("tainted", False)
    assert "document" in found.fault.message
    assert began == []


async def test_it_takes_them_if_it_says_so() -> None:
    @agent(name="pay", tools=[send], refuse_tainted=False)
    async def pay(ctx: Context, amount: int) -> int:
        return await ctx.tools.call(send, "hi")

    assert taint_of(await settled(pay, given("document"))) == ("document", "tool:send")
    assert SENT == ["hi"]


async def test_a_dangerous_tool_is_not_called_after_one_that_reads_what_strangers_wrote() -> None:
    @agent(name="pay", tools=[search, send])
    async def pay(ctx: Context, amount: int) -> int:
        await ctx.tools.call(send, "first")
        await ctx.tools.call(send, "second")  # what it gave itself is no reason
        found = await ctx.tools.call(search, "x")
        return await ctx.tools.call(send, found)

    found = await settled(pay, given())
    assert found.fault is not None
    assert found.fault.code == "tainted"
    assert SENT == ["first", "second"]
