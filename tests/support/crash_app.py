"""Pipelines of a few agents, for processes that are killed or stopped at a named point of their code.

Each handler makes one side effect in the ledger (`ARGOSY_TEST_LEDGER`) inside a memo, and answers with a value that
no other execution has, and with the values that it was given: so the result of a run tells which values it took.
"""

import asyncio
import os
import uuid
from typing import Final

from pydantic import BaseModel

from argosy import Context, Pipeline, Plan, PlannedTask, PlanResult, agent, result_of
from support.ledger import make_effect, the_ledger

CONCURRENCY: Final = 4
"""Handlers that each agent runs at once, in each process."""


class Topic(BaseModel):
    """What a run is about."""

    name: str
    flaky: bool = False
    """The right branch fails once."""
    seconds: float = 0.0
    """How long each branch takes."""
    bulk: int = 0
    """Characters that each value carries along."""
    padding: str = ""


class Made(BaseModel):
    """What a step answered."""

    step: str
    value: str
    given: list[str] = []
    padding: str = ""


class Whole(BaseModel):
    """What the join was given, in its order, and its own value."""

    given: list[str]
    value: str


def began(pid: int | None = None) -> str:
    """Name the entry which says that this process has begun with a task; what all such names begin with."""
    return f"began {pid or ''}"


def takes_its_time(pid: int) -> str:
    """Name the entry which says that this process has begun with a task that lasts as long as its topic says."""
    return f"takes its time {pid}"


def _begin(ctx: Context) -> None:
    the_ledger().make(began(os.getpid()), ctx.task_id)


async def _work(ctx: Context) -> str:
    """All that most handlers do."""
    _begin(ctx)
    return await _effect(ctx, log=False)


async def _effect(ctx: Context, *, log: bool) -> str:
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    value = await ctx.step("effect", make_effect, key, log=log)
    the_ledger().know(key, value)
    return f"{ctx.task_id}:{uuid.uuid4().hex}"


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2)
async def branch(ctx: Context, topic: Topic) -> Made:
    """The left branch logs its memo; the right one may fail once."""
    step = ctx.task_id.rpartition("/")[2]
    _begin(ctx)
    if topic.flaky and step == "right" and ctx.attempt == 1:
        message = f"{ctx.task_id} fails once"
        raise ValueError(message)
    if topic.seconds:
        the_ledger().make(takes_its_time(os.getpid()), ctx.task_id)
        await asyncio.sleep(topic.seconds)
    return Made(step=step, value=await _effect(ctx, log=step == "left"), padding="x" * topic.bulk)


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2)
async def joiner(ctx: Context, left: Made, right: Made) -> Whole:
    """Never with less than both."""
    if (left.step, right.step) != ("left", "right"):
        message = f"{ctx.task_id} got {left.step} and {right.step}"
        raise ValueError(message)
    return Whole(given=[left.value, right.value], value=await _work(ctx))


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2)
async def lister(ctx: Context, topic: Topic) -> list[Made]:
    """A list of two, for a map."""
    value = await _work(ctx)
    return [
        Made(step="list", value=f"{value}:{item}", given=[topic.name], padding="x" * topic.bulk)
        for item in range(2)
    ]


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2)
async def link(ctx: Context, made: Made) -> Made:
    """A link of a chain."""
    return Made(step="link", value=await _work(ctx), given=[made.value], padding=made.padding)


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2)
async def gather(ctx: Context, items: list[Made], sub: Made) -> Whole:
    """All of a map, and a pipeline's result."""
    return Whole(given=[*(item.value for item in items), sub.value], value=await _work(ctx))


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2, window=400, reserve=100)
async def narrow(ctx: Context, made: Made) -> Made:
    """One whose window holds little."""
    return Made(step="narrow", value=await _work(ctx), given=[made.value])


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2, window=400, reserve=100, above="paginate")
async def reader(ctx: Context, made: Made) -> list[Made]:
    """One whose window holds little, and who reads page by page."""
    return [Made(step="page", value=await _work(ctx), given=[made.value])]


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2)
async def planner(ctx: Context, made: Made) -> Plan:
    """Hands its own answer to the first task of its plan, which the others wait for."""
    mine = Made(step="plan", value=await _work(ctx), given=[made.value]).model_dump()
    return Plan(
        tasks=[
            PlannedTask(key="all", agent="bundle", inputs={"items": [result_of("one"), result_of("two")]}),
            PlannedTask(key="two", agent="link", inputs={"made": result_of("one")}),
            PlannedTask(key="one", agent="link", inputs={"made": mine}),
            PlannedTask(key="more", agent="link", inputs={"made": mine}),
        ]
    )


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2)
async def bundle(ctx: Context, items: list[Made]) -> Made:
    """All that a list has."""
    return Made(step="bundle", value=await _work(ctx), given=[item.value for item in items])


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2)
async def teller(ctx: Context, plan: PlanResult[Made]) -> Made:
    """All that a plan's tasks gave, in its order; never with a hole."""
    if plan.holes:
        raise ValueError(str(plan.holes))
    given = [made.value for made in plan.results.values()]
    return Made(step="teller", value=await _work(ctx), given=given)


@agent(concurrency=CONCURRENCY, retries=2, backoff_seconds=0.2, model="openai:scripted", reserve=100)
async def thinker(ctx: Context, made: Made) -> Made:
    """Asks a model, whose calls are limited, out of the budget of its run."""
    value = await _work(ctx)
    said = await ctx.model.ask(made.value)
    if made.value not in said:
        raise ValueError(said)
    return Made(step="thinker", value=value, given=[made.value])


diamond = Pipeline("diamond", takes=Topic, gives=Whole)
_left = diamond.step(branch, diamond.input, name="left")
_right = diamond.step(branch, diamond.input, name="right")
diamond.returns(diamond.step(joiner, _left, _right, name="join"))

chain = Pipeline("chain", takes=Made, gives=Made)
chain.returns(chain.step(link, chain.step(link, chain.input, name="one"), name="two"))

spread = Pipeline("spread", takes=Topic, gives=Whole)
_list = spread.step(lister, spread.input, name="list")
_each = spread.map(chain, over=_list, name="each")
_again = spread.map(
    link, over=_each.query("[*]", list[Made]), name="again"
)  # a look, as a part of it is spread
_sub = spread.step(chain, _list.pick(lambda made: made[0]), name="sub")
spread.returns(spread.step(gather, _again, _sub, name="join"))

tight = Pipeline("tight", takes=Topic, gives=Made)
tight.returns(tight.step(narrow, tight.step(branch, tight.input, name="left"), name="narrow"))

paged = Pipeline("paged", takes=Topic, gives=list[Made])
paged.returns(paged.step(reader, paged.step(branch, paged.input, name="left"), name="read"))

planned = Pipeline("planned", takes=Topic, gives=Made)
_plan = planned.plan(
    planner,
    planned.step(branch, planned.input, name="left"),
    agents=(link, bundle),
    max_tasks=5,
    max_parallel=1,  # so that one waits for a place, too
    name="plan",
)
planned.returns(planned.step(teller, _plan, name="last"))

asking = Pipeline("asking", takes=Topic, gives=Made)
_thought = asking.step(thinker, asking.step(branch, asking.input, name="left"), name="think")
asking.returns(asking.step(thinker, _thought, name="last"))
