"""Loops in whole runs: real workers and lanes on the twins of Kafka and Redis."""

import pytest
from pydantic import BaseModel

from argosy import Context, Pipeline, RunFailed, agent
from argosy.testing import Fleet


class Draft(BaseModel):
    """What is mended until nothing is wrong with it."""

    text: str
    wrong: int


@agent
async def mend(ctx: Context, draft: Draft, by: str) -> Draft:
    """Mend one thing."""
    return Draft(text=f"{draft.text} {ctx.task_id.partition('/')[2]}:{by}", wrong=draft.wrong - 1)


@agent
async def write(ctx: Context, draft: Draft) -> Draft:
    """Begin a round."""
    del ctx
    return draft


@agent
async def review(ctx: Context, draft: Draft) -> Draft:
    """Find one thing less."""
    del ctx
    return Draft(text=f"{draft.text}.", wrong=draft.wrong - 1)


async def test_a_loop_of_an_agent_goes_round_until_its_condition_is_true() -> None:
    pipeline = Pipeline("mending", takes=Draft, gives=Draft)
    by = pipeline.input.query("text", str)
    pipeline.returns(
        pipeline.loop(mend, pipeline.input, sharing=by, until=lambda d: d.wrong == 0, max_iterations=9)
    )
    async with Fleet(pipeline) as fleet:
        run = await fleet.submit(pipeline, Draft(text="a", wrong=3))
        await fleet.settle()
        assert await run.result() == Draft(text="a mend~1:a mend~2:a mend~3:a", wrong=0)


async def test_a_worker_that_dies_in_an_iteration_makes_it_once() -> None:
    pipeline = Pipeline("mending", takes=Draft, gives=Draft)
    by = pipeline.input.query("text", str)
    pipeline.returns(
        pipeline.loop(mend, pipeline.input, sharing=by, until=lambda d: d.wrong == 0, max_iterations=9)
    )
    async with Fleet(pipeline) as fleet:
        fleet.crash(mend, at="after_store", times=2)
        run = await fleet.submit(pipeline, Draft(text="a", wrong=3))
        await fleet.advance(10)
        fleet.lose_redis()
        await fleet.advance(600)
        assert (await run.result()).text == "a mend~1:a mend~2:a mend~3:a"


async def test_pipelines_loop_in_the_shards_of_a_map() -> None:
    child = Pipeline("round", takes=Draft, gives=Draft)
    child.returns(child.step(review, child.step(write, child.input)))
    each = Pipeline("each", takes=Draft, gives=Draft)
    each.returns(each.loop(child, each.input, until=lambda d: d.wrong <= 0, max_iterations=5))
    pipeline = Pipeline("all", takes=list[Draft], gives=list[Draft])
    pipeline.returns(pipeline.map(each, over=pipeline.input))
    async with Fleet(pipeline) as fleet:
        run = await fleet.submit(
            pipeline, [Draft(text=name, wrong=wrong) for name, wrong in (("a", 1), ("b", 4))]
        )
        await fleet.settle()
        assert [draft.text for draft in await run.result()] == ["a.", "b...."]


async def test_a_loop_that_is_exhausted_says_how_often_it_went_round() -> None:
    pipeline = Pipeline("never", takes=Draft, gives=Draft)
    pipeline.returns(pipeline.loop(review, pipeline.input, until=lambda d: d.text == "", max_iterations=3))
    async with Fleet(pipeline) as fleet:
        run = await fleet.submit(pipeline, Draft(text="a", wrong=1))
        await fleet.settle()
        with pytest.raises(RunFailed, match="review ran 3 times"):
            await run.result()
