"""What a user sees of a test of theirs that fails: their own lines, and what happened in the fleet."""

import traceback
from typing import TYPE_CHECKING

import pytest

from argosy import Context, Pipeline, agent
from argosy.schemas.errors import ConfigurationError, NotFound, RunFailed
from argosy.testing.fleet import Fleet

if TYPE_CHECKING:
    from argosy.testing.traps import At


@agent(retries=0)
async def shout(ctx: Context, text: str) -> str:  # noqa: ARG001
    if text == "boom":
        message = "boom"
        raise ValueError(message)
    return text.upper()


loud = Pipeline("loud", takes=str, gives=str)
loud.returns(loud.step(shout, loud.input))


def notes(error: BaseException) -> str:
    return "\n".join(error.__notes__)


async def test_an_error_of_a_run_shows_the_users_lines_and_the_story_once() -> None:
    with pytest.raises(RunFailed, match="boom") as caught:
        async with Fleet(loud) as fleet:
            await (await fleet.submit(loud, "boom", run_id="r-1")).result()
    assert notes(caught.value).count("the last things that happened in the fleet:") == 1
    assert "handler of r-1/shout#1 begins" in notes(caught.value)
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert not [name for name in files if name.endswith(("virtual_loop.py", "client/run.py"))]
    assert [entry.name for entry in caught.traceback.filter(caught)] == [
        "test_an_error_of_a_run_shows_the_users_lines_and_the_story_once"
    ]


async def test_an_assertion_that_fails_tells_the_story_too() -> None:
    with pytest.raises(AssertionError) as caught:
        async with Fleet(loud) as fleet:
            assert await (await fleet.submit(loud, "x")).result() == "x"
    assert "run.ended.v1" in notes(caught.value)


async def test_what_a_handler_raises_is_told_from_its_own_line_on_and_the_end_is_silent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with Fleet(loud) as fleet:
        with pytest.raises(RunFailed):
            await (await fleet.submit(loud, "boom")).result()
        await (await fleet.submit(loud, "x")).result()
    told = capsys.readouterr().err
    assert "in shout" in told
    assert "verdict.py" not in told
    assert "the simulation is over" not in told


async def test_a_wrong_word_is_answered_in_three_lines() -> None:
    async with Fleet(loud) as fleet:
        nowhere: At = "nowhere"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
        history = await fleet.history(await fleet.submit(loud, "x"))
        with pytest.raises(ConfigurationError) as no_place:
            fleet.crash(shout, at=nowhere)
        with pytest.raises(ConfigurationError) as no_agent:
            fleet.crash("nobody", at="in_handler")
        with pytest.raises(NotFound) as no_task:
            history.task("nothing")
    for caught in (no_place.value, no_agent.value, no_task.value):
        assert caught.why
        assert caught.do
