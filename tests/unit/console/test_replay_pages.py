"""Tasks that were cut into pages and failed, run again: the pages that succeeded are not read anew."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from argosy import Context, Pipeline, Plan, PlannedTask, PlanResult, Reject, agent
from argosy.console.connection import Argosy
from argosy.testing.stage import Stage, agents_of, plain_settings
from argosy.testing.world import World

WORDS = [f"word{number:03}" for number in range(150)]
read = Counter[str]()
"""By word, how often it was read."""
bad = set[str]()


@pytest.fixture(autouse=True)
def _nothing_was_read() -> None:
    read.clear()
    bad.clear()


@agent(retries=0, window=400, reserve=20, above="paginate")
async def words(ctx: Context, text: str) -> list[str]:
    """The words of a page; one that has a bad one fails."""
    found = text.split()
    read.update(found)
    if bad & set(found):
        await asyncio.sleep(5)  # its run ends with it: the others are to be over
        raise Reject(f"{ctx.task_id} can't be read")
    return found


@agent(retries=0)
async def planner(ctx: Context, text: str) -> Plan:  # noqa: ARG001
    return Plan(tasks=[PlannedTask(key="a", agent="words", inputs={"text": text})])


@agent(retries=0)
async def count(ctx: Context, found: PlanResult[list[str]]) -> int:  # noqa: ARG001
    return len(found.results["a"])


@agent(retries=0)
async def length(ctx: Context, found: list[str]) -> int:  # noqa: ARG001
    return len(found)


plain = Pipeline("plain", takes=str, gives=int)
plain.returns(plain.step(length, plain.step(words, plain.input, name="q"), name="end"))
planned = Pipeline("planned", takes=str, gives=int)
_made = planned.plan(planner, planned.input, agents=(words,), max_tasks=9, name="q")
planned.returns(planned.step(count, _made, name="end"))


def play(script: Callable[[Stage, Argosy], Coroutine[Any, Any, None]]) -> None:
    world = World(plain_settings(rules=2), seed=1)
    stage = Stage(agents_of((plain, planned)), world)

    async def played() -> None:
        await stage.start(1, {name: [name] for name in stage.agents})
        doors = stage.doors
        async with Argosy(world.settings, doors.kafka, doors.redis, doors.payloads) as fleet:
            await script(stage, fleet)

    try:
        world.loop.run_until_complete(played())
    finally:
        world.close()


@pytest.mark.parametrize("pipeline", [plain, planned])
def test_a_redrive_of_a_cut_task_reads_only_the_pages_that_failed(pipeline: Pipeline[str, int]) -> None:
    async def script(stage: Stage, fleet: Argosy) -> None:
        bad.add(WORDS[-1])
        run = await stage.client.submit(pipeline, "\n\n".join(WORDS), run_id="old")
        assert (await run.ended()).outcome == "failed"
        bad.clear()
        assert set(read.values()) == {1}
        again = await fleet.redrive("old")
        assert await again.result() == len(WORDS)

    play(script)
    twice = [word for word in WORDS if read[word] > 1]
    assert twice
    assert twice == WORDS[-len(twice) :]
    assert len(twice) < len(WORDS) // 2
