"""Runs that come to the edge of their budgets: an app for workers in tests that kill coordinators meanwhile."""

from argosy import Context, Pipeline, agent
from support.ledger import make_effect, the_ledger


@agent(model="openai:gpt-5-mini", reserve=50, retries=1, concurrency=4, timeout_seconds=60)
async def spend(ctx: Context, topic: str) -> str:
    """Make an effect, then ask the model."""
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    the_ledger().know(key, await ctx.step("effect", make_effect, key))
    return await ctx.model.ask(f"Tell me about {topic}.")


spending = Pipeline("spending", takes=list[str], gives=list[str])
spending.returns(spending.map(spend, over=spending.input, max_parallel=2))
