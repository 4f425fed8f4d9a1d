"""The built-in researcher: a document's facts."""

from argosy.agents.document import Document, Notes
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context

OUTPUT_TOKENS = 64
"""Of each built-in agent: enough for a demo, and a small local model writes it in seconds."""

MODEL = "openai:gpt-5-mini"


@agent(name="researcher", model=MODEL, reserve=OUTPUT_TOKENS)
async def researcher(ctx: Context, document: Document) -> Notes:
    """List facts. The document comes first and the instruction last, so that a model server can reuse the prefix."""
    facts = await ctx.model.ask(f"{document.text}\n\nList the three most important facts of this text.")
    return Notes(facts=facts.strip())
