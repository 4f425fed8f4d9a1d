"""The plan: wants, what these rules can't run, and joins from counts to a verdict."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.coordinator.join import Tally, needed, verdict
from argosy.coordinator.nesting import is_given
from argosy.coordinator.plan import index
from argosy.coordinator.unsupported import unsupported
from argosy.coordinator.wants import wants_of
from argosy.schemas.edges import Join
from argosy.schemas.pipeline import CompiledPipeline
from support.fold_pipelines import mapped, pipeline, pipelines, task


def keys(compiled: CompiledPipeline, source: str) -> list[str]:
    return [want.key for want in wants_of(compiled, source)]


def test_the_producer_of_a_value_is_asked_what_all_later_steps_need_each_once() -> None:
    compiled = pipeline(
        task("a", "input"),
        mapped("m", {"from": "a", "select": "items"}, {"from": "a", "select": "topic"}),
        mapped("n", {"from": "a", "select": "items"}, "m"),
        task("b", {"from": "a", "select": "topic"}, "n", when=[{"from": "a", "select": "ok"}]),
    )
    assert keys(compiled, "a") == ["list:items", "size:topic", "value:ok"]
    assert keys(compiled, "input") == []
    assert keys(compiled, "m") == []


def test_the_receiver_answers_for_the_input() -> None:
    compiled = pipeline(
        mapped("m", {"from": "input", "select": "documents"}, {"from": "input", "select": "t"})
    )
    assert keys(compiled, "input") == ["list:documents", "size:t"]


@settings(deadline=None)
@given(pipelines())
def test_what_the_language_can_say_is_supported(compiled: CompiledPipeline) -> None:
    assert unsupported(compiled) == []
    plan = index(compiled)
    assert [step.name for step in plan.within("") if "/" not in step.name] == [
        step.name for step in compiled.steps
    ]
    for step in plan.steps.values():
        assert set(step.required) == step.needs
        assert {source for source in step.needs | set(step.holes) if not is_given(source)} <= set(
            step.parents
        )
        for parent in step.parents:
            assert step.name in plan.steps[parent].children


@pytest.mark.parametrize(
    ("policy", "total", "least"),
    [
        ({"policy": "any"}, 5, 1),
        ({"policy": "quorum", "count": 3}, 5, 3),
        ({"policy": "quorum", "share": 0.9}, 10, 9),
        ({"policy": "quorum", "share": 0.9}, 11, 10),
        ({"policy": "quorum", "share": 1}, 7, 7),
        ({"policy": "quorum", "share": 0.5}, 0, 0),
        ({"policy": "deadline", "within_seconds": 1}, 5, 0),
        ({"policy": "all_ended"}, 5, 0),
    ],
)
def test_how_many_successes_a_policy_asks_for(policy: dict[str, object], total: int, least: int) -> None:
    assert needed(Join.model_validate(policy), total) == least


JOINS = st.sampled_from(
    [
        Join(policy="any"),
        Join(policy="all_ended"),
        Join(policy="quorum", count=2),
        Join(policy="quorum", share=0.5),
        Join(policy="deadline", within_seconds=1, count=1),
        Join(policy="deadline", within_seconds=1),
    ]
)


@given(JOINS, st.lists(st.booleans(), max_size=8))
def test_a_verdict_is_final_and_comes_at_the_latest_when_all_have_ended(join: Join, ends: list[bool]) -> None:
    found = [
        verdict(join, Tally(len(ends), sum(ends[:ended]), ended - sum(ends[:ended])))
        for ended in range(len(ends) + 1)
    ]
    decided = [answer for answer in found if answer != "open"]
    assert decided
    assert len(set(decided)) == 1
    assert found == ["open"] * (len(found) - len(decided)) + decided


@given(JOINS, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_no_join_stays_open_when_its_time_is_up(
    join: Join, succeeded: int, missing: int, others: int
) -> None:
    answer = verdict(join, Tally(succeeded + missing + others, succeeded, missing, late=True))
    assert answer != "open"
