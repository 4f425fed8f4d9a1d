"""Whatever a handler does harms its own task at most: each ends with a clear reason, its neighbours succeed."""

import pytest

from support.hostile import FATAL, HARD_RESULT_BYTES, RAISES, UNSAYABLE, harmful, hasty, peaceful
from support.hostile_world import HostileWorld

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]


async def test_whatever_a_handler_raises_its_task_fails_with_the_reason_and_the_worker_goes_on(
    world: HostileWorld,
) -> None:
    restarts = world.restarts()
    async with world.neighbours("raised"):
        runs = {kind: await world.submit(harmful, kind) for kind in RAISES}
        for kind, run in runs.items():
            fault = await world.fault(run)
            _, code, text = RAISES[kind]
            assert (code, text in fault.message) == (fault.code, True), f"{kind}: {fault}"
            assert fault.task_id == f"{run.run_id}/misbehave"
    assert world.restarts() == restarts
    await world.quiet()


async def test_a_validator_that_raises_anything_fails_its_task(world: HostileWorld) -> None:
    restarts = world.restarts()
    fault = await world.fault(await world.submit(harmful, "broken-validator"))
    assert fault.code == "handler_error"
    assert "ZeroDivisionError" in fault.message
    assert world.restarts() == restarts
    await world.quiet()


@pytest.mark.parametrize("kind", [*UNSAYABLE, "another-type"])
async def test_a_result_that_nobody_could_read_fails_its_task_with_the_reason(
    world: HostileWorld, kind: str
) -> None:
    restarts = world.restarts()
    fault = await world.fault(await world.submit(harmful, kind))
    assert fault.code == "invalid_result", fault
    assert len(fault.message) < 3_000
    assert world.restarts() == restarts
    await world.quiet()


async def test_a_handler_that_eats_all_memory_fails_its_task_and_its_neighbours_go_on(
    world: HostileWorld,
) -> None:
    restarts = world.restarts()
    async with world.neighbours("devoured"):
        fault = await world.fault(await world.submit(harmful, "devour"))
        assert (fault.code, "MemoryError" in fault.message) == ("handler_error", True), fault
    assert world.restarts() == restarts
    await world.quiet()


async def test_a_result_over_the_hard_cap_is_a_small_failure_with_its_figures(world: HostileWorld) -> None:
    size = HARD_RESULT_BYTES + 1
    fault = await world.fault(await world.submit(harmful, size=size))
    assert fault.code == "result_too_large"
    assert fault.figures["bytes"] > size
    assert fault.figures["limit"] == HARD_RESULT_BYTES
    fits = await world.submit(harmful, size=HARD_RESULT_BYTES - 1_000)
    assert len((await world.answer(fits)).text) == HARD_RESULT_BYTES - 1_000
    await world.quiet()


async def test_a_handler_that_hangs_fails_at_its_time_limit(world: HostileWorld) -> None:
    restarts = world.restarts()
    fault = await world.fault(await world.submit(hasty, "hang"))
    assert fault.code == "timeout"
    assert "time limit (5 s" in fault.message
    assert world.restarts() == restarts
    await world.quiet()


async def test_a_worker_whose_handler_ignores_its_cancellation_ends_and_is_started_again(
    world: HostileWorld,
) -> None:
    restarts = world.restarts()
    async with world.neighbours("ignored"):
        run = await world.submit(hasty, "ignore")
        assert (await world.fault(run)).code == "timeout"
        await world.until_logged(
            f"argosy worker: the handler of {run.run_id}/hurried#1 was told to stop (limit)"
        )
    await world.until_restarted(restarts + 1)
    await world.unharmed([await world.submit(peaceful)])
    await world.quiet()


async def test_a_handler_that_blocks_the_loop_loses_its_task_to_another_worker(world: HostileWorld) -> None:
    restarts = world.restarts()
    run = await world.submit(harmful, "block")
    assert (await world.answer(run)).kind == "block"
    await world.until_logged("a handler blocks it")
    await world.until_restarted(restarts + 1)
    assert [each.outcome for each in await world.settled(run)] == ["succeeded"]
    await world.quiet()


async def test_a_handler_that_cancels_everything_ends_its_worker_with_the_reason(world: HostileWorld) -> None:
    restarts, told = (
        world.restarts(),
        world.log().count("Traceback"),
    )  # handlers of earlier tests raised, and were told
    run = await world.submit(harmful, "cancel-all")
    assert (await world.answer(run)).kind == "cancel-all"
    await world.until_restarted(restarts + 1)
    assert "argosy worker: a handler has ended the event loop, or cancelled tasks that" in world.log()
    assert world.log().count("Traceback") == told
    await world.quiet()


async def test_tasks_that_always_take_their_worker_down_are_poison_and_their_neighbours_are_not(
    world: HostileWorld,
) -> None:
    restarts = world.restarts()

    async def died() -> bool:
        return world.restarts() > restarts

    async def died_twice() -> bool:
        return world.restarts() >= restarts + 2

    async with world.neighbours("poison"):
        runs = {kind: await world.submit(harmful, kind, times=100) for kind in FATAL}
        await world.until(died, "a worker died")
        world.release("poison")  # what was claimed in it is suspect as well, and suspects run one at a time
        for kind, run in runs.items():
            fault = await world.fault(run)
            assert (fault.code, fault.figures) == ("poison", {"deliveries": 2}), f"{kind}: {fault}"
            assert "2 workers in turn died, or lost their lease, while they ran this task" in fault.message
            assert fault.task_id == f"{run.run_id}/misbehave"
    await world.until(died_twice, "both workers died")
    await world.until_ready()
    await world.quiet()
