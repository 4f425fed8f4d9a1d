"""Statuses, rates and the number of workers to have: rules, one by one; and what the docs say of them."""

from pathlib import Path

import pytest

from argosy.broker.lag import GroupLag, PartitionLag, sample
from argosy.broker.presence import Held, InHand, PartSaid, Presence, Present, Progress
from argosy.console.lag_amount import Amount
from argosy.console.lag_figures import Told, standing
from argosy.console.lag_measure import LagReport
from argosy.console.lag_metrics import METRICS, metrics_text
from argosy.console.lag_rates import MEASURES, Measures, Rates, finished
from argosy.console.lag_scale import scale
from argosy.console.lag_standing import DispatchWindow, Queued, Standing
from argosy.console.lag_status import RULES, Facts, status
from argosy.console.lag_text import notes

NOW = 1_000_000
PAGE = (Path(__file__).parents[3] / "docs" / "lag.md").read_text(encoding="utf-8")


def test_the_docs_have_the_rules_of_statuses_word_for_word_and_in_their_order() -> None:
    rows = [f"| `{rule.word}` | {rule.when} | {rule.cure} |" for rule in RULES]
    table = PAGE[PAGE.index("| status | when | what to do |") :].split("\n\n", 1)[0].splitlines()
    assert table[2:] == rows


def test_the_docs_have_every_gauge_with_its_labels() -> None:
    rows = [
        f"| `{each.name}` | {', '.join(f'`{label}`' for label in each.labels)} | {each.description} |"
        for each in METRICS
    ]
    table = PAGE[PAGE.index("| gauge (each has") :].split("\n\n", 1)[0].splitlines()
    assert table[2:] == rows


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (Facts(0, 0, 0), "stopped"),
        (Facts(0, 0, 3), "nobody there"),  # held back in the coordinators
        (Facts(0, 3, 3, silent=1), "nobody there"),
        (Facts(2, 3, 3, silent=2), "stalled"),
        (Facts(2, 3, 3, workers=1, silent=1, seconds=9.0), "behind"),
        (Facts(2, 3, 3, workers=2, seconds=61.0, done=0), "stalled"),
        (Facts(2, 3, 3, workers=2, seconds=61.0), "behind"),  # nobody watched for a minute
        (Facts(2, 3, 3, workers=2, seconds=59.0, done=0), "behind"),
        (Facts(2, 3, 2, in_hand=1, workers=2, seconds=900.0, done=0), "behind"),  # one long task
        (Facts(2, 1, 0, in_hand=1, workers=2, seconds=900.0, done=0), "ok"),
        (Facts(2, 9, 9, workers=2, seconds=1.9, done=4), "ok"),
        (Facts(2, 0, 0), "ok"),
        (Facts(2, 0, 9, workers=2, held_seconds=1.9), "ok"),
        (Facts(2, 0, 9, workers=2, held_seconds=900.0, done=0), "behind"),  # no coordinator lets it out
    ],
)
def test_the_first_rule_that_holds_says_the_status(facts: Facts, word: str) -> None:
    assert status(facts) == word


@pytest.mark.parametrize(
    ("came", "went", "trend"),
    [
        (10.0, 5.0, "growing"),
        (5.0, 10.0, "shrinking"),
        (10.0, 9.5, "steady"),
        (1 / 60, 0.0, "steady"),  # one message in a minute
        (2 / 60, 0.0, "growing"),
        (0.0, 0.0, "steady"),
        (10.0, None, None),
    ],
)
def test_a_trend_is_what_came_against_what_was_finished(came: float, went: float | None, trend: str) -> None:
    assert Rates(came, went).trend(7) == trend


def test_an_empty_queue_does_not_grow_whatever_came_before_anybody_watched() -> None:
    assert Rates(10.0, 0.0).trend(0) == "steady"


