"""What adaptive windows are for: who is more urgent is soon served by a slow agent, and nobody is served later."""

import asyncio

from argosy import Context, Pipeline, agent
from argosy.testing import Fleet
from argosy.testing.stage import plain_settings


@agent(concurrency=4)
async def slow(_ctx: Context, number: int) -> int:
    await asyncio.sleep(10)
    return number


crowd = Pipeline("crowd", takes=list[int], gives=list[int])
crowd.returns(crowd.map(slow, over=crowd.input, max_parallel=1_000))
urgent = Pipeline("urgent", takes=int, gives=int)
urgent.returns(urgent.step(slow, urgent.input))


async def served(least: int) -> tuple[float, float]:
    """Say how long an urgent run took beside two hundred tasks, and how long these took."""
    settings = plain_settings(lanes=1, dispatch_window=256, dispatch_window_least=least)
    async with Fleet(crowd, urgent, settings=settings) as fleet:
        many = await fleet.submit(crowd, [*range(200)])
        await fleet.advance(200)
        began = fleet.now
        assert await (await fleet.submit(urgent, 7, priority=9)).result() == 7
        took = fleet.now - began
        assert await many.result() == [*range(200)]
        return took, fleet.now


async def test_an_urgent_run_waits_for_seconds_of_work_and_not_for_all_that_is_out() -> None:
    took, whole = await served(2)
    took_fixed, whole_fixed = await served(256)
    print(took, took_fixed, whole, whole_fixed)  # noqa: T201 - the figures
    assert took <= 45
    assert took_fixed >= 200
    assert whole <= 1.02 * whole_fixed
