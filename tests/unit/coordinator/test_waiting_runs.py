"""Runs that wait, in the shell: unloaded meanwhile, answered by reference, refused where rules are old."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from pydantic import BaseModel

from argosy import Approval, Context, Pipeline, RunFailed, RunRefused, agent
from argosy.broker import provision
from argosy.client.connection import Argosy
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.errors import NotFound
from support.shell_world import ShellWorld, client_of, settings_of, shell_world
from support.waiting import eventually


class Big(BaseModel):
    """A value of a signal."""

    text: str


@agent
async def heed(ctx: Context, big: Big, answer: Approval) -> str:
    """Never run here: the world's own handler answers."""
    return f"{ctx.run_id} {big} {answer}"


waits = Pipeline("waits", takes=str, gives=str)
ok = waits.approval("Good?", about=waits.input, name="ok", within_seconds=600)
told = waits.signal("told", Big, within_seconds=600)
waits.returns(waits.step(heed, told, ok, when=ok.pick(lambda answer: answer.approved)))


@asynccontextmanager
async def waiting_world(**fleet: int) -> AsyncGenerator[tuple[ShellWorld, Argosy]]:
    async with shell_world(settings_of(**fleet)) as world, client_of(world) as client:
        await provision.ensure(world.kafka, world.settings, ["heed"])
        working = asyncio.create_task(world.work("heed"), name="worker")
        try:
            yield world, client
        finally:
            working.cancel()


async def waiting(client: Argosy, count: int) -> None:
    async def so_many() -> bool:
        found = await client.waiting()
        return sum(bool(one.about_sha256) for one in found) == count and len(found) == 2 * count

    await eventually(so_many, "all approvals and signals")


async def test_runs_that_wait_are_unloaded_and_go_on_from_redis() -> None:
    async with waiting_world(run_cache_bytes=1) as (world, client):
        runs = [await client.submit(waits, f"v{number}", run_id=f"r{number}") for number in range(30)]
        await waiting(client, 30)
        for run in runs:
            await run.signal("told", 7)
            await run.signal("told", {"text": run.run_id})
            await run.approve("ok", by="ann", sha256=canonical_hash(f"v{run.run_id[1:]}"))
        async with asyncio.TaskGroup() as group:
            for run in runs:
                group.create_task(run.result(timeout_seconds=150))
        assert await client.waiting() == []
        given = {order.task_id: order.inputs for order in world.seen}
        for run in runs:
            big, answer = given[f"{run.run_id}/heed"]
            assert getattr(big.source, "value", None) == {"text": run.run_id}
            assert getattr(answer.source, "value", {})["by"] == "ann"


async def test_a_large_value_goes_by_reference_and_is_checked_all_the_same() -> None:
    async with waiting_world() as (world, client):
        run = await client.submit(waits, "v", run_id="r")
        await waiting(client, 1)
        await run.signal("told", ["x" * 70_000])
        await run.signal("told", {"text": "x" * 70_000})
        await run.approve("ok")
        await run.result(timeout_seconds=150)
        (order,) = world.seen
        assert getattr(order.inputs[0].source, "bytes", 0) > 70_000


async def test_what_is_refused_is_told_to_who_looks() -> None:
    async with waiting_world() as (world, client):
        run = await client.submit(waits, "v", run_id="r")
        await waiting(client, 1)
        await run.signal("told", {"text": 7})

        async def refused() -> bool:
            found = {one.step: one for one in await run.waiting()}
            return "7 is not of type" in found["told"].refusal and found["told"].refused == 1

        await eventually(refused, "a refusal")
        await run.approve("ok", approved=False, reason="no")
        await run.signal("told", {"text": "x"})
        with pytest.raises(RunFailed, match="`when` is not true"):
            await run.result(timeout_seconds=150)
        with pytest.raises(NotFound, match="no approval 'ok'"):
            await run.approve("ok")
        assert world.seen == []


async def test_a_fleet_of_rules_1_refuses_a_pipeline_that_waits_and_says_what_to_do() -> None:
    async with waiting_world(rules=1) as (world, client):
        run = await client.submit(waits, "v", run_id="r")
        with pytest.raises(
            RunRefused, match=r"'ok' \(approval\), 'told' \(signal\).*set ARGOSY_FLEET__RULES=2"
        ):
            await run.result(timeout_seconds=150)
        assert world.seen == []


async def test_a_signal_whose_schema_is_none_is_refused_at_the_submit() -> None:
    async with waiting_world() as (_, client):
        compiled = waits.compile()
        steps = tuple(
            step.model_copy(update={"takes": {"type": 7}}) if step.kind == "signal" else step
            for step in compiled.steps
        )
        run = await client.submit(compiled.model_copy(update={"steps": steps}), "v")
        with pytest.raises(RunRefused, match="what step 'told' takes"):
            await run.result(timeout_seconds=150)
