"""Runs of the chaos app whose budget is spent before they are done: what is missing is a hole, and no token more."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel, JsonValue

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.join import by_deadline
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.hole import Hole
from argosy.testing.chaos_pages import MODEL
from argosy.testing.chaos_purses import UNTOLD_TOKENS, purses
from argosy.testing.chaos_runs import RunSeen
from argosy.testing.chaos_tools import QUESTION
from argosy.testing.chaos_work import work

LITTLE_TOKENS: Final = 260
"""The budget: for some of the calls of a run."""
_RESERVE: Final = 40
_AT_ONCE: Final = 4
CALLS_TOKENS: Final = _AT_ONCE * (_RESERVE + 40)
"""More than what the calls take that are under way at once: of these a Redis that is wiped knows nothing."""
_WITHIN_SECONDS: Final = 3600


class Saved(BaseModel):
    """What a step answered."""

    said: str
    value: str


class Sum(BaseModel):
    """What the join was given; empty texts for holes."""

    values: list[str]
    value: str


@agent(concurrency=16, retries=3, backoff_seconds=0.2, model=MODEL, window=8000, reserve=_RESERVE)
async def saver(ctx: Context, item: int) -> Saved:
    """Ask the model, if there is money left."""
    del item
    value = await work(ctx)
    said = await ctx.model.ask(f"{QUESTION}{ctx.task_id}", name="answer")
    return Saved(said=said, value=value)


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def counts(ctx: Context, saved: Sequence[Saved | Hole]) -> Sum:
    """Take what there is."""
    values = ["" if isinstance(one, Hole) else one.value for one in saved]
    return Sum(values=values, value=await work(ctx))


savers = Pipeline("savers", takes=list[int], gives=Sum)
_saved = savers.map(
    saver, over=savers.input, max_parallel=_AT_ONCE, join=by_deadline(_WITHIN_SECONDS), name="save"
)
savers.returns(savers.step(counts, _saved))


def misspent(run: RunSeen) -> str:
    """Say what is wrong with what a run that has a budget spent; empty: nothing."""
    said = overspent(run)
    if said or run.pipeline not in (savers.name, purses.name):
        return said
    faults = {task.fault for task in run.tasks.values() if task.value is None}
    return "" if faults <= {"budget_spent"} else f"lacks what failed by {', '.join(sorted(faults))}"


def overspent(run: RunSeen) -> str:
    """Say if a run spent more than its budget is by now; empty: it didn't. What nobody may know of is let pass."""
    beyond = UNTOLD_TOKENS if run.pipeline == purses.name else CALLS_TOKENS
    if run.budget is None or run.spent <= run.budget + beyond:
        return ""
    return f"spent {run.spent} tokens, its budget was {run.budget}"


def wrong_savers(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: the values that took effect, and holes for all others. Empty: nothing."""
    items = range(len(given)) if isinstance(given, list) else range(0)
    right: dict[str, JsonValue] = {
        "values": [took.get(f"save.{item}", "") for item in items],
        "value": took.get("counts"),
    }
    return "" if whole == right else f"it says {whole}, took {right}"
