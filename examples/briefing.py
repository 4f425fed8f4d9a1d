"""Documents through research, summary, critique and synthesis: four agent types, one join.

    argosy dev examples/briefing.py            then, in another shell:
    argosy run briefing --app examples/briefing.py --input '{"title": "Kafka", "text": "…"}' --watch

The critique never starts before its summary; the synthesis waits for all three, in this order, whatever came first.
"""

import sys
from pathlib import Path

from pydantic import BaseModel

import argosy
from argosy import Context, Pipeline, Reject, agent


class Document(BaseModel):
    """What a run is about."""

    title: str
    text: str


class Notes(BaseModel):
    """What the document says."""

    facts: str


class Summary(BaseModel):
    """The document, short."""

    text: str


class Critique(BaseModel):
    """What the summary gets wrong or leaves out."""

    points: str


class Brief(BaseModel):
    """The result."""

    markdown: str


@agent(model="openai:gpt-5-mini", reserve=512)
async def research(ctx: Context, document: Document) -> Notes:
    """List the facts; the document comes first, so that a model server can reuse its prefix for the next agent."""
    facts = await ctx.model.ask(f"{document.text}\n\nList the three most important facts, one per line.")
    return Notes(facts=facts)


@agent(model="openai:gpt-5-mini", reserve=512)
async def summarise(ctx: Context, document: Document) -> Summary:
    """Say it in two sentences."""
    if not document.text.strip():
        message = f"the document {document.title!r} is empty"
        raise Reject(message)  # this task can't succeed: no more attempts
    text = await ctx.model.ask(f"{document.text}\n\nSummarise this in two sentences.")
    return Summary(text=text)


@agent(model="openai:gpt-5-mini", reserve=512)
async def criticise(ctx: Context, summary: Summary) -> Critique:
    """Look for what is wrong with the summary."""
    points = await ctx.model.ask(f"{summary.text}\n\nName one weakness of this summary, in one sentence.")
    return Critique(points=points)


@agent(model="openai:gpt-5-mini", reserve=512, timeout_seconds=120)
async def synthesise(ctx: Context, notes: Notes, summary: Summary, critique: Critique) -> Brief:
    """Write the briefing from everything that is known."""
    known = f"Facts:\n{notes.facts}\n\nSummary:\n{summary.text}\n\nCritique:\n{critique.points}"
    text = await ctx.model.ask(f"{known}\n\nWrite a briefing of three sentences.")
    ctx.log.info("briefing written", characters=len(text))
    return Brief(markdown=text)


briefing = Pipeline("briefing", version="1", takes=Document, gives=Brief)
notes = briefing.step(research, briefing.input)
summary = briefing.step(summarise, briefing.input)
critique = briefing.step(criticise, summary)
briefing.returns(briefing.step(synthesise, notes, summary, critique))


if __name__ == "__main__":
    source = Path(sys.argv[1])
    print(argosy.run(briefing, Document(title=source.stem, text=source.read_text(encoding="utf-8"))).markdown)
