"""One agent, one step. Start a fleet with `argosy dev examples/hello.py`, then run this file."""

import argosy
from argosy import Context, Pipeline, agent


@agent(model="openai:gpt-5-mini")
async def greet(ctx: Context, name: str) -> str:
    """Greet somebody."""
    return await ctx.model.ask(f"Greet {name} in one line.")


hello = Pipeline("hello", takes=str, gives=str)
hello.returns(hello.step(greet, hello.input))

if __name__ == "__main__":
    print(argosy.run(hello, "world"))
