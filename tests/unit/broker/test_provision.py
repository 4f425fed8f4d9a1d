"""Topics as found against topics as planned."""

import pytest

from argosy.broker.provision import compare
from argosy.broker.topics import FoundTopic, TopicPlan

CONFIGS = {"retention.ms": "1000", "cleanup.policy": "delete", "min.insync.replicas": "2"}
LANES = TopicPlan("p.runs", 8, 3, CONFIGS, exact=True)
WORK = TopicPlan("p.tasks.a", 8, 3, CONFIGS)


def problems(wanted: TopicPlan, found: FoundTopic | None) -> list[tuple[str, bool]]:
    return [
        (finding.problem, finding.fatal)
        for finding in compare([wanted], {found.name: found} if found is not None else {})
    ]


def test_what_is_as_planned_gives_nothing() -> None:
    assert problems(LANES, FoundTopic("p.runs", 8, 3, CONFIGS)) == []


def test_a_missing_topic_is_fatal() -> None:
    assert problems(LANES, None) == [("is missing", True)]


@pytest.mark.parametrize("partitions", [7, 9])
def test_lanes_must_be_exactly_as_many(partitions: int) -> None:
    assert problems(LANES, FoundTopic("p.runs", partitions, 3, CONFIGS)) == [
        (f"has {partitions} partitions, but lanes = 8", True)
    ]


def test_work_may_have_more_partitions_and_should_not_have_fewer() -> None:
    assert problems(WORK, FoundTopic("p.tasks.a", 9, 3, CONFIGS)) == []
    assert problems(WORK, FoundTopic("p.tasks.a", 7, 3, CONFIGS)) == [("has 7 partitions, not 8", False)]


def test_more_safety_than_planned_is_as_good() -> None:
    better = {"retention.ms": "-1", "cleanup.policy": "delete", "min.insync.replicas": "3"}
    assert problems(WORK, FoundTopic("p.tasks.a", 8, 5, better)) == []


def test_less_is_told_and_what_loses_runs_is_fatal() -> None:
    worse = {"retention.ms": "999", "cleanup.policy": "compact,delete", "min.insync.replicas": "1"}
    assert problems(WORK, FoundTopic("p.tasks.a", 8, 1, worse)) == [
        ("has 1 replicas, not 3", False),
        ("has retention.ms=999, not 1000", False),
        ("has cleanup.policy=compact,delete, not delete", True),
        ("has min.insync.replicas=1, not 2", False),
    ]


def test_partitions_without_a_leader_are_named() -> None:
    found = FoundTopic("p.tasks.a", 8, 3, CONFIGS, leaderless=(2, 5))
    assert problems(WORK, found) == [("has no leader for partition 2, 5", False)]
