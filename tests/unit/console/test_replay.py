"""Runs run again: what an earlier one left is reused wherever it, and all that it reads, is as before."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import JsonValue

from argosy import Pipeline, all_ended, quorum
from argosy.broker.memory_redis import MemoryRedis
from argosy.client.run import Run
from argosy.console.connection import Argosy, Changes
from argosy.schemas.errors import BadArgument, NotFound, RunFailed
from argosy.schemas.fault import Fault
from argosy.schemas.runlog import RunEnded
from argosy.schemas.task import TaskDispatched
from support.shell_world import (
    AGENTS,
    ShellWorld,
    both,
    diamond,
    first,
    many,
    one_of_many,
    second,
    shell_world,
)

BAD = Fault(code="test", message="it failed", retriable=False)


chain = Pipeline("chain", takes=dict[str, str], gives=str)
_one = chain.step(first, chain.input.query("left", str), name="one")
_two = chain.step(second, _one, name="two")
_three = chain.step(first, chain.input.query("right", str), name="three")
chain.returns(chain.step(both, _two, _three, name="four"))

some = Pipeline("some", takes=list[str], gives=str)
_found = some.map(one_of_many, over=some.input, max_parallel=2, join=all_ended())
some.returns(some.step(first, _found.query("[0]", str), name="end"))

inner = Pipeline("inner", takes=str, gives=str)
inner.returns(inner.step(second, inner.step(first, inner.input, name="x"), name="y"))
nested = Pipeline("nested", takes=list[str], gives=str)
_all = nested.map(inner, over=nested.input, max_parallel=3, join=quorum(0.5))
nested.returns(nested.step(both, nested.input.query("[0]", str), _all.query("[0]", str), name="end"))


around = Pipeline("around", takes=str, gives=str)
_round = around.loop(first, around.input, until=lambda text: text == "enough", max_iterations=5, name="round")
around.returns(around.step(second, _round, name="end"))


@asynccontextmanager
async def again_world(*agents: str) -> AsyncGenerator[tuple[ShellWorld, Argosy]]:
    async with shell_world(agents=agents or AGENTS) as world:
        client = Argosy(world.settings, world.kafka.view("client"), MemoryRedis(world.server), world.payloads)
        async with client:
            world.handler = lambda order: f"{order.step} of {order.task_id.partition('/')[0]}"
            yield world, client


def ordered(world: ShellWorld, run: Run[Any]) -> list[str]:
    """Name the tasks of a run that were ever sent to a worker."""
    return sorted(
        {
            order.task_id.partition("/")[2]
            for order in world.seen
            if order.task_id.startswith(f"{run.run_id}/")
        }
    )


def failing(*tasks: str) -> Callable[[TaskDispatched], JsonValue | Fault]:
    """A handler that fails these tasks for good."""
    return lambda order: BAD if order.task_id.partition("/")[2] in tasks else order.step


async def ended(run: Run[Any]) -> RunEnded:
    return await run.ended(timeout_seconds=60)


async def test_from_a_step_on_all_runs_anew_and_nothing_else() -> None:
    async with again_world() as (world, client):
        old = await client.submit(chain, {"left": "a", "right": "b"}, run_id="old")
        await old.result(timeout_seconds=60)
        run = await client.replay("old", from_=["two"])
        assert run.run_id == "old.r1"
        assert await run.result(timeout_seconds=60) == "four of old.r1"
        assert ordered(world, run) == ["four", "two"]
        again = await client.replay("old", from_=["four"])
        assert again.run_id == "old.r2"
        assert await again.result(timeout_seconds=60) == "four of old.r2"
        assert ordered(world, again) == ["four"]
        assert await old.result(timeout_seconds=60) == "four of old"
        await world.until(lambda: not world.left_over())


async def test_another_input_runs_what_reads_the_part_that_differs() -> None:
    async with again_world() as (world, client):
        await (await client.submit(chain, {"left": "a", "right": "b"}, run_id="old")).result(
            timeout_seconds=60
        )
        run = await client.fork("old", {"left": "a", "right": "c"})
        await run.result(timeout_seconds=60)
        assert ordered(world, run) == ["four", "three"]


async def test_another_agent_or_other_terms_of_one_run_its_steps_anew() -> None:
    async with again_world() as (world, client):
        await (await client.submit(chain, {"left": "a", "right": "b"}, run_id="old")).result(
            timeout_seconds=60
        )
        run = await client.replay("old", swap={"second": {"version": "2"}})
        await run.result(timeout_seconds=60)
        assert ordered(world, run) == ["four", "two"]
        swapped = await client.replay("old", swap={"second": first})
        await swapped.result(timeout_seconds=60)
        assert ordered(world, swapped) == ["four", "two"]
        assert {order.agent for order in world.seen if order.task_id == f"{swapped.run_id}/two"} == {"first"}
        with pytest.raises(BadArgument, match="has no agent nobody"):
            await client.replay("old", swap={"nobody": {"version": "2"}})


async def test_a_replay_has_the_budget_and_the_taint_of_the_earlier_run() -> None:
    async with again_world() as (_, client):
        old = await client.submit(
            diamond, "x", run_id="old", tenant="t", budget=7_000, budget_micros=9, untrusted=True
        )
        await old.result(timeout_seconds=60)
        for changes in (Changes(from_=frozenset({"both"})), Changes(value="y")):
            submit = (await client.prepare("old", changes)).submit
            assert (submit.budget, submit.budget_micros, submit.tenant) == (7_000, 9, "t")
            assert submit.untrusted
        again = await client.prepare("old", Changes(value="y"), {"budget": 8_000, "budget_micros": None})
        assert (again.submit.budget, again.submit.budget_micros) == (8_000, 9)
        with pytest.raises(BadArgument, match="budget can't be that"):
            await client.fork("old", "y", budget=0)


async def test_where_nothing_would_run_anew_nothing_is_sent() -> None:
    async with again_world() as (_, client):
        await (await client.submit(diamond, "x", run_id="old")).result(timeout_seconds=60)
        with pytest.raises(BadArgument, match="would run nothing"):
            await client.replay("old")
        with pytest.raises(BadArgument, match="would run nothing"):
            await client.replay("old", swap={"first": {"timeout_seconds": 7, "retries": 9}})
        with pytest.raises(BadArgument, match="nothing of run old is to be tried again"):
            await client.redrive("old")
        with pytest.raises(BadArgument, match="has no step third"):
            await client.replay("old", from_=["third"])
        with pytest.raises(NotFound):
            await client.replay("unknown", from_=["first"])


async def test_a_redrive_tries_again_what_failed_and_what_reads_it() -> None:
    async with again_world() as (world, client):
        world.handler = failing("two")
        old = await client.submit(chain, {"left": "a", "right": "b"}, run_id="old")
        with pytest.raises(RunFailed, match="it failed"):
            await old.result(timeout_seconds=60)
        world.handler = failing()
        run = await client.redrive("old")
        assert await run.result(timeout_seconds=60) == "four"
        assert "one" not in ordered(world, run)
        assert {"two", "four"} <= set(ordered(world, run))


async def test_a_redrive_of_a_map_runs_the_shards_that_failed_and_a_replay_behind_it_none() -> None:
    async with again_world() as (world, client):
        world.handler = failing("one_of_many.1", "one_of_many.4")
        await ended(await client.submit(some, list("abcdef"), run_id="old"))
        behind = await client.replay("old", from_=["end"])
        assert (await ended(behind)).outcome == "succeeded"
        assert ordered(world, behind) == ["end"]
        world.handler = failing()
        run = await client.redrive("old")
        assert (await ended(run)).outcome == "succeeded"
        assert ordered(world, run) == ["end", "one_of_many.1", "one_of_many.4"]


async def test_of_pipelines_in_maps_only_what_is_behind_the_named_step_runs() -> None:
    async with again_world() as (world, client):
        await ended(await client.submit(nested, list("abc"), run_id="old"))
        run = await client.replay("old", from_=["inner/y"])
        assert (await ended(run)).outcome == "succeeded"
        assert not [local for local in ordered(world, run) if local.endswith("/x")]
        assert "end" in ordered(world, run)


async def test_of_a_map_that_was_cut_off_at_its_quorum_nothing_runs_again() -> None:
    cut = Pipeline("cut", takes=list[str], gives=str)
    got = cut.map(one_of_many, over=cut.input, max_parallel=4, join=quorum(3))
    cut.returns(cut.step(first, got.query("[0]", str), name="end"))
    async with again_world() as (world, client):
        world.handler = lambda order: None if order.task_id.endswith(".0") else "done"
        await ended(await client.submit(cut, list("abcdef"), run_id="old"))
        run = await client.replay("old", from_=["end"])
        assert (await ended(run)).outcome == "succeeded"
        assert ordered(world, run) == ["end"]


async def test_what_is_reused_uses_nothing_and_the_new_run_says_what_it_is_a_replay_of() -> None:
    async with again_world() as (_, client):
        await ended(await client.submit(many, ["x"] * 50, run_id="old"))
        run = await client.replay("old", swap={"one_of_many": {"version": "2"}}, new_run_id="new-1")
        done = await ended(run)
        assert run.run_id == "new-1"
        assert done.usage.total_tokens == 0
        assert done.tasks == 50


async def test_a_run_under_way_is_not_run_again() -> None:
    async with again_world() as (world, client):
        world.handler = lambda _: None
        await client.submit(diamond, "x", run_id="old")
        await world.until(lambda: bool(world.seen))
        with pytest.raises(BadArgument, match="still under way"):
            await client.replay("old", from_=["both"])
        world.handler = lambda _: "done"


async def test_a_result_that_is_no_longer_kept_is_told_before_anything_is_sent() -> None:
    async with again_world() as (world, client):
        world.handler = lambda _: "large" * 20_000
        await ended(await client.submit(diamond, "x", run_id="old"))
        world.payloads.collect(-1)
        with pytest.raises(BadArgument, match="no longer kept"):
            await client.replay("old", from_=["both"])


async def test_many_large_results_travel_as_references() -> None:
    async with again_world() as (world, client):
        world.handler = lambda order: order.task_id * 100
        await ended(await client.submit(some, [str(number) for number in range(300)], run_id="old"))
        run = await client.replay("old", from_=["end"])
        assert (await ended(run)).outcome == "succeeded"
        assert ordered(world, run) == ["end"]


async def test_a_loop_that_ended_well_is_taken_over_as_one_and_one_that_did_not_begins_anew() -> None:
    async with again_world() as (world, client):
        world.handler = lambda order: "enough" if order.task_id.endswith("~3") else "more"
        await ended(await client.submit(around, "x", run_id="old"))
        run = await client.replay("old", from_=["end"])
        assert (await ended(run)).outcome == "succeeded"
        assert ordered(world, run) == ["end"]
        anew = await client.replay("old", from_=["round"])
        await ended(anew)
        assert ordered(world, anew) == ["end", "round~1", "round~2", "round~3"]
        world.handler = lambda order: BAD if order.step == "round~2" else "more"
        await ended(await client.submit(around, "x", run_id="bad"))
        world.handler = lambda _: "enough"
        tried = await client.redrive("bad")
        assert (await ended(tried)).outcome == "succeeded"
        assert ordered(world, tried) == ["end", "round~1"]
