"""Stories of loops: who dies, and what is lost, between one iteration and the next."""

import pytest

from argosy import Pipeline, size
from support.tale import Tale, tell
from support.tale_cast import inner

again = Pipeline("again", takes=str, gives=str)
again.returns(again.loop(inner, again.input, until=lambda text: size(text) > 55, max_iterations=9))

each = Pipeline("each", takes=list[str], gives=list[str])
each.returns(each.map(again, over=each.input, name="m"))

TASKS = [f"r/inner~{number}/{step}" for number in (1, 2, 3) for step in ("first", "second")]


def gone_round(start: str) -> str:
    return start + "".join(f" r/inner~{number}/first 1!" for number in (1, 2, 3))


@pytest.mark.parametrize("kind", ["task.settled", "task.dispatched", "run.ended"])
def test_whoever_dies_at_a_record_each_iteration_counts_once(kind: str) -> None:
    async def story(tale: Tale) -> None:
        tale.at_record(kind, tale.kill)
        run = await tale.stage.client.submit(again, "x", run_id="r")
        assert await run.result(timeout_seconds=600) == gone_round("x")

    assert list(dict.fromkeys(tell(story).handled)) == TASKS


@pytest.mark.parametrize("writes", [None, 3])
def test_a_loop_goes_on_where_it_was_whatever_redis_lost(writes: int | None) -> None:
    async def story(tale: Tale) -> None:
        run = await tale.stage.client.submit(again, "logged slow", run_id="r")
        await tale.until(lambda: "r/inner~2/first" in tale.handled)
        tale.lose_redis(writes)
        assert await run.result(timeout_seconds=600) == gone_round("logged slow")

    assert list(dict.fromkeys(tell(story).handled)) == TASKS


def test_what_is_forgotten_leaves_nothing_behind() -> None:
    fields: list[set[bytes]] = []

    async def story(tale: Tale) -> None:
        run = await tale.stage.client.submit(again, "logged slow", run_id="r")
        await tale.until(lambda: "r/inner~3/first" in tale.handled)
        fields.extend(set(found) for found in tale.hashes("run").values())
        assert await run.result(timeout_seconds=600) == gone_round("logged slow")
        assert not tale.hashes("task")

    tell(story)
    assert {field for found in fields for field in found if b"~1" in field} == set()


def test_s13_iterations_of_one_name_in_each_shard_are_different_tasks() -> None:
    async def story(tale: Tale) -> None:
        run = await tale.stage.client.submit(each, ["x", "y"], run_id="r")
        assert [text[0] for text in await run.result(timeout_seconds=600)] == ["x", "y"]

    tale = tell(story)
    assert len(tale.handled) == len(set(tale.handled))
    assert "r/m.1/inner~2/first" in tale.handled
