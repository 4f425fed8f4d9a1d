"""Runs that plan, and ask a model for each task of the plan: an app for workers, and for replays with another agent."""

from argosy import Context, Pipeline, Plan, PlannedTask, PlanResult, agent, result_of
from support.ledger import make_effect, the_ledger

MODEL = "openai:scripted"


async def _cost(ctx: Context) -> None:
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    the_ledger().know(key, await ctx.step("effect", make_effect, key))


@agent(model=MODEL, reserve=50, retries=0)
async def devise(ctx: Context, topics: list[str]) -> Plan:
    """Plan a thought for each topic, and one that reads the first of them."""
    await _cost(ctx)
    await ctx.model.ask("What is to be done?")
    thoughts = [PlannedTask(key=topic, agent="think", inputs={"text": topic}) for topic in topics]
    last = PlannedTask(key="last", agent="think", inputs={"text": result_of(thoughts[0].key)})
    return Plan(tasks=[*thoughts, last])


@agent(model=MODEL, reserve=50, retries=0)
async def think(ctx: Context, text: str) -> str:
    """Ask the model; say whose thought it is."""
    await _cost(ctx)
    await ctx.model.ask(f"Tell me about {text}.")
    return f"<{text} by {ctx.run_id}>"


@agent(retries=0)
async def tell(ctx: Context, thoughts: PlanResult[str]) -> str:
    """Say all thoughts."""
    await _cost(ctx)
    return " ".join(thoughts.results.values())


@agent(retries=0)
async def shout(ctx: Context, thoughts: PlanResult[str]) -> str:
    """Say them loudly, in place of `tell`."""
    await _cost(ctx)
    return " ".join(thoughts.results.values()).upper()


thinking = Pipeline("thinking", takes=list[str], gives=str)
_thoughts = thinking.plan(devise, thinking.input, agents=(think,), max_tasks=9, name="plan")
thinking.returns(thinking.step(tell, _thoughts, name="say"))
