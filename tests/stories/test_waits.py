"""Stories of runs that wait for people: who dies, and what is lost, between an answer and what it does."""

import pytest

from argosy import Run, RunFailed
from argosy.schemas.canonical import canonical_hash
from support.tale import Tale, tell
from support.tale_cast import asking

ABOUT = canonical_hash("slow r/first 1")


async def asked(tale: Tale) -> Run[str]:
    return await tale.stage.client.submit(asking, "slow", run_id="r", deadline_seconds=100)


async def waits(tale: Tale, step: str) -> None:
    field = f"w:{step}".encode()
    await tale.until(lambda: any(field in fields for fields in tale.hashes("run").values()))


async def answered(run: Run[str]) -> str:
    """Answer wrong and right; the right signal comes twice."""
    await run.approve("ok", approved=False, sha256="0" * 64)
    await run.approve("ok", sha256=ABOUT)
    for value, signal_id in ((7, "wrong"), ("go", "right"), ("go", "right"), ("late", "other")):
        await run.signal("word", value, signal_id=signal_id)
    return await run.result(timeout_seconds=90)


def test_s12_answers_that_come_before_their_steps_wait_are_kept_and_the_first_right_one_counts() -> None:
    async def story(tale: Tale) -> None:
        run = await asked(tale)
        await tale.until(lambda: tale.handled)
        assert await answered(run) == "go!"

    assert tell(story).handled == ["r/first", "r/second"]


def test_an_answer_outlives_its_coordinator_and_all_of_redis() -> None:
    async def story(tale: Tale) -> None:
        run = await asked(tale)
        await waits(tale, "ok")
        tale.at_record("signal.received", tale.kill)
        await run.approve("ok", sha256=ABOUT)
        tale.lose_redis()
        assert await answered(run) == "go!"

    assert tell(story).handled == ["r/first", "r/second"]


@pytest.mark.parametrize("kind", ["signal.received", "task.settled", "task.dispatched"])
def test_whoever_dies_at_a_record_an_answer_counts_once(kind: str) -> None:
    async def story(tale: Tale) -> None:
        run = await asked(tale)
        await waits(tale, "ok")
        tale.at_record(kind, tale.kill)
        assert await answered(run) == "go!"

    assert tell(story).handled == ["r/first", "r/second"]


@pytest.mark.parametrize("writes", [None, 9])
def test_a_wait_ends_at_its_time_whatever_was_lost_meanwhile(writes: int | None) -> None:
    async def story(tale: Tale) -> None:
        run = await asked(tale)
        await waits(tale, "ok")
        tale.lose_redis(writes)
        with pytest.raises(RunFailed, match="expired: ok waited 60 s for an approval"):
            await run.result(timeout_seconds=90)

    tell(story)


def test_no_answer_is_a_no_and_a_no_is_no_failure() -> None:
    async def story(tale: Tale) -> None:
        run = await asked(tale)
        await run.approve("ok", approved=False, reason="not now", sha256=ABOUT)
        await run.signal("word", "go")
        with pytest.raises(RunFailed, match="skipped: `when` is not true"):
            await run.result(timeout_seconds=90)

    assert tell(story).handled == ["r/first"]
