"""Runs with plans run again: the plan, and what its tasks left, are taken over wherever they are as before."""

from collections.abc import Callable

import pytest
from pydantic import JsonValue

from argosy import Context, Hole, Pipeline, Plan, PlannedTask, PlanResult, agent
from argosy.schemas.errors import BadArgument
from argosy.schemas.fault import Fault
from argosy.schemas.payload import Inline
from argosy.schemas.task import TaskDispatched
from support.shell_world import first
from unit.console.test_replay import BAD, again_world, ended, ordered


@agent(retries=0)
async def planner(ctx: Context, goal: str) -> Plan:  # noqa: ARG001
    return Plan(tasks=[PlannedTask(key="a", agent="part", inputs={"given": goal})])


@agent(retries=0)
async def part(ctx: Context, given: str | Hole) -> str:  # noqa: ARG001
    return str(given)


@agent(retries=0)
async def tell(ctx: Context, made: PlanResult[str]) -> str:  # noqa: ARG001
    return "told"


AGENTS = ("first", "planner", "part", "tell")

planned = Pipeline("planned", takes=str, gives=str)
_start = planned.step(first, planned.input, name="start")
_made = planned.plan(planner, _start, agents=(part,), max_tasks=9, name="q")
planned.returns(planned.step(tell, _made, name="end"))

each = Pipeline("each", takes=list[str], gives=list[str])
each.returns(each.map(planned, over=each.input, name="m"))

PLAN: JsonValue = {
    "tasks": [
        {"key": "late", "agent": "part", "inputs": {"given": {"result_of": "b"}}},
        {"key": "a", "agent": "part", "inputs": {"given": "words"}},
        {"key": "b", "agent": "part", "inputs": {"given": {"result_of": "a", "or_hole": True}}},
        {"key": "c", "agent": "part", "inputs": {"given": "more"}},
    ]
}


def playing(*bad: str) -> Callable[[TaskDispatched], JsonValue | Fault]:
    """A handler that plans, and fails these tasks for good."""

    def play(order: TaskDispatched) -> JsonValue | Fault:
        if order.agent == "planner":
            return BAD if "q" in bad else PLAN
        return BAD if order.task_id.partition("/")[2] in bad else f"{order.step} of {order.task_id[:3]}"

    return play


async def test_a_redrive_of_a_plan_runs_what_failed_and_what_waits_for_it_and_plans_nothing_anew() -> None:
    async with again_world(*AGENTS) as (world, client):
        world.handler = playing("q/a", "end")
        await ended(await client.submit(planned, "x", run_id="old"))
        world.handler = playing()
        run = await client.redrive("old")
        assert (await ended(run)).outcome == "succeeded"
        assert ordered(world, run) == ["end", "q/a", "q/b", "q/late"]
        given = next(order for order in world.seen if order.task_id == f"{run.run_id}/end").inputs[0].source
        assert isinstance(given, Inline)
        assert given.value == {
            "results": {key: f"q/{key} of old" for key in ("late", "a", "b", "c")},
            "holes": {},
        }
        await world.until(lambda: not world.left_over())


async def test_a_redrive_after_a_plan_that_failed_nowhere_runs_only_what_is_behind_it() -> None:
    async with again_world(*AGENTS) as (world, client):
        world.handler = playing("end")
        await ended(await client.submit(planned, "x", run_id="old"))
        world.handler = playing()
        run = await client.redrive("old")
        assert (await ended(run)).outcome == "succeeded"
        assert ordered(world, run) == ["end"]


async def test_a_replay_behind_a_plan_takes_its_holes_over_and_one_of_a_planner_that_failed_its_fault() -> (
    None
):
    async with again_world(*AGENTS) as (world, client):
        world.handler = playing("q/a")
        await ended(await client.submit(planned, "x", run_id="old"))
        world.handler = playing()
        run = await client.replay("old", from_=["end"])
        await ended(run)
        assert ordered(world, run) == ["end"]
        world.handler = playing("q")
        bad = await ended(await client.submit(planned, "x", run_id="bad"))
        assert bad.fault is not None
        with pytest.raises(BadArgument, match="would run nothing"):
            await client.replay("bad")
        world.handler = playing()
        tried = await client.redrive("bad")
        assert (await ended(tried)).outcome == "succeeded"
        assert ordered(world, tried) == ["end", "q", "q/a", "q/b", "q/c", "q/late"]


async def test_a_replay_from_a_planned_task_runs_it_and_what_waits_for_it() -> None:
    async with again_world(*AGENTS) as (world, client):
        world.handler = playing()
        await ended(await client.submit(planned, "x", run_id="old"))
        run = await client.replay("old", from_=["q/b"])
        assert (await ended(run)).outcome == "succeeded"
        assert ordered(world, run) == ["end", "q/b", "q/late"]
        anew = await client.replay("old", from_=["q"])
        await ended(anew)
        assert ordered(world, anew) == ["end", "q", "q/a", "q/b", "q/c", "q/late"]
        with pytest.raises(BadArgument, match="has no step q/nothing"):
            await client.replay("old", from_=["q/nothing"])


async def test_plans_in_maps_are_taken_over_each_by_itself() -> None:
    async with again_world(*AGENTS) as (world, client):
        world.handler = playing("m.1/q/a", "m.1/end")
        await ended(await client.submit(each, ["x", "y"], run_id="old"))
        world.handler = playing()
        run = await client.redrive("old")
        assert (await ended(run)).outcome == "succeeded"
        assert ordered(world, run) == ["m.1/end", "m.1/q/a", "m.1/q/b", "m.1/q/late"]
        again = await client.replay("old", from_=["m/q/c"])
        assert (await ended(again)).outcome == "succeeded"
        assert ordered(world, again) == ["m.0/end", "m.0/q/c", "m.1/end", "m.1/q/c"]


async def test_a_fork_with_another_input_plans_anew() -> None:
    async with again_world(*AGENTS) as (world, client):
        world.handler = playing()
        await ended(await client.submit(planned, "x", run_id="old"))
        run = await client.fork("old", "y")
        await ended(run)
        assert ordered(world, run) == ["end", "q", "q/a", "q/b", "q/c", "q/late", "start"]


async def test_a_run_that_was_cut_off_in_a_plan_goes_on_there() -> None:
    async with again_world(*AGENTS) as (world, client):
        usual = playing()
        world.handler = lambda order: None if order.step == "q/b" else usual(order)
        old = await client.submit(planned, "x", run_id="old")
        await world.until(lambda: any(order.step == "q/b" for order in world.seen))
        await old.cancel("enough")
        await ended(old)
        world.handler = usual
        run = await client.redrive("old")
        assert (await ended(run)).outcome == "succeeded"
        assert "q" not in ordered(world, run)
        assert "q/a" not in ordered(world, run)
