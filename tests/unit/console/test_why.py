"""Facts to the verdict, without a service: a table of situations and the true cause of each."""

from dataclasses import replace
from typing import Any

import pytest

from argosy.broker.fullness import Fullness
from argosy.console.why import headline
from argosy.console.why_facts import (
    AgentIs,
    Claimed,
    Facts,
    Group,
    JoinIs,
    LaneIs,
    Refusal,
    RunIs,
    Service,
    Submit,
    TaskIs,
)
from argosy.console.why_rules import judge
from argosy.console.why_waits import WaitIs

NOW = 1_700_000_000_000
GROUP = Group("p.agent.critic", "p.tasks.critic", 1, 0, 0.0)
CRITIC = AgentIs("critic", GROUP, ("h-1",), running=8, parked=2, slots=8, out=4, window=4)
TASK = TaskIs("critique", "critic", "r", attempt=1, attempts=4, timeout_seconds=60, out=True)
CLAIM = Claimed("h-1", NOW - 30_000, NOW + 5_000, present=True)
WELL = Facts(
    run_id="r",
    now_ms=NOW,
    kafka=Service("k:9092"),
    redis=Service("redis://r"),
    receivers=Group("p.receivers", "p.inbox", 1, 0, 0.0),
    lanes=Group("p.lanes", "p.runs", 1, 0, 0.0),
    lane=LaneIs(3, 20, owner="c-1", next=20, layout=1, newest_layout=1, live=True),
    run=RunIs(10, NOW - 60_000, NOW + 600_000, "briefing@1", 1, 1),
    tasks=(TASK,),
    agents={"critic": CRITIC},
)
LANE = LaneIs(3, 20, owner="c-1", next=20, layout=1, newest_layout=1, live=True)
NOBODY = replace(CRITIC, group=replace(GROUP, members=0, waiting=1))
FULL = Fullness(runs=7, most_runs=7, bytes=9, most_bytes=99)
SUBMIT = Submit(1, 17, 5, NOW - 4_000)
UNPUBLISHED = replace(SUBMIT, names="brief@2", published=("brief@1", "digest@1"), until_ms=NOW + 56_000)
HOMELESS = replace(SUBMIT, homeless=("p.tasks.a", "p.tasks.b"), until_ms=NOW + 56_000)
RUN = RunIs(10, NOW - 60_000, NOW + 600_000, "briefing@1", 1, 1)


def task(**changes: Any) -> Facts:  # noqa: ANN401 - any field of a TaskIs
    return replace(WELL, tasks=(replace(TASK, **changes),))


@pytest.mark.parametrize(
    ("code", "facts", "words"),
    [
        ("kafka_away", replace(WELL, kafka=Service("k:9092", "no answer"), run=None), "k:9092"),
        ("no_fleet", replace(WELL, no_topics=True, run=None), "topics are missing"),
        ("topic_missing", replace(WELL, missing=("p.runs",), run=None), "topic p.runs is missing"),
        (
            "topic_missing",
            replace(WELL, run=None, submit=HOMELESS),
            "topics p.tasks.a, p.tasks.b are missing",
        ),
        ("topic_missing", replace(WELL, run=None, submit=HOMELESS), "until 2023-11-14 22:14:16Z"),
        ("ended", replace(WELL, run=replace(RUN, outcome="failed", ended_ms=NOW, fault="x: y")), "failed"),
        ("unknown_run", replace(WELL, run=None, tasks=()), "nobody knows"),
        ("refused", replace(WELL, run=None, refusal=Refusal("invalid", "bad", "1/2")), "invalid"),
        ("cancelled_before", replace(WELL, run=None, cancelled_before=True), "cancel"),
        ("inbox_behind", replace(WELL, run=None, submit=SUBMIT), "partition 1 offset 17"),
        (
            "fleet_full",
            replace(WELL, run=None, submit=SUBMIT, fullness=FULL, busy_wait_seconds=300),
            "7 runs are under way, the fleet holds 7",
        ),
        ("pipeline_unpublished", replace(WELL, run=None, submit=UNPUBLISHED), "for pipeline brief@2"),
        ("pipeline_unpublished", replace(WELL, run=None, submit=UNPUBLISHED), "until 2023-11-14 22:14:16Z"),
        ("pipeline_unpublished", replace(WELL, run=None, submit=UNPUBLISHED), "published of it: brief@1"),
        (
            "pipeline_unpublished",
            replace(WELL, run=None, submit=replace(UNPUBLISHED, names="other")),
            "published: brief@1, digest@1",
        ),
        ("newer_submit", replace(WELL, run=None, submit=replace(SUBMIT, newer="a.v2")), "knows a.v2"),
        (
            "coordinator_away",
            replace(WELL, run=None, submit=SUBMIT, receivers=Group("p.receivers", "p.inbox", 0, 9, 4.0)),
            "no coordinator runs",
        ),
        ("redis_away", replace(WELL, redis=Service("redis://r", "no answer")), "redis://r"),
        ("coordinator_away", replace(WELL, lanes=Group("p.lanes", "p.runs", 0, 0, 0.0)), "lane 3"),
        ("lane_without_owner", replace(WELL, lane=replace(LANE, owner="")), "lane 3"),
        ("lane_paused", replace(WELL, lane=replace(LANE, paused="newer rules")), "c-1"),
        ("lane_paused", replace(WELL, lane=replace(LANE, layout=2)), "roll"),
        ("lane_reloading", replace(WELL, lane=replace(LANE, live=False, next=7)), "lane 3"),
        ("lane_reloading", replace(WELL, lane=replace(LANE, live=False, next=None)), "no state"),
        ("quarantined", replace(WELL, lane=replace(LANE, quarantined="KeyError")), "KeyError"),
        ("lane_behind", replace(WELL, lane=replace(LANE, next=12, first_unfolded=15)), "15"),
        ("ending", replace(WELL, run=replace(RUN, ending=True)), "decided"),
        ("no_worker", replace(WELL, agents={"critic": NOBODY}), "argosy worker APP:critic"),
        ("no_worker", replace(task(out=False, ahead=3), agents={"critic": NOBODY}), "3 others"),
        (
            "no_worker",
            replace(task(claim=replace(CLAIM, lease_ms=NOW - 1)), agents={"critic": NOBODY}),
            "h-1",
        ),
        ("in_handler", task(claim=CLAIM, partition=2, offset=9), "h-1"),
        ("worker_gone", task(claim=replace(CLAIM, present=False)), "h-1"),
        ("worker_gone", task(claim=replace(CLAIM, lease_ms=NOW - 2_000)), "2.0 s ago"),
        ("settling", task(claim=CLAIM, stored=True), "published"),
        ("retry_waiting", task(letter="b", retry_ms=NOW + 7_000, last_fault="503"), "7.0 s"),
        ("held_by_window", task(out=False, ahead=40), "40 tasks"),
        ("worker_behind", task(partition=2, offset=9, committed=4), "8 of 8 slots"),
        ("suspect", task(deliveries=2), "2 times"),
        ("on_its_way", task(again_ms=NOW + 1_000), "on its way"),
        ("looking", replace(WELL, tasks=(), looks=("found",)), "look at found"),
        ("join_short", replace(WELL, tasks=(), joins=(JoinIs("s", 3, ("critique",)),)), "one short"),
        ("going_on", replace(WELL, tasks=()), "nothing"),
    ],
)
def test_each_situation_has_its_true_cause(code: str, facts: Facts, words: str) -> None:
    verdict = judge(facts)
    assert verdict.cause.code == code
    said = f"{verdict.cause.what} {verdict.cause.why} {verdict.cause.do}"
    assert words in said
    assert verdict.cause.do


