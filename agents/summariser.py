"""The built-in summariser: a document in two sentences."""

from argosy.agents.document import Document, Summary
from argosy.agents.researcher import MODEL, OUTPUT_TOKENS
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.errors import Reject


@agent(name="summariser", model=MODEL, reserve=OUTPUT_TOKENS)
async def summariser(ctx: Context, document: Document) -> Summary:
    """Say it shorter; an empty document is rejected, since no further attempt can help."""
    if not document.text.strip():
        message = f"the document {document.title!r} is empty"
        raise Reject(message)
    text = await ctx.model.ask(f"{document.text}\n\nSummarise this text in two sentences.")
    return Summary(text=text.strip())
