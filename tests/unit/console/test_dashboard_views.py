"""What pages say of joins, of one task, and of texts that others wrote."""

import pytest

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.console.dashboard_joins import joins
from argosy.console.dashboard_task import payload_of, task_shown, value_of
from argosy.schemas.errors import NotFound
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.runlog import StepRecorded
from support.fold_pipelines import accepted, listing, mapped, pipeline, task
from support.told_pages import Told, done, lost

JOIN = pipeline(task("a", "input"), task("b", "input"), task("z", "a?", "b?"))


def test_a_join_says_what_it_waits_for_and_what_came_as_a_hole() -> None:
    run = Told().add(accepted(JOIN), lost("a"))
    (found,) = joins(run.history, run.progress)
    assert (found.name, found.policy, found.said) == ("z", "all must end", "waits for b")
    assert [(each.name, each.ended, each.hole) for each in found.parents] == [
        ("a", True, "failed: no use"),
        ("b", False, ""),
    ]
    run.add(done("b"))
    assert joins(run.history, run.progress)[0].said == "it went on with all"


def test_a_quorum_of_shards_is_told_in_numbers() -> None:
    whole = pipeline(mapped("m", "input", join={"policy": "quorum", "count": 2}))
    run = Told().add(accepted(whole, facts={"list:": listing("1", "2", "3")}), done("m.1"))
    (found,) = joins(run.history, run.progress)
    assert found.policy == "of its shards: 2 successes"
    assert found.said == "1 of 3 shards have ended, 1 of them with success"


async def test_a_task_shows_attempts_inputs_result_and_memos() -> None:
    memo = StepRecorded(task_id="r/b", attempt=1, name="paid", value={"to": "\x1b[31mred"})
    run = Told().add(accepted(pipeline(task("a", "input"), task("b", "a"))), done("a", value="of a"), memo)
    run.add(lost("b", retriable=True, said="<b>no</b>"), cause=2)
    found = await task_shown(run.history, run.times, "b", MemoryPayloads())
    (given,) = found.inputs
    assert [(part.source, part.value and part.value.text) for part in given.parts] == [("a", "of a")]
    assert found.fault == "handler_error: <b>no</b>"
    assert found.retry_ms is not None
    assert [each.attempt for each in found.tries] == [1]
    assert [(each.name, each.attempt, each.logged) for each in found.memos] == [("paid", 1, True)]
    assert found.context is not None
    made = await task_shown(run.history, run.times, "a", MemoryPayloads())
    assert made.result is not None
    assert payload_of(run.history, made.result.sha256) == Inline(value="of a", bytes=6, tokens=2)


async def test_what_a_run_does_not_have_is_not_shown() -> None:
    run = Told().add(accepted(JOIN))
    for name in ("nothing", "z", "../a", "a.1"):
        with pytest.raises(NotFound):
            await task_shown(run.history, run.times, name, MemoryPayloads())
    with pytest.raises(NotFound):
        payload_of(run.history, "0" * 64)


def test_a_long_value_is_cut_and_one_in_the_store_is_not_fetched() -> None:
    long = value_of(Inline(value="x" * 50_000, bytes=50_002, tokens=9))
    assert long.text is not None
    assert len(long.text) < 21_000
    assert "30000 characters left out" in long.text
    assert value_of(Reference(sha256="0" * 64, bytes=9, tokens=1, shape="manifest")).text is None
