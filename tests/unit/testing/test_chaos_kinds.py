"""The runs of the chaos app that are more than a map: they come out right, and the judge sees what is wrong."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, JsonValue

from argosy.broker.log import Partition
from argosy.console.connection import Argosy
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.codec import decode_body
from argosy.schemas.envelope import read_envelope
from argosy.schemas.runlog import BudgetReceived, TaskSettled
from argosy.testing.chaos_judge import Judge
from argosy.testing.chaos_load import ENOUGH_TOKENS
from argosy.testing.chaos_pages import DOCUMENTS, SUMMARY, document, joined, papers, print_of, summaries
from argosy.testing.chaos_plans import Goal, plans
from argosy.testing.chaos_purses import (
    ENOUGH,
    ITEMS,
    PURSE_TOKENS,
    UNTOLD_TOKENS,
    Purse,
    Says,
    asking,
    payer,
    pays,
    purses,
)
from argosy.testing.chaos_right import wrong
from argosy.testing.chaos_rounds import GOALS, MOST, Text, rounds, teams
from argosy.testing.chaos_runs import RunSeen
from argosy.testing.chaos_savers import CALLS_TOKENS, LITTLE_TOKENS, misspent, savers
from argosy.testing.chaos_tools import QUESTION, asked
from argosy.testing.chaos_waits import Question, answers, gates
from argosy.testing.effects import AllEffects
from argosy.testing.fake_model import FakeModel
from argosy.testing.outside import Line
from argosy.testing.quiet import quietly
from argosy.testing.stage import Stage, agents_of, plain_settings
from argosy.testing.world import World

PIPELINES: tuple[Pipeline[Any, Any], ...] = (
    papers,
    summaries,
    gates,
    asked,
    rounds,
    teams,
    plans,
    savers,
    purses,
)


def _model() -> FakeModel:
    def says(question: str) -> str:
        return f"You said: {QUESTION}" + question.partition(QUESTION)[2].split()[0]

    return FakeModel(SUMMARY).reply(says, when=QUESTION)


def _play(script: Callable[[Stage], Coroutine[Any, Any, None]]) -> list[Line]:
    world = World(plain_settings(), seed=1)
    stage = Stage(agents_of(PIPELINES), world, model=_model())

    async def play() -> None:
        await stage.start(1, {name: [name] for name in stage.agents})
        await script(stage)

    try:
        with quietly():
            world.loop.run_until_complete(asyncio.wait_for(play(), 600))
        return _lines(world, stage)
    finally:
        world.close()


def _lines(world: World, stage: Stage) -> list[Line]:
    topics = ("runs", "results", *(f"tasks.{name}" for name in stage.agents))
    lines: list[Line] = []
    for topic in (f"{world.names.prefix}.{topic}" for topic in topics):
        for number in range(world.broker.sizes()[topic]):
            for record in world.broker.log(Partition(topic, number)).all():
                envelope = read_envelope(record.headers)
                message = decode_body(envelope, record.value)
                lines.append(
                    Line(topic, number, record.offset, envelope, message, record.value or b"", record)
                )
    return lines


def _said(lines: list[Line], runs: list[str]) -> list[str]:
    judge = Judge(lines[0].topic.partition(".")[0], (), own=True)
    for line in lines:
        judge.take(line)
    judge.conclude(runs, {}, may_fail=False)
    assert judge.joins.checked
    return [text for finding in judge.findings() for text in finding.told]


@pytest.fixture(autouse=True)
def _effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_CHAOS_EFFECTS", str(tmp_path))
    monkeypatch.setattr("argosy.testing.chaos_work._EFFECTS", [])


@pytest.mark.parametrize("lines", sorted(set(DOCUMENTS)))
def test_a_document_of_any_length_is_read_page_by_page_and_nothing_of_it_is_lost(lines: int) -> None:
    async def script(stage: Stage) -> None:
        run = await stage.client.submit(papers, document(lines), run_id="r")
        leaf = await run.result()
        assert (leaf.print, leaf.size) == print_of(document(lines))
        assert len(leaf.values) > 1 or lines == min(DOCUMENTS)

    assert _said(_play(script), ["r"]) == []


def test_a_summarised_document_is_judged_by_its_pages() -> None:
    async def script(stage: Stage) -> None:
        short = await (await stage.client.submit(summaries, document(240), run_id="r")).result()
        assert set(short.parts) == {SUMMARY}

    assert _said(_play(script), ["r"]) == []


def test_no_call_of_a_tool_that_may_not_be_repeated_is_made_twice(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await (await stage.client.submit(asked, [1, -2, 3], run_id="r")).result()

    assert _said(_play(script), ["r"]) == []
    effects = AllEffects(tmp_path)
    assert effects.count("began") == 4
    assert effects.count("made") == effects.keys("made") == 3


@pytest.mark.parametrize("goal", GOALS)
def test_a_loop_goes_round_until_it_is_done_or_may_no_more(goal: int) -> None:
    async def script(stage: Stage) -> None:
        text = await (await stage.client.submit(rounds, Text(goal=goal), run_id="r")).result()
        assert text.done == (goal <= MOST)

    assert _said(_play(script), ["r"]) == []


def test_children_go_round_their_own_loops() -> None:
    async def script(stage: Stage) -> None:
        texts = await (
            await stage.client.submit(teams, [Text(goal=goal) for goal in GOALS], run_id="r")
        ).result()
        assert [text.done for text in texts] == [goal <= MOST for goal in GOALS]

    assert _said(_play(script), ["r"]) == []


def test_a_run_with_a_budget_and_a_tenant_is_as_any_other() -> None:
    async def script(stage: Stage) -> None:
        client = stage.client
        await (await client.submit(asked, [1, -2], run_id="r", budget=ENOUGH_TOKENS, tenant="chaos")).result()

    assert _said(_play(script), ["r"]) == []


@pytest.mark.parametrize("bad", [False, True])
def test_the_tasks_of_one_plan_take_effect_though_another_was_made_before(bad: bool) -> None:  # noqa: FBT001 - a parameter
    async def script(stage: Stage) -> None:
        told = await (await stage.client.submit(plans, Goal(tasks=4, bad=bad), run_id="r")).result()
        assert len(told.results) == 5
        assert len(told.holes) == 1

    lines = _play(script)
    assert _said(lines, ["r"]) == []
    judge = Judge(lines[0].topic.partition(".")[0], (), own=True)
    for line in lines:
        judge.take(line)
    # The planner, four digs, their heap, the lane's look at them, what tells; no plan that was refused.
    assert judge.tally.tasks == judge.tally.settled.total() == 8


def test_a_run_whose_budget_is_spent_goes_on_with_holes_and_spends_no_more() -> None:
    async def script(stage: Stage) -> None:
        client = stage.client
        run = await client.submit(savers, list(range(12)), run_id="r", budget=LITTLE_TOKENS, tenant="chaos")
        values = (await run.result()).values
        assert values[0]
        assert 1 < values.count("") < 12

    lines = _play(script)
    assert _said(lines, ["r"]) == []


def _purse(says: Says, *, early: bool) -> list[Line]:
    purse = Purse(items=list(ITEMS), says=says)

    async def script(stage: Stage) -> None:
        options = asking("purses", purse.model_dump())
        run = await stage.client.submit(purses, purse, run_id="r", budget=PURSE_TOKENS, **options)
        await pays(run, purse, early=early)
        values = (await run.result()).values
        assert (values.count("") == 0) == (says in ("more", "bits"))

    return _play(script)


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("says", ["more", "bits", "no", "nothing"])
def test_a_run_that_asks_has_all_where_it_is_given_enough_and_holes_where_it_is_not(
    says: Says,
    early: bool,  # noqa: FBT001 - a parameter
) -> None:
    assert _said(_purse(says, early=early), ["r"]) == []


def test_who_is_given_bits_is_refused_more_often_than_it_may_fail() -> None:
    refused = Counter(
        line.message.task_id
        for line in _purse("bits", early=False)
        if isinstance(line.message, TaskSettled) and line.message.outcome != "succeeded"
    )
    assert max(refused.values()) > payer.contract.retries + 1


def test_what_was_spent_before_a_raise_is_judged_by_what_the_budget_was() -> None:
    lines = _purse("more", early=False)
    judge = Judge(lines[0].topic.partition(".")[0], (), own=True)
    for line in lines:
        if isinstance(line.message, BudgetReceived):
            judge.runs["r"].spent += PURSE_TOKENS + UNTOLD_TOKENS
        judge.take(line)
    assert any("before it was raised" in text for text in judge.spent.told)
    assert judge.runs["r"].budget == ENOUGH


@pytest.mark.parametrize(
    ("pipeline", "value", "from_"),
    [(plans, Goal(tasks=3), "tells"), (purses, Purse(items=list(ITEMS), says="no"), "tallies")],
)
def test_a_replay_takes_a_plan_over_and_what_failed_for_want_of_money(
    pipeline: Pipeline[Any, Any], value: BaseModel, from_: str
) -> None:
    async def script(stage: Stage) -> None:
        options: dict[str, Any] = {"budget": PURSE_TOKENS, "on_spent": "ask"} if pipeline is purses else {}
        run = await stage.client.submit(pipeline, value, run_id="r", **options)
        if isinstance(value, Purse):
            await pays(run, value, early=True)
        await run.ended()
        doors = stage.doors
        async with Argosy(stage.world.settings, doors.kafka, doors.redis, doors.payloads) as fleet:
            await (await fleet.replay("r", from_=[from_], new_run_id="again-0")).ended()

    lines = _play(script)
    assert _said(lines, ["r", "again-0"]) == []
    judge = Judge(lines[0].topic.partition(".")[0], (), own=True)
    for line in lines:
        judge.take(line)
    assert judge.runs["again-0"].took == judge.runs["r"].took != b""
    assert len(judge.runs["again-0"].tasks) == 1


def test_a_run_that_spent_too_much_or_lacks_something_for_another_reason_is_told() -> None:
    run = RunSeen(pipeline="savers", budget=100, spent=100 + CALLS_TOKENS)
    run.task("r/save.0").value = "made"
    run.task("r/save.1").fault = "budget_spent"
    assert misspent(run) == ""
    run.spent += 1
    assert "its budget was 100" in misspent(run)
    run.spent = 0
    run.task("r/save.2").fault = "timeout"
    assert misspent(run) == "lacks what failed by budget_spent, timeout"


@pytest.mark.parametrize("early", [True, False])
def test_of_all_answers_the_first_right_ones_count(early: bool) -> None:  # noqa: FBT001 - a parameter
    async def script(stage: Stage) -> None:
        run = await stage.client.submit(gates, Question(number=7), run_id="r")
        await answers(run, 7, early=early)
        await run.result()

    assert _said(_play(script), ["r"]) == []


def test_whoever_answers_again_from_the_beginning_changes_nothing() -> None:
    async def script(stage: Stage) -> None:
        run = await stage.client.submit(gates, Question(number=7), run_id="r")
        await answers(run, 7, early=True)
        await answers(run, 7, early=False)
        await run.result()

    assert _said(_play(script), ["r"]) == []


def test_prints_tell_order_and_what_is_missing() -> None:
    one, two, three = (print_of(text) for text in ("a page", "another", "ä third"))
    assert (
        joined(joined(one, two), three) == joined(one, joined(two, three)) == print_of("a pageanotherä third")
    )
    assert joined(two, one) != joined(one, two)


@pytest.mark.parametrize(
    ("pipeline", "given", "whole", "words"),
    [
        (
            "papers",
            "a text",
            {"print": 1, "size": 6, "values": [], "value": ""},
            "the pages are not the text",
        ),
        ("summaries", "a text", {"parts": ["x"], "fits": True, "value": ""}, "0 pages were summarised"),
        ("summaries", "a text", {"parts": ["x"], "fits": False, "value": ""}, "more than the window"),
        ("gates", {"number": 1}, {"number": 1, "said": 0}, "should say"),
        ("rounds", {"goal": 1}, {"goal": 1, "done": True, "values": ["else"], "value": "else"}, "should say"),
        ("teams", [{"goal": 1}], [], "0 results of 1 children"),
        ("teams", [{"goal": 1}], [{"goal": 1, "done": True, "values": ["x"], "value": "x"}], "child 0"),
        ("asked", [1], [{"said": "else", "value": "v"}], "should say"),
        ("plans", {"tasks": 1}, {"results": {}}, "tasks of 0 plans"),
        ("shops", [1], [{"got": "", "value": "v"}], "took [None]"),
        ("savers", [1], {"values": ["v"], "value": "w"}, "took"),
        ("purses", {"items": [1], "says": "bits"}, {"values": [""], "value": "w"}, "1 are missing, though"),
        ("purses", {"items": [], "says": "no"}, {"values": [], "value": "w"}, "there was not enough"),
        ("purses", {"items": [1], "says": "no"}, {"values": ["v"], "value": "w"}, "took"),
        ("work", [1], {"drafts": ["other"], "check": "c", "value": "m"}, "took"),
    ],
)
def test_a_wrong_result_is_told(pipeline: str, given: JsonValue, whole: JsonValue, words: str) -> None:
    assert words in wrong(pipeline, "r", given, whole, {})


def test_tasks_of_two_plans_are_told() -> None:
    took = {"cut/dig1-aaa": "x", "cut/heap-aaa": "y", "cut/=": "", "cut/dig1-bbb": "z", "tells": "t"}
    assert wrong("plans", "r", {"tasks": 1}, {}, took).startswith("tasks of 2 plans took effect")
    right: JsonValue = {
        "results": {"dig1-aaa": "x", "heap-aaa": "y"},
        "holes": ["dig0-aaa"],
        "below": ["", "x"],
        "value": "t",
    }
    del took["cut/dig1-bbb"]
    assert wrong("plans", "r", {"tasks": 1}, right, took) == ""
    assert "should say" in wrong("plans", "r", {"tasks": 1}, right, {**took, "cut/dig2-aaa": "more"})


def test_pages_in_another_order_than_they_took_effect_are_told() -> None:
    text = document(2)
    whole: JsonValue = {
        "print": print_of(text)[0],
        "size": print_of(text)[1],
        "values": ["b", "a"],
        "value": "",
    }
    took = {"reader/p1.0": "a", "reader/p1.1": "b"}
    assert "took ['a', 'b']" in wrong("papers", "r", text, whole, took)