def test_time_to_drain_goes_by_the_pace_of_work_and_is_unknown_without_one() -> None:
    assert Rates(pace=2.0).drain_seconds(30) == 15.0
    assert Rates(pace=0.0).drain_seconds(30) is None
    assert Rates().drain_seconds(30) is None
    assert Rates().drain_seconds(0) == 0.0


def test_workers_finish_together_and_idle_time_is_no_pace() -> None:
    busy = Progress(parts={0: PartSaid(done=30), 1: PartSaid(done=30)}, seconds=60.0, busy_seconds=30.0)
    fresh = Progress(parts={2: PartSaid(done=3)}, seconds=3.0, busy_seconds=3.0)
    assert finished([busy, fresh]) == (2.0, 3.0, 60.0)
    assert finished([busy, fresh], 1) == (0.5, 1.0, 60.0)
    assert finished([busy, fresh], 7) is None
    assert finished([Progress()]) is None  # it has just begun


def test_what_a_measure_reads_is_bounded_however_many_partitions_are_behind() -> None:
    assert [sample(partitions) for partitions in (0, 1, 20, 40, 500)] == [100, 100, 100, 50, 10]


def test_measures_of_a_minute_are_kept_and_no_more() -> None:
    measures = Measures()

    def at(committed: int) -> GroupLag:
        return GroupLag("g", "t", 1, (PartitionLag(0, 0, 900, committed, 900 - committed, 5.0),))

    assert measures.finishing(at(0), NOW) is None
    for second in range(1_000):
        measures.keep([at(second)], NOW + second * 100)
    assert len(measures.kept) == MEASURES
    rate, seconds = measures.finishing(at(999), NOW + 999 * 100) or (0.0, 0.0)
    assert (round(rate, 1), round(seconds, 1)) == (10.0, 6.3)
    measures.keep([at(999)], NOW + 10_000_000)
    assert len(measures.kept) == 1


LAG = GroupLag(
    "g",
    "t",
    2,
    (PartitionLag(0, 0, 40, 10, 30, 90.0, 300, exact=False, read=tuple(range(10, 20)), looked=20),),
)


def there(*, next_: int, open_: int, done: int, running: int = 0, seconds: float = 60.0) -> Present:
    progress = Progress(
        parts={0: PartSaid(next=next_, open=open_, done=done)}, seconds=seconds, busy_seconds=seconds / 2
    )
    held = Held(partitions={0: running} if running else {}, tokens={0: 10 * running}, since_ms=NOW - 90_000)
    hand = InHand(running=held, slots=4, progress=progress)
    worker = Presence(role="worker", name="a", version="1", started_ms=0, at_ms=NOW, agents={"critic": hand})
    return Present(NOW, (worker,))


def test_what_was_finished_behind_a_slow_task_is_not_counted_as_unfinished() -> None:
    found = standing(LAG, "critic", Told(NOW, there(next_=30, open_=1, done=19, running=1)))
    assert (found.unfinished.messages, found.waiting.messages) == (11, 10)  # the slow one, and 30 to 39
    assert (found.unfinished.at_most, found.unfinished.estimated) == (True, True)
    assert found.partitions[0].owner == "a"
    assert (found.finishing, found.pace, found.drain_seconds) == (19 / 60, 19 / 30, round(11 / (19 / 30), 1))


def test_work_that_is_held_back_for_long_is_a_delay_though_the_topic_is_empty() -> None:
    empty = GroupLag("g", "t", 2, (PartitionLag(0, 0, 40, 40, 0, 0.0),))
    held = {"critic": Queued(Amount(7, 600.0))}
    assert (
        standing(empty, "critic", Told(NOW, there(next_=40, open_=0, done=0), queued=held)).status == "behind"
    )


def test_what_a_worker_said_before_it_committed_more_counts_nothing_twice() -> None:
    found = standing(LAG, "critic", Told(NOW, there(next_=5, open_=5, done=1)))
    assert found.unfinished.messages == 30


