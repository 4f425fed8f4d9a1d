"""Stories of plans: who dies, and what is lost, between a planner's return and the end of its tasks."""

import pytest

from support.tale import Tale, tell
from support.tale_cast import MADE, planned

TASKS = ["r/plan", "r/plan/a", "r/plan/b", "r/plan/c", "r/end"]


def result(start: str) -> str:
    """What comes of a plan each of whose effects was made once."""
    a = f"{start} r/plan 1 r/plan/a 1"
    return f"{a} r/plan/b 1 | {a}! | {a}"


@pytest.mark.parametrize("kind", ["task.settled", "task.dispatched", "run.ended"])
def test_whoever_dies_at_a_record_the_first_plan_is_carried_out_and_no_other(kind: str) -> None:
    async def story(tale: Tale) -> None:
        tale.at_record(kind, tale.kill)
        run = await tale.stage.client.submit(planned, "x", run_id="r")
        assert await run.result(timeout_seconds=600) == result("x")

    tale = tell(story)
    assert list(dict.fromkeys(tale.handled)) == TASKS
    assert set(MADE.values()) == {1}


@pytest.mark.parametrize("task", ["r/plan", "r/plan/a", "r/plan/b"])
def test_a_plan_goes_on_whatever_redis_lost_and_is_not_made_again_once_the_log_has_it(task: str) -> None:
    async def story(tale: Tale) -> None:
        run = await tale.stage.client.submit(planned, "logged slow", run_id="r")
        await tale.until(lambda: task in tale.handled)
        tale.lose_redis()
        assert await run.result(timeout_seconds=600) == result("logged slow")

    tale = tell(story)
    assert list(dict.fromkeys(tale.handled)) == TASKS


def test_a_planner_is_told_what_was_wrong_after_everything_was_lost() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.stage.client.submit(planned, "bad", run_id="r")
        await tale.until(lambda: any(b"u:plan" in fields for fields in tale.hashes("run").values()))
        tale.lose_redis()
        assert (await run.result(timeout_seconds=600)).endswith("| told r/plan/a 1! | told r/plan/a 1")

    tell(story)
