"""The built-in synthesiser: notes, summary and critique made one briefing."""

from argosy.agents.document import Brief, Critique, Notes, Summary
from argosy.agents.researcher import MODEL, OUTPUT_TOKENS
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context


@agent(name="synthesiser", model=MODEL, reserve=OUTPUT_TOKENS)
async def synthesiser(ctx: Context, notes: Notes, summary: Summary, critique: Critique) -> Brief:
    """Write the briefing from all that is known."""
    known = f"Facts:\n{notes.facts}\n\nSummary:\n{summary.text}\n\nCritique:\n{critique.points}"
    text = await ctx.model.ask(f"{known}\n\nWrite a short briefing from these notes.")
    ctx.log.info("briefing written", characters=len(text), room=ctx.tokens.left)
    return Brief(markdown=text.strip())
