"""The built-in critic: what is wrong with a summary."""

from argosy.agents.document import Critique, Summary
from argosy.agents.researcher import MODEL, OUTPUT_TOKENS
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context


@agent(name="critic", model=MODEL, reserve=OUTPUT_TOKENS)
async def critic(ctx: Context, summary: Summary) -> Critique:
    """Name one weakness."""
    points = await ctx.model.ask(f"{summary.text}\n\nName one weakness of this summary in one sentence.")
    return Critique(points=points.strip())
