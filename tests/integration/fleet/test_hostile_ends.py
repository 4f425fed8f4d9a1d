"""Runs end in other ways than by their work: cancelled, expired, repeated; whatever is left over then is a defect."""

import pytest

from argosy.schemas.errors import RunCancelled, RunConflict, RunExpired
from argosy.schemas.ids import new_run_id
from support.hostile import Act, harmful, peaceful, stopped
from support.hostile_world import ENDED_SECONDS, HostileWorld

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


async def test_a_cancelled_run_stops_its_handlers_and_leaves_nothing(world: HostileWorld) -> None:
    async with world.neighbours("others"):
        run = await world.submit(peaceful, "wait", text="never")
        await world.until_began(f"{run.run_id}/neighbour")
        await run.cancel("changed my mind")
        with pytest.raises(RunCancelled, match="changed my mind"):
            await world.answer(run)
        await world.until_noted(stopped(f"{run.run_id}/neighbour"))
    await run.cancel("once more")
    assert (await world.ended(run)).outcome == "cancelled"
    await world.quiet()


async def test_a_cancel_that_comes_before_its_run_ends_it(world: HostileWorld) -> None:
    run_id = new_run_id()
    early = world.client.run(run_id)
    await early.cancel("too early")

    async def so() -> bool:
        return await early.state() == "cancelled"

    await world.until(so, "the cancel is known")
    run = await world.client.submit(peaceful, Act(kind="x"), run_id=run_id)
    with pytest.raises(RunCancelled, match="too early"):
        await world.answer(run)
    assert await world.settled(run) == []
    await world.quiet()


async def test_a_cancel_of_an_ended_run_changes_nothing(world: HostileWorld) -> None:
    run = await world.submit(peaceful, "x")
    before = await world.ended(run)
    await run.cancel("too late")
    await world.quiet()
    again = await world.client.submit(peaceful, Act(kind="x"), run_id=run.run_id)
    assert await world.ended(again) == before
    assert before.outcome == "succeeded"
    await world.quiet()


async def test_a_run_id_with_the_same_data_has_the_same_result_and_with_other_data_is_a_conflict(
    world: HostileWorld,
) -> None:
    async with world.neighbours("repeats"):
        run = await world.submit(peaceful, "wait", text="repeats")
        await world.until_began(f"{run.run_id}/neighbour")
        active = [
            await world.client.submit(peaceful, Act(kind=kind, text="repeats"), run_id=run.run_id)
            for kind in ("wait", "other")
        ]
        with pytest.raises(RunConflict):
            await world.answer(active[1])
    answer = await world.answer(run)
    assert await world.answer(active[0]) == answer
    ended = [
        await world.client.submit(peaceful, Act(kind=kind, text="repeats"), run_id=run.run_id)
        for kind in ("wait", "other")
    ]
    assert await world.answer(ended[0]) == answer
    with pytest.raises(RunConflict):
        await world.answer(ended[1])
    other = await world.client.submit(harmful, Act(kind="wait", text="repeats"), run_id=run.run_id)
    with pytest.raises(RunConflict):
        await world.answer(other)
    assert len(await world.settled(run)) == 1
    await world.quiet()


async def test_a_run_at_its_deadline_expires_and_its_handlers_stop(world: HostileWorld) -> None:
    async with world.neighbours("deadline"):
        run = await world.begun_before(8)
        with pytest.raises(RunExpired):
            await run.result(timeout_seconds=ENDED_SECONDS)
        await world.until_noted(stopped(f"{run.run_id}/neighbour"))
    await world.quiet()


async def test_a_run_whose_deadline_passed_before_it_was_accepted_expires(world: HostileWorld) -> None:
    run = await world.client.submit(peaceful, Act(kind="wait", text="never"), deadline_seconds=0.001)
    with pytest.raises(RunExpired):
        await run.result(timeout_seconds=ENDED_SECONDS)
    await world.quiet()
