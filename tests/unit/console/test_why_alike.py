"""A run of which many tasks wait for the same thing: one line with their number, not one for each."""

from dataclasses import replace

from argosy.console.why import text_of
from argosy.console.why_alike import also
from argosy.console.why_facts import AgentIs, Facts, Group, RunIs, Service, TaskIs
from argosy.console.why_rules import judge
from argosy.coordinator.kept import Letter

NOW = 1_700_000_000_000
CRITIC = AgentIs("critic", Group("g", "t", 1, 0, 0.0), ("h-1",), running=8, slots=8, out=4, window=4)
WELL = Facts(
    run_id="r",
    now_ms=NOW,
    kafka=Service("k:9092"),
    redis=Service("redis://r"),
    receivers=Group("p.receivers", "p.inbox", 1, 0, 0.0),
    lanes=Group("p.lanes", "p.runs", 1, 0, 0.0),
    run=RunIs(10, NOW - 60_000, NOW + 600_000, "briefing@1", 1, 1),
    agents={"critic": CRITIC},
)


def shard(number: int, letter: Letter) -> TaskIs:
    return TaskIs(f"m.{number}", "critic", letter, attempt=1, attempts=4, timeout_seconds=60)


def asking(count: int) -> Facts:
    return replace(WELL, tasks=tuple(shard(number, "a") for number in range(count)))


def test_tasks_that_ask_alike_are_one_line_with_their_number() -> None:
    found = judge(asking(40))
    assert [each.what for each in also(found)] == [
        "m.1, m.2, m.3 and 36 more wait until somebody raises the run's budget"
    ]
    assert text_of(found).count("also:") == 1
    assert "more of the kind" not in text_of(found)
    assert len(found.others) == 39


def test_a_few_of_a_kind_are_told_each() -> None:
    assert [each.what.split(" ")[0] for each in also(judge(asking(5)))] == ["m.1", "m.2", "m.3", "m.4"]
    assert len(also(judge(asking(6)))) == 1


def test_other_kinds_keep_lines_of_their_own() -> None:
    mixed = replace(WELL, tasks=(*asking(10).tasks, *(shard(number, "b") for number in range(10, 15))))
    assert [(each.code, each.what.split(" ")[0]) for each in also(judge(mixed))] == [
        ("awaiting_budget", "m.1,"),
        ("retry_waiting", "m.10,"),
    ]
