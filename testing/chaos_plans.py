"""Runs of the chaos app whose tasks a planner makes up: another plan each time it is asked, and one takes effect.

The keys of a plan bear a mark of their own, so that tasks of two plans can't be taken for one another.
"""

import uuid
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, JsonValue

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import Reject
from argosy.schemas.hole import Hole
from argosy.schemas.planning import Plan, PlannedTask, PlanResult, result_of
from argosy.testing.chaos_work import work

_MOST: Final = 20
_FLAKY: Final = 1
_STEP: Final = "cut"
_MARK_LETTERS: Final = 6
LOOK: Final = "/="
"""How the task ends by which the lane looks at what a plan gave."""


class Goal(BaseModel):
    """What is to be planned: so many tasks, and one that can't succeed."""

    tasks: int
    bad: bool = False
    """The first plan is one that may not be run."""


class Dug(BaseModel):
    """What a planned task answered."""

    value: str
    below: list[str] = []
    """The values of those before it, in their order; empty for one that did not succeed."""


class Told(BaseModel):
    """What the step after the plan was given."""

    results: dict[str, str]
    holes: list[str]
    below: list[str]
    """Of the last task of the plan, which reads all others."""
    value: str


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def planner(ctx: Context, goal: Goal) -> Plan:
    """Plan digs beside one another, and a heap of what they gave."""
    await work(ctx)
    if goal.bad and ctx.attempt == 1:
        return Plan(tasks=[PlannedTask(key="nobody", agent="nobody")])
    mark = uuid.uuid4().hex[:_MARK_LETTERS]
    digs = [
        PlannedTask(key=f"dig{number}-{mark}", agent="digger", inputs={"number": number})
        for number in range(goal.tasks + 1)
    ]
    parts = [result_of(task.key, or_hole=True) for task in digs]
    return Plan(tasks=[*digs, PlannedTask(key=f"heap-{mark}", agent="heaper", inputs={"parts": parts})])


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def digger(ctx: Context, number: int) -> Dug:
    """Dig; number 0 can't succeed, and one of the others fails once."""
    value = await work(ctx)
    if number == 0:
        message = "there is nothing to dig"
        raise Reject(message)
    if number == _FLAKY and ctx.attempt == 1:
        message = "this dig fails once"
        raise ValueError(message)
    return Dug(value=value)


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def heaper(ctx: Context, parts: list[Dug | Hole]) -> Dug:
    """Put together what there is."""
    below = ["" if isinstance(part, Hole) else part.value for part in parts]
    return Dug(value=await work(ctx), below=below)


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def tells(ctx: Context, made: PlanResult[Dug]) -> Told:
    """Tell what the plan gave, by key."""
    results = {key: dug.value for key, dug in made.results.items()}
    (heap,) = (dug for key, dug in made.results.items() if key.startswith("heap"))
    return Told(results=results, holes=list(made.holes), below=heap.below, value=await work(ctx))


plans = Pipeline("plans", takes=Goal, gives=Told)
_cut = plans.plan(planner, plans.input, agents=(digger, heaper), max_tasks=_MOST, max_parallel=4, name=_STEP)
plans.returns(plans.step(tells, _cut))


def wrong_plans(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: the tasks of one plan, each once, as it took effect. Empty: nothing."""
    wanted = given.get("tasks") if isinstance(given, dict) else None
    digs = wanted if isinstance(wanted, int) else 0
    under = f"{_STEP}/"
    made = {
        name.removeprefix(under): value
        for name, value in took.items()
        if name.startswith(under) and not name.endswith(LOOK)
    }
    marks = {key.rpartition("-")[2] for key in made}
    if len(marks) != 1:
        return f"tasks of {len(marks)} plans took effect: {', '.join(made)}"
    (mark,) = marks
    keys = [f"dig{number}-{mark}" for number in range(1, digs + 1)]
    results: dict[str, JsonValue] = {key: made.get(key) for key in (*keys, f"heap-{mark}")}
    right: dict[str, JsonValue] = {
        "results": results,
        "holes": [f"dig0-{mark}"],
        "below": ["", *(results[key] for key in keys)],
        "value": took.get("tells"),
    }
    return "" if whole == right and made == results else f"it says {whole}, should say {right}"
