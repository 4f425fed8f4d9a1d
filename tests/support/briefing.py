"""The briefing pipeline, as the author's API describes it: research, summarise, criticise, synthesise."""

from pydantic import BaseModel

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline


class Document(BaseModel):
    title: str
    text: str


class Notes(BaseModel):
    facts: list[str]


class Summary(BaseModel):
    text: str


class Critique(BaseModel):
    severity: int
    points: list[str]


class Brief(BaseModel):
    markdown: str


@agent(model="openai:gpt-5-mini", window=128_000, reserve=4_000, above="paginate", concurrency=16, retries=4)
async def research(ctx: Context, document: Document) -> Notes:
    return await ctx.model.ask(document.text, returns=Notes)


@agent(model="openai:gpt-5-mini", above="summarise")
async def summarise(ctx: Context, document: Document) -> Summary:
    return Summary(text=await ctx.model.ask(document.text))


@agent(model="openai:gpt-5")
async def criticise(ctx: Context, summary: Summary) -> Critique:
    return await ctx.model.ask(summary.text, returns=Critique)


@agent(model="openai:gpt-5", timeout_seconds=120)
async def synthesise(ctx: Context, notes: Notes, summary: Summary, critique: Critique) -> Brief:
    return Brief(markdown=await ctx.model.ask(f"{notes.facts}\n{summary.text}\n{critique.points}"))


briefing = Pipeline("briefing", version="1", takes=Document, gives=Brief)
_notes = briefing.step(research, briefing.input)
_summary = briefing.step(summarise, briefing.input)
_critique = briefing.step(criticise, _summary)
briefing.returns(briefing.step(synthesise, _notes, _summary, _critique))