def test_a_worker_that_does_nothing_for_a_minute_stalls_its_partition_and_the_group() -> None:
    found = standing(LAG, "critic", Told(NOW, there(next_=10, open_=0, done=0)))
    assert (found.status, found.partitions[0].status) == ("stalled", "stalled")
    just_begun = standing(LAG, "critic", Told(NOW, there(next_=10, open_=0, done=0, seconds=6.0)))
    assert just_begun.status == "behind"


def group(*, running: int = 0, retry: int = 0, held: int = 0, done: int = 0, lag: GroupLag = LAG) -> Standing:
    queued = {"critic": Queued(Amount(held), Amount(retry))}
    return standing(
        lag, "critic", Told(NOW, there(next_=10, open_=running, done=done, running=running), queued=queued)
    )


EMPTY = GroupLag("g", "t", 1, tuple(PartitionLag(number, 0, 10, 10, 0, 0.0) for number in range(6)))
SIX = GroupLag("g", "t", 1, (*LAG.partitions, *EMPTY.partitions[1:]))


def test_workers_wanted_are_those_that_find_work_and_no_more_than_the_goal_needs() -> None:
    assert scale(group()).replicas == 1  # one partition
    assert scale(group(lag=SIX)).replicas == 6  # 30 tasks for slots of 4 would be 8
    assert scale(group(lag=SIX, done=30)).replicas == 1  # all is done in 30 s as it is
    assert scale(group(lag=SIX, done=30), goal_seconds=10).replicas == 3
    assert scale(group(lag=SIX, done=30, held=90), goal_seconds=60).replicas == 2
    nobody = standing(SIX, "critic", Told(NOW))
    assert scale(nobody).replicas == 4  # 30 by 8
    assert scale(nobody, slots=30).replicas == 1


def test_nothing_to_do_wants_nobody_and_a_retry_keeps_one() -> None:
    assert scale(group(lag=EMPTY)).replicas == 0
    assert scale(group(lag=EMPTY, retry=3)).replicas == 1


def test_windows_that_hold_tasks_back_or_differ_from_lane_to_lane_are_told_below_the_table() -> None:
    def said(held: int, window: DispatchWindow) -> list[str]:
        found = standing(
            LAG,
            "critic",
            Told(
                NOW, there(next_=10, open_=0, done=0), queued={"critic": Queued(Amount(held), window=window)}
            ),
        )
        assert f'argosy_fleet_dispatch_window{{agent="critic"}} {window.tasks}.0' in (
            metrics_text(LagReport((found,), 0), 60.0).decode()
        )
        return [line for line in notes(LagReport((found,), 0)) if "windows" in line]

    alike, apart = DispatchWindow(8, 4, 2, 2), DispatchWindow(71, 2, 7, 64)
    assert said(0, alike) == []
    assert said(30, alike) == [
        "dispatch windows let out at most 8 of critic (4 lanes of 2); docs/running.md says why"
    ]
    assert said(0, apart) == [
        "dispatch windows let out at most 71 of critic (2 lanes of 7 to 64); docs/running.md says why"
    ]


def test_gauges_tell_a_group_by_its_agent_and_leave_out_what_is_not_known() -> None:
    lanes = standing(GroupLag("p.lanes", "p.runs", 1, EMPTY.partitions), None, Told(NOW))
    text = metrics_text(LagReport((lanes, group(lag=SIX, done=30)), 0), 60.0).decode()
    assert 'argosy_fleet_lag_messages{agent="critic",state="waiting"} 30.0' in text
    assert 'argosy_fleet_replicas_wanted{agent="critic"} 1.0' in text
    assert 'argosy_fleet_lag_status{agent="lanes",status="ok"} 1.0' in text
    assert 'argosy_fleet_lag_drain_seconds{agent="critic"} 30.0' in text
    assert 'argosy_fleet_replicas_wanted{agent="lanes"}' not in text
    assert 'argosy_fleet_lag_rate{agent="lanes",way="finishing"}' not in text
