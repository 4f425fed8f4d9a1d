"""Stories of deadlines: what a run is told to have ended of, whoever was away when its time was up."""

import asyncio

import pytest

from argosy import RunExpired
from support.tale import Tale, tell
from support.tale_cast import holding


def test_a_run_whose_task_is_claimed_after_its_deadline_expires_though_no_coordinator_was_there_to_say_so() -> (
    None
):
    """The agent has no retries: a failure that stood in the log before the deadline's timer would be the run's."""

    async def story(tale: Tale) -> None:
        run = await tale.stage.client.submit(holding, "go", run_id="r", deadline_seconds=10)

        def stand_still(_who: str) -> None:
            tale.pause("worker-1", 20)
            tale.pause("coordinator-1", 40)

        tale.at_record("task.dispatched", stand_still)
        with pytest.raises(RunExpired):
            await run.result(timeout_seconds=120)

    tale = tell(story)
    assert tale.handled == []
    assert tale.records("argosy.runs", "task.settled") == []


@pytest.mark.parametrize("away", [0, 40])
@pytest.mark.parametrize("how", ["wait", "obey", "cross"])
def test_a_run_whose_handler_is_stopped_at_its_deadline_or_fails_of_it_expires_whoever_is_there_to_say_so(
    how: str, away: float
) -> None:
    """A worker settles no failure at a deadline: it would stand in the log before what the coordinator has to say."""

    async def story(tale: Tale) -> None:
        run = await tale.stage.client.submit(holding, how, run_id="r", deadline_seconds=2)
        if away:
            tale.at_record("task.dispatched", lambda _who: tale.pause("coordinator-1", away))
        await asyncio.sleep(20)
        with pytest.raises(RunExpired):
            await run.result(timeout_seconds=120)

    tale = tell(story)
    assert tale.handled == ["r/stubborn"]
    assert tale.records("argosy.runs", "task.settled") == []
