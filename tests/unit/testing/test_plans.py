"""Planners in a simulated fleet: what the tasks of their plans gave, by key."""

import pytest
from pydantic import BaseModel

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.pipelines.recorder import size
from argosy.schemas.errors import Reject, RunFailed
from argosy.schemas.hole import Hole
from argosy.schemas.planning import Plan, PlannedTask, PlanResult, result_of
from argosy.testing.fleet import Fleet
from argosy.testing.lone_context import context


class Part(BaseModel):
    words: list[str]


@agent(retries=2)
async def think(ctx: Context, goal: str) -> Plan:
    if goal == "nonsense" or (goal == "told" and not ctx.refused):
        return Plan(tasks=[PlannedTask(key="x", agent="nobody")])
    words = [
        PlannedTask(key=f"w{n}", agent="find", inputs={"word": word}) for n, word in enumerate(goal.split())
    ]
    both = [result_of(task.key, or_hole=True) for task in words]
    return Plan(tasks=[*words, PlannedTask(key="all", agent="join", inputs={"parts": both})])


@agent(retries=0)
async def find(_: Context, word: str) -> Part:
    if word == "bad":
        message = "no such word"
        raise Reject(message)
    return Part(words=[word])


@agent
async def join(_: Context, parts: list[Part | Hole]) -> Part:
    return Part(words=["?" if isinstance(part, Hole) else part.words[0] for part in parts])


@agent
async def tell(_: Context, found: PlanResult[Part]) -> str:
    whole = found["all"]
    return f"{' '.join(whole.words) if isinstance(whole, Part) else whole.reason} {sorted(found.holes)}"


planning = Pipeline("planning", takes=str, gives=str)
found = planning.plan(think, planning.input, agents=(find, join), max_tasks=5)
planning.returns(planning.step(tell, found))

picked = Pipeline("picked", takes=str, gives=PlanResult[Part])
made = picked.plan(think, picked.input, agents=(find, join), max_tasks=5, max_parallel=1)
picked.returns(made)

counted = Pipeline("counted", takes=str, gives=str)
some = counted.plan(think, counted.input, agents=(find, join), max_tasks=5)
counted.returns(counted.step(tell, some, when=some.pick(lambda plan: size(plan.holes) == 1)))


async def test_a_planners_tasks_are_run_and_their_results_are_given_by_key() -> None:
    async with Fleet(planning, picked) as fleet:
        run = await fleet.submit(planning, "one bad two")
        assert await run.result() == "one ? two ['w1']"
        whole = await fleet.submit(picked, "one two")
        value = await whole.result()
        assert list(value.results) == ["w0", "w1", "all"]
        assert value["w1"] == Part(words=["two"])


async def test_a_planner_alone_is_told_what_a_test_says() -> None:
    why = "x is for 'nobody'; it may be for find, join"
    assert [task.key for task in (await think(context(refused=why), "told")).tasks] == ["w0", "all"]
    assert [task.key for task in (await think(context(), "told")).tasks] == ["x"]


async def test_a_bad_plan_is_tried_again_with_the_reason_and_fails_its_run_in_the_end() -> None:
    async with Fleet(planning) as fleet:
        run = await fleet.submit(planning, "told")
        assert await run.result() == "told []"
        bad = await fleet.submit(planning, "nonsense")
        with pytest.raises(
            RunFailed,
            match="no plan that may be run: x is for 'nobody'; it may be for find, join",
        ):
            await bad.result()


async def test_a_condition_reads_what_a_plan_made() -> None:
    async with Fleet(counted) as fleet:
        run = await fleet.submit(counted, "one bad")
        assert await run.result() == "one ? ['w1']"
