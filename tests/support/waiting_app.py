"""A run that waits for people: an app for workers in tests that kill coordinators meanwhile."""

from pydantic import BaseModel

from argosy import Approval, Context, Pipeline, Schedule, agent
from support.ledger import make_effect, the_ledger


class Plan(BaseModel):
    """What is to be approved."""

    text: str


class Window(BaseModel):
    """When it may be done: what a signal brings."""

    hour: int


@agent(retries=1)
async def draft(ctx: Context, topic: str) -> Plan:
    """Make a plan."""
    return Plan(text=f"{ctx.run_id}: {topic}")


@agent(retries=1)
async def carry_out(ctx: Context, plan: Plan, answer: Approval, window: Window) -> str:
    """Do what was approved, once."""
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    the_ledger().know(key, await ctx.step("effect", make_effect, key))
    return f"{plan.text}, approved by {answer.by}, at {window.hour}"


asks = Pipeline("asks", takes=str, gives=str)
made = asks.step(draft, asks.input)
nap = asks.sleep(0.5, name="nap", after=[made])
ok = asks.approval("Do it?", about=made, name="ok", within_seconds=600, after=[nap])
window = asks.signal("window", Window, within_seconds=600)
asks.returns(asks.step(carry_out, made, ok, window, when=ok.pick(lambda answer: answer.approved)))

ticks = Pipeline("ticks", takes=str, gives=Plan)
ticks.returns(ticks.step(draft, ticks.input))
tick = Schedule(
    "tick", "*/2 * * * * *", ticks, "tock", timezone="Europe/Berlin", missed="all", overlap="allow"
)
