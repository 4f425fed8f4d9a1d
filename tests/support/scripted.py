"""The briefing's shape with scripted handlers: an app for `argosy worker` in tests that kill processes.

Each handler makes one side effect in the ledger (`ARGOSY_TEST_LEDGER`) inside a memo, and answers with a
value that no other execution has: so the last result tells every accepted value, in the order of the join.
"""

import asyncio
import random
import uuid

from pydantic import BaseModel

from argosy import Context, Pipeline, agent
from support.ledger import make_effect, the_ledger


class Topic(BaseModel):
    """What a run is about; `fail` names the step that fails for good, `flaky` the one that fails once."""

    name: str
    fail: str = ""
    flaky: str = ""


class Made(BaseModel):
    """What a step answered: its own words, with a value that no other execution of it has."""

    step: str
    value: str


class Whole(BaseModel):
    """What the join was given, in its order."""

    given: list[Made]


async def _work(ctx: Context, step: str, topic_fails: Topic | None, *, log: bool) -> Made:
    if topic_fails is not None and topic_fails.fail == step:
        message = f"{step} was told to fail"
        raise ValueError(message)
    if topic_fails is not None and topic_fails.flaky == step and ctx.attempt == 1:
        message = f"{step} fails once"
        raise ValueError(message)
    await asyncio.sleep(random.uniform(0.0, 0.05))  # noqa: S311 - spreads the work, no secret
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    value = await ctx.step("effect", make_effect, key, log=log)
    the_ledger().know(key, value)
    await asyncio.sleep(random.uniform(0.0, 0.05))  # noqa: S311 - as above
    return Made(step=step, value=f"{ctx.task_id}:{uuid.uuid4().hex}")


@agent(concurrency=32, retries=2, backoff_seconds=0.2)
async def research(ctx: Context, topic: Topic) -> Made:
    """The first branch; its memo is logged."""
    return await _work(ctx, "research", topic, log=True)


@agent(concurrency=32, retries=2, backoff_seconds=0.2)
async def summarise(ctx: Context, topic: Topic) -> Made:
    """The second branch."""
    return await _work(ctx, "summarise", topic, log=False)


@agent(concurrency=32, retries=2, backoff_seconds=0.2)
async def criticise(ctx: Context, summary: Made) -> Made:
    """Never before its summary."""
    if summary.step != "summarise":
        message = f"got {summary.step} for a summary"
        raise ValueError(message)
    return await _work(ctx, "criticise", None, log=False)


@agent(concurrency=32, retries=2, backoff_seconds=0.2)
async def synthesise(ctx: Context, notes: Made, summary: Made, critique: Made) -> Whole:
    """The join."""
    await _work(ctx, "synthesise", None, log=False)
    return Whole(given=[notes, summary, critique])


scripted = Pipeline("scripted", takes=Topic, gives=Whole)
_notes = scripted.step(research, scripted.input)
_summary = scripted.step(summarise, scripted.input)
_critique = scripted.step(criticise, _summary)
scripted.returns(scripted.step(synthesise, _notes, _summary, _critique))
