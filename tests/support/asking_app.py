"""The app of the runs against a scripted model server: one agent asks for a value, one for a stream."""

from pydantic import BaseModel

from argosy import Context, Pipeline, agent


class Notes(BaseModel):
    """What is asked for."""

    facts: list[str]


@agent(model="openai:gpt-5-mini", retries=2, backoff_seconds=0.1, concurrency=8, timeout_seconds=300)
async def research(ctx: Context, topic: str) -> Notes:
    """Ask for a value."""
    return await ctx.model.ask(f"List the facts about {topic}.", returns=Notes)


@agent(model="openai:gpt-5-mini", retries=2, backoff_seconds=0.1, timeout_seconds=300)
async def tell(ctx: Context, topic: str) -> str:
    """Ask for a text, piece by piece."""
    return "".join([piece async for piece in ctx.model.stream(f"Tell me about {topic}.")])


asking = Pipeline("asking", takes=str, gives=Notes)
asking.returns(asking.step(research, asking.input))

telling = Pipeline("telling", takes=str, gives=str)
telling.returns(telling.step(tell, telling.input))
