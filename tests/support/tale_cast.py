"""Who plays in the stories: two agents, what they do to the outside world, and their pipelines."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from argosy import Context, Pipeline, Plan, PlannedTask, PlanResult, agent, result_of

MADE: Counter[str] = Counter()
"""Effects that were made, by task: of the tale that is told now."""
KNOWN: list[tuple[str, str]] = []
"""Task and value, each time that a handler had a memo in hand."""
AT_EFFECT: list[Callable[[str, int], object]] = []
"""Told of each effect, right before it is made: its task, and which one of that task it is."""


async def make(task_id: str) -> str:
    MADE[task_id] += 1
    number = MADE[task_id]
    for told in AT_EFFECT:
        told(task_id, number)
    await asyncio.sleep(0)  # who was stopped stands still here
    return f"{task_id} {number}"


@agent(retries=2, backoff_seconds=5, max_deliveries=3)
async def first(ctx: Context, text: str) -> str:
    """`slow` takes two seconds, `flaky` fails once; what `logged` makes is logged; `logged slow` is both."""
    if text == "flaky" and ctx.attempt == 1:
        message = "once"
        raise ValueError(message)
    value = await ctx.step("effect", make, ctx.task_id, log=text.startswith("logged"))
    KNOWN.append((ctx.task_id, value))
    await asyncio.sleep(2.0 if text.endswith("slow") else 0.0)
    return f"{text} {value}"


@agent(retries=2, backoff_seconds=5, max_deliveries=3)
async def second(ctx: Context, text: str) -> str:  # noqa: ARG001
    return f"{text}!"


@agent(retries=0, timeout_seconds=6)
async def stubborn(ctx: Context, text: str) -> str:
    """`stay` goes on whatever it is told, `wait` as long as it may; `obey` fails at its end, `cross` when stopped."""
    if text == "obey":
        await asyncio.sleep(ctx.deadline.timestamp() - time.time())
        raise TimeoutError
    if text == "cross":
        try:
            await asyncio.sleep(3600.0)
        except asyncio.CancelledError:
            raise ValueError(text) from None
    if text == "wait":
        await asyncio.sleep(3600.0)
    while text == "stay":
        try:
            await asyncio.sleep(5.0)
        except asyncio.CancelledError:
            continue
    return text


@agent(retries=0)
async def joined(ctx: Context, ones: Sequence[str], others: Sequence[str]) -> str:  # noqa: ARG001
    return " ".join([*ones, *others])


@agent(retries=0)
async def counted(ctx: Context, texts: Sequence[str]) -> int:  # noqa: ARG001
    return sum(map(len, texts))


two = Pipeline("two", takes=str, gives=str)
two.returns(two.step(second, two.step(first, two.input)))

wide = Pipeline("wide", takes=list[str], gives=list[str])
wide.returns(wide.map(first, over=wide.input, max_parallel=50))

large = Pipeline("large", takes=list[str], gives=int)
large.returns(large.step(counted, large.map(second, over=large.input, max_parallel=50)))

holding = Pipeline("holding", takes=str, gives=str)
holding.returns(holding.step(stubborn, holding.input))

inner = Pipeline("inner", takes=str, gives=str)
inner.returns(inner.step(second, inner.step(first, inner.input)))

outer = Pipeline("outer", takes=list[str], gives=str)
"""Its own steps have the names of those of the pipeline that it runs for each item."""
outer.returns(
    outer.step(
        joined,
        outer.map(inner, over=outer.input, name="first"),
        outer.map(second, over=outer.input, name="second"),
    )
)

asking = Pipeline("asking", takes=str, gives=str)
_asked = asking.step(first, asking.input)
_ok = asking.approval("Good?", about=_asked, name="ok", within_seconds=60)
_word = asking.signal("word", str, within_seconds=60, after=[_ok])
asking.returns(asking.step(second, _word, when=_ok.pick(lambda answer: answer.approved)))


@agent(retries=2, backoff_seconds=5, max_deliveries=3)
async def planner(ctx: Context, text: str) -> Plan:
    """Plans `a`, which `b` and `c` wait for, each time with another text; `bad` plans what may not be run at first."""
    value = await ctx.step("effect", make, ctx.task_id, log=text.startswith("logged"))
    if text == "bad" and ctx.refused is None:
        return Plan(tasks=[PlannedTask(key="a", agent="nobody")])
    given = f"{text} {value}" if ctx.refused is None else "told"
    later = [
        PlannedTask(key=key, agent=name, inputs={"text": result_of("a")})
        for key, name in (("b", "first"), ("c", "second"))
    ]
    return Plan(tasks=[*later, PlannedTask(key="a", agent="first", inputs={"text": given})])


@agent(retries=0)
async def listed(ctx: Context, made: PlanResult[str]) -> str:  # noqa: ARG001
    return " | ".join([*made.results.values(), *made.holes])


planned = Pipeline("planned", takes=str, gives=str)
_plan = planned.plan(planner, planned.input, agents=(first, second), max_tasks=5, max_parallel=1, name="plan")
planned.returns(planned.step(listed, _plan, name="end"))

PIPELINES = (two, wide, large, holding, outer, asking, planned)
