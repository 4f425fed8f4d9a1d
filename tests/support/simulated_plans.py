"""A simulated load most of whose runs have a planner: plans that are wide, deep, bad at first, or bad for good."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from argosy import Context, Pipeline, PlannedTask, PlanResult, agent, result_of
from argosy import Plan as Planned
from argosy.pipelines.agent import Agent
from argosy.schemas.errors import Reject
from argosy.testing.oracle import Finding, Story
from argosy.testing.stage import agents_of
from support.simulated_agents import PIPELINES
from support.simulated_load import SimulatedLoad
from support.simulated_runs import KINDS, Plan, loaded, wrong_fault

LARGE = 70_000


class Goal(BaseModel):
    """What is planned."""

    seed: int
    tasks: int
    bad: int = 0
    """Attempts that return a plan which may not be run."""
    failing: float = 0.0
    pad: str = ""


class Done(BaseModel):
    """What a planned task gives: its own key, and those of all that it was made of."""

    path: list[str]
    pad: str = ""


def drawn(goal: Goal) -> list[tuple[str, list[str]]]:
    """Say which tasks are planned, and what each reads: the same wherever it is asked."""
    chance = random.Random(goal.seed)  # noqa: S311 - repeatable
    keys = [f"t{number}" for number in range(goal.tasks)]
    return [
        (key, chance.sample(keys[:number], min(number, chance.choice((0, 1, 2)))))
        for number, key in enumerate(keys)
    ]


def fails(goal: Goal, key: str) -> bool:
    """Say whether a task fails for good."""
    return random.Random(f"{goal.seed} {key}").random() < goal.failing  # noqa: S311 - repeatable


@agent(retries=3, backoff_seconds=0.2, max_deliveries=30)
async def plan_it(ctx: Context, goal: Goal) -> Planned:
    """Plan, badly at first if so told."""
    if ctx.attempt <= goal.bad:
        return Planned(tasks=[PlannedTask(key="t", agent="nobody")])
    tasks = [
        PlannedTask(
            key=key,
            agent="do_it" if reads else "begin_it",
            inputs={"given": [result_of(each) for each in reads], "pad": goal.pad[:1000]}
            if reads
            else {"fail": fails(goal, key)},
        )
        for key, reads in drawn(goal)
    ]
    return Planned(tasks=tasks[::-1])


@agent(retries=3, backoff_seconds=0.2, max_deliveries=30)
async def begin_it(ctx: Context, fail: bool) -> Done:  # noqa: FBT001 - an input
    """Begin a path."""
    if fail:
        message = "told to"
        raise Reject(message)
    return Done(path=[ctx.task_id.rpartition("/")[2]], pad="x" * LARGE if ctx.task_id.endswith("t1") else "")


@agent(retries=3, backoff_seconds=0.2, max_deliveries=30)
async def do_it(ctx: Context, given: list[Done], pad: str) -> Done:
    """Go on where others ended."""
    if ctx.attempt == 1 and random.Random(ctx.task_id).random() < 0.2:  # noqa: S311 - repeatable
        message = "not this time"
        raise RuntimeError(message)
    key = ctx.task_id.rpartition("/")[2]
    return Done(path=[*sorted({each for done in given for each in done.path}), key], pad=pad[:10])


@agent(retries=3, backoff_seconds=0.2, max_deliveries=30)
async def tell(ctx: Context, made: PlanResult[Done]) -> dict[str, list[str]]:
    """Say what came of it."""
    assert ctx.task_id
    return {key: done.path for key, done in made.results.items()} | {key: [] for key in made.holes}


planned = Pipeline("planned", takes=Goal, gives=dict[str, list[str]])
planned.returns(
    planned.step(
        tell, planned.plan(plan_it, planned.input, agents=(begin_it, do_it), max_tasks=12, max_parallel=3)
    )
)
each_planned = Pipeline("each-planned", takes=list[Goal], gives=list[dict[str, list[str]]])
each_planned.returns(each_planned.map(planned, over=each_planned.input, name="m", max_parallel=2))

OURS = (planned, each_planned)


def _goal(chance: random.Random, bad: int = 0) -> Goal:
    failing = chance.choice((0.0, 0.0, 0.4))
    return Goal(seed=chance.randrange(10**6), tasks=chance.randint(0, 7), failing=failing, bad=bad)


PLANNED: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = {
    **{name: (weight / 8, make) for name, (weight, make) in KINDS.items()},
    "planned": (5, lambda chance: Plan(planned, _goal(chance))),
    "bad_at_first": (2, lambda chance: Plan(planned, _goal(chance, bad=1))),
    "bad": (1, lambda chance: Plan(planned, _goal(chance, bad=9), frozenset({"failed"}), fault="bad_plan")),
    "each": (2, lambda chance: Plan(each_planned, [_goal(chance) for _ in range(chance.choice((0, 1, 3)))])),
    "cancel": (1, lambda chance: Plan(planned, _goal(chance), frozenset({"succeeded", "cancelled"}))),
}
"""As `KINDS`."""


def wanted(goal: Goal) -> dict[str, list[str]]:
    """Say what must come of a goal."""
    found: dict[str, list[str]] = {}
    for key, reads in drawn(goal):
        holes = any(not found[each] for each in reads) or (not reads and fails(goal, key))
        found[key] = [] if holes else [*sorted({step for each in reads for step in found[each]}), key]
    return found


@dataclass
class PlanningLoad(SimulatedLoad):
    """As `SimulatedLoad`, with planners."""

    agents: Mapping[str, Agent[..., Any]] = field(default_factory=lambda: agents_of((*PIPELINES, *OURS)))
    kinds: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = field(
        default_factory=lambda: PLANNED
    )

    def judged(self, run_id: str, plan: Plan, story: Story) -> Iterator[Finding]:
        """Judge that each planned task was given what it names, once, and failed ones left holes and no more."""
        if plan.pipeline not in OURS:
            yield from super().judged(run_id, plan, story)
            return
        end = story.ended[0]
        yield from wrong_fault(run_id, plan, end)
        result: Any = loaded(end, self.world)
        if end.outcome != "succeeded" or result is None:
            return
        goals = plan.value if plan.pipeline is each_planned else [plan.value]
        for goal, found in zip(goals, result if plan.pipeline is each_planned else [result], strict=True):
            if found != wanted(goal):
                yield Finding("inputs differ", f"{run_id}: {found}, wanted: {wanted(goal)}")
