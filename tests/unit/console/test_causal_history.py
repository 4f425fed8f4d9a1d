"""A run's history: by cause and effect, with what each record led to, whatever the clocks said."""

from argosy import Context, Hole, Pipeline, Reject, Retry, agent
from argosy.console.causal_history import causal_history
from argosy.testing import Fleet
from support.told_runs import told


async def look(text: str) -> str:
    return text


@agent(backoff_seconds=1)
async def slow(ctx: Context, text: str) -> str:
    await ctx.step("look", look, text, log=True)
    if ctx.attempt == 1:
        raise Retry("not yet", after_seconds=5)
    return text


@agent(retries=0)
async def broken(ctx: Context, text: str) -> str:
    raise Reject(f"no {text} in task {ctx.task_id.rpartition('/')[2]}")


@agent
async def both(ctx: Context, one: str, two: str | Hole) -> str:  # noqa: ARG001
    return one


pipeline = Pipeline("told", takes=str, gives=str)
pipeline.returns(
    pipeline.step(both, pipeline.step(slow, pipeline.input), pipeline.step(broken, pipeline.input).or_hole())
)


async def test_orders_retries_timers_memos_and_holes_stand_after_the_record_that_caused_them() -> None:
    async with Fleet(pipeline) as fleet:
        run = await fleet.submit(pipeline, "a")
        await fleet.advance(60)
        history = told(fleet, run)
    entries = causal_history(history)
    assert [(each.offset, each.follows) for each in entries] == sorted(
        (each.offset, each.follows) for each in entries
    )
    assert all(each.cause is None or each.cause <= each.offset for each in entries)
    kinds = [(each.kind, each.task) for each in entries if each.kind not in ("armed", "disarmed")]
    assert kinds[:3] == [("run.accepted", ""), ("ordered", "slow"), ("ordered", "broken")]
    assert kinds[-1] == ("run.ended", "")
    for each in (
        ("step.recorded", "slow"),
        ("backing_off", "slow"),
        ("timer.fired", "slow"),
        ("failed", "broken"),
        ("hole", "both"),
    ):
        assert each in kinds
    hole = next(each for each in entries if each.kind == "hole")
    assert hole.what.startswith("two goes on without broken, failed: no a in task broken")
    ordered = [each.what for each in entries if each.kind == "ordered" and each.task == "slow"]
    assert ordered == ["attempt 1 for slow", "attempt 2 for slow"]
    timers = [each.what for each in entries if each.task == "slow" and each.kind in ("armed", "timer.fired")]
    assert timers[0] == "slow is tried again"
    assert timers[1].startswith("slow is tried again: armed at ")
    assert {each.task for each in causal_history(history, "slow")} == {"slow"}
    assert causal_history(history, f"{run.run_id}/both") == causal_history(history, "both") != []
    assert causal_history(history, "bot") == []
