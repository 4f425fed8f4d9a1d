"""What the workers of `limits.py` run: one agent with a crowd of calls, one with few, on one model that has limits."""

from argosy import Context, Pipeline, agent

MODEL = "openai:limited"


@agent(model=MODEL, reserve=64, concurrency=16)
async def crowd(ctx: Context, number: int) -> int:
    """Ask about a number."""
    return len(await ctx.model.ask(f"What do you know about the number {number}? Say it in a few words."))


@agent(model=MODEL, reserve=64, concurrency=4)
async def lone(ctx: Context, number: int) -> int:
    """Ask the same, alone."""
    return len(await ctx.model.ask(f"What do you know about the number {number}? Say it in a few words."))


crowded = Pipeline("crowded", takes=list[int], gives=list[int])
crowded.returns(crowded.map(crowd, over=crowded.input, max_parallel=400))

alone = Pipeline("alone", takes=int, gives=int)
alone.returns(alone.step(lone, alone.input))