def test_the_cause_of_a_join_is_the_missing_parent_and_the_join_stands_beside_it() -> None:
    verdict = judge(replace(WELL, agents={"critic": NOBODY}, joins=(JoinIs("synthesis", 3, ("critique",)),)))
    assert [cause.code for cause in (verdict.cause, *verdict.others)] == ["no_worker", "join_short"]
    assert verdict.others[0].figures["missing"] == ["critique"]


def test_of_several_tasks_the_one_that_nobody_will_mend_comes_first() -> None:
    tasks = (replace(TASK, local="a", claim=CLAIM), replace(TASK, local="b", agent="lost"))
    nobody = AgentIs("lost", Group("p.agent.lost", "p.tasks.lost", 0, 1, 9.0, exists=False))
    verdict = judge(replace(WELL, tasks=tasks, agents={"critic": CRITIC, "lost": nobody}))
    assert (verdict.cause.code, verdict.cause.task) == ("no_worker", "b")
    assert "p.tasks.lost" in verdict.cause.why
    assert [other.task for other in verdict.others] == ["a"]


def test_an_ended_run_is_told_also_while_redis_is_away() -> None:
    facts = replace(WELL, run=replace(RUN, outcome="succeeded", ended_ms=NOW), redis=Service("r", "away"))
    assert judge(facts).cause.code == "ended"
    assert judge(facts).state == "succeeded"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("succeeded", "run r succeeded"), ("cancelled", "run r was cancelled"), (None, "run r is active")],
)
def test_how_the_run_stands_is_said_in_a_sentence(outcome: Any, words: str) -> None:  # noqa: ANN401 - of a RunIs
    assert headline(judge(replace(WELL, run=replace(RUN, outcome=outcome)))) == words


def test_a_run_that_waits_for_people_says_for_what_since_when_and_until_when() -> None:
    asks = WaitIs(
        "r", "ok", "approval", NOW + 3_600_000, NOW - 60_000, question="Ship?", about="ab" * 32, by=("ann",)
    )
    tells = WaitIs("r", "go", "signal", NOW + 3_600_000, NOW, refused=1, refusal="no", fails=False)
    sleeps = WaitIs("r", "nap", "SleepStep", NOW + 5_000)
    verdict = judge(replace(WELL, tasks=(), waits=(asks, tells, sleeps)))
    first, second, third = verdict.cause, *verdict.others
    assert first.code == "awaiting_approval"
    assert first.what.startswith(
        "ok waits for approval by ann of abababababab, since 2023-11-14 22:12:20Z (1 min 0 s)"
    )
    assert "until 2023-11-14 23:13:20Z (in 1 h 0 min)" in first.what
    assert (first.why, first.do) == (
        "it asks: “Ship?”; without one the run fails", "argosy runs approve r ok"
    )  # fmt: skip
    assert (second.code, second.why) == (
        "awaiting_signal", "without one it leaves a hole; 1 came that did not count, the last one: no"
    )  # fmt: skip
    assert (third.code, third.what) == ("sleeping", "nap sleeps until 2023-11-14 22:13:25Z (in 5.0 s)")


def test_a_run_that_asks_for_a_larger_budget_is_told_with_the_command_that_raises_it() -> None:
    cause = judge(task(letter="a", last_fault="the budget of run r is spent")).cause
    assert (cause.code, cause.task) == ("awaiting_budget", "critique")
    assert cause.do.startswith("argosy runs budget r --tokens N raises it")
