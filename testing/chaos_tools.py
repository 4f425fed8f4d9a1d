"""Runs of the chaos app that call a tool which may not be called twice, and a model that has limits."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, JsonValue

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.pipelines.tool import tool
from argosy.testing.chaos_pages import MODEL
from argosy.testing.chaos_work import make, worked

QUESTION: Final = "Say again: "
_ECHO: Final = "You said: "
"""How the scripted model begins what it says again."""


class Asked(BaseModel):
    """What a step heard of the model."""

    said: str
    value: str


@tool(repeatable=False, trusted=True)
async def stamp(key: str) -> str:
    """Make an effect."""
    return await make(key)


@agent(
    concurrency=16,
    retries=3,
    backoff_seconds=0.2,
    model=MODEL,
    window=8000,
    reserve=100,
    tools=[stamp],
)
async def asker(ctx: Context, item: int) -> Asked:
    """Call the tool, and ask the model; a negative item fails once, after both."""
    value = await worked(ctx, lambda key: ctx.tools.call(stamp, key))
    said = await ctx.model.ask(f"{QUESTION}{ctx.task_id}", name="answer")
    if item < 0 and ctx.attempt == 1:
        message = f"item {item} fails once"
        raise ValueError(message)
    return Asked(said=said, value=value)


asked = Pipeline("asked", takes=list[int], gives=list[Asked])
asked.returns(asked.map(asker, over=asked.input))


def wrong_asked(run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: each item's own answer, and the value that took effect. Empty: nothing."""
    items = range(len(given)) if isinstance(given, list) else range(0)
    right: list[JsonValue] = [
        {"said": f"{_ECHO}{QUESTION}{run_id}/asker.{item}", "value": took.get(f"asker.{item}")}
        for item in items
    ]
    return "" if whole == right else f"it says {whole}, should say {right}"
