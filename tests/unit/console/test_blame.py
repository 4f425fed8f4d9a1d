"""Which agent made the error: planted ones in fleets that really run, each named with what shows it."""

import re

import pytest
from pydantic import BaseModel

from argosy import Context, Hole, Pipeline, Reject, Retry, agent, all_ended
from argosy.console.blame import blame
from argosy.console.blame_facts import Blame
from argosy.console.blame_story import story
from argosy.console.dashboard_blame_links import named
from argosy.schemas.errors import NotFound
from argosy.testing import FakeModel, Fleet
from argosy.testing.fleet_run import FleetRun
from support.blame_app import briefing
from support.told_runs import payloads_of, told


async def asked(fleet: Fleet, run: FleetRun[object], about: str = "") -> Blame:
    return await blame(told(fleet, run), payloads_of(fleet), about)


async def test_of_six_agents_the_one_that_falsified_a_figure_is_named() -> None:
    async with Fleet(briefing) as fleet:
        run = await fleet.submit(briefing, "lighthouses")
        await fleet.settle()
        for about in ("1301", "1,301 STEPS", ".figures.steps", "figures"):
            found = await asked(fleet, run, about)
            assert (found.verdict, [task.task for task in found.made_by]) == ("made", ["polish"]), about
            (guilty,) = found.made_by
            (against,) = guilty.contradictions
            assert (against.input, against.was, against.became) == ("facts", "301", "1301")
            assert [link.task for link in found.way][-2:] == ["write", ""]
        plain = await asked(fleet, run)
        assert plain.suspects[0].task.task == "polish"
        assert "facts says 301, its output 1301" in plain.suspects[0].reasons[0]
        true = await asked(fleet, run, "finished in 1611")
        assert [task.task for task in true.made_by] == ["research"]
        given = await asked(fleet, run, "lighthouses")
        assert (given.verdict, given.in_input, given.made_by) == ("given", True, ())


async def test_a_page_can_lead_to_each_task_that_is_spoken_of_once_the_answer_first() -> None:
    async with Fleet(briefing) as fleet:
        run = await fleet.submit(briefing, "lighthouses")
        await fleet.settle()
        found = await asked(fleet, run, "1301")
        names = [one.task for one in named(found, {"write", "polish", "criticise"})]
        assert (names[0], sorted(names)) == ("polish", ["polish", "write"])
        assert named(found, {"polish"})[0].said == "made it"
        (suspect,) = named(await asked(fleet, run), {"polish"})
        assert suspect.said.endswith("points against it")
        pieces = named(await asked(fleet, run, ".markdown"), {"research", "write"})
        assert [(one.task, one.said) for one in pieces] == [
            ("write", "made it"),
            ("research", "first had a part of it"),
        ]


async def test_a_value_put_together_of_others_is_told_piece_by_piece() -> None:
    async with Fleet(briefing) as fleet:
        run = await fleet.submit(briefing, "lighthouses")
        await fleet.settle()
        found = await asked(fleet, run, ".markdown")
        whole = await asked(fleet, run, ".")
    assert [task.task for task in found.made_by] == ["write"]
    assert [(piece.made_by, piece.text) for piece in found.pieces] == [
        ("input", "lighthouses"),
        ("research", "The tower of Cordouan was finished in 1611."),
        ("polish", "It has 1,301 steps."),
        ("research", "Its lamp is seen for 21 miles."),
        ("criticise", "3 facts read, none doubted"),
    ]
    assert (whole.pieces[0].made_by, whole.pieces[0].text) == ("research", ".title: Cordouan")
    assert (whole.pieces[-1].made_by, whole.pieces[-1].text) == ("polish", ".figures.steps: 1301")
    assert "  polish: “It has 1,301 steps.”" in list(story(found))


async def test_a_text_of_no_value_is_nowhere_and_a_field_that_is_not_there_is_an_error() -> None:
    async with Fleet(briefing) as fleet:
        run = await fleet.submit(briefing, "lighthouses")
        await fleet.settle()
        assert (await asked(fleet, run, "Eddystone")).verdict == "nowhere"
        assert (await asked(fleet, run, "30")).verdict == "nowhere"
        with pytest.raises(NotFound, match=r"(?s)no field \.text.*title, markdown, figures"):
            await asked(fleet, run, ".text")


@agent(window=1_200, reserve=200, above="summarise", model="openai:gpt-5-mini")
async def judge(ctx: Context, notes: str) -> str:  # noqa: ARG001
    return " ".join(re.findall(r"FACT\d+", notes))


judges = Pipeline("judges", takes=str, gives=str)
judges.returns(judges.step(judge, judges.input))


def forgetful(question: str) -> str:
    return " ".join(found for found in re.findall(r"FACT\d+", question) if found != "FACT120") or "nothing"


async def test_the_summary_that_dropped_a_fact_is_named_with_tokens_before_and_after() -> None:
    notes = "".join(f"note {n}: {f'FACT{n}' if n % 60 == 0 else 'no fact'} was found\n" for n in range(300))
    async with Fleet(judges, model=FakeModel().reply(forgetful)) as fleet:
        run = await fleet.submit(judges, notes)
        await fleet.settle()
        assert await run.result() == "FACT0 FACT60 FACT180 FACT240"
        found = await asked(fleet, run, "FACT120")
        kept = await asked(fleet, run, "FACT180")
        plain = await asked(fleet, run)
    assert (found.verdict, found.in_input, found.made_by) == ("lost", True, ())
    (lost,) = found.lost
    assert lost.task.what.startswith("summary of page")
    assert lost.task.what.endswith("of judge")
    assert lost.how == "dropped"
    assert lost.before > 10 * lost.after > 0
    assert lost.text == "note 120: FACT120 was found"
    (record,) = lost.task.reduced
    assert record.before > lost.before > record.after
    assert (kept.verdict, kept.lost) == ("given", ())
    assert [link.task for link in kept.way][-1] == ""
    assert "summaries" in kept.way[1].how
    assert any(record.method == "summarise" for record in plain.suspects[0].task.reduced)


class Report(BaseModel):
    title: str
    text: str


@agent(window=400, reserve=20, above="paginate", overlap=20)
async def alarms(ctx: Context, report: Report) -> list[str]:  # noqa: ARG001
    return [f"{report.title}: {line} at 12 o'clock" for line in report.text.splitlines() if "FIRE" in line]


watch = Pipeline("watch", takes=Report, gives=list[str])
watch.returns(watch.step(alarms, watch.input))


async def test_what_a_page_made_is_followed_through_the_merges() -> None:
    text = "".join(f"hour {n}: nothing\n" for n in range(200)) + "hour 200: FIRE\n"
    text += "".join(f"hour {n}: nothing\n" for n in range(201, 400))
    async with Fleet(watch) as fleet:
        run = await fleet.submit(watch, Report(title="a log", text=text))
        await fleet.settle()
        assert await run.result() == ["a log: hour 200: FIRE at 12 o'clock"]
        made = await asked(fleet, run, "12 o'clock")
        given = await asked(fleet, run, "hour 200: fire")
        lost = await asked(fleet, run, "hour 7: nothing")
    assert [task.what for task in made.made_by] == ["page 5 of 10 of alarms"]
    assert [link.task.rpartition("/")[2].partition(".")[0] for link in made.way][-2:] == ["p2", ""]
    assert given.verdict == "given"
    assert given.way[0].how.startswith("page 5 of 10")
    assert (lost.verdict, lost.lost[-1].task.what) == ("lost", "page 1 of 10 of alarms")


@agent(retries=0)
async def half(ctx: Context, number: int) -> str:  # noqa: ARG001
    if number == 2:
        raise Reject("the page of part 2 is gone")
    return f"part {number}"


@agent
async def join(ctx: Context, parts: list[str | Hole]) -> str:  # noqa: ARG001
    return ", ".join(part if isinstance(part, str) else "and so on" for part in parts)


holed = Pipeline("holed", takes=list[int], gives=str)
holed.returns(holed.step(join, holed.map(half, over=holed.input, max_parallel=3, join=all_ended())))


async def test_a_hole_is_told_with_its_reason() -> None:
    async with Fleet(holed) as fleet:
        run = await fleet.submit(holed, [1, 2, 3])
        await fleet.settle()
        found = await asked(fleet, run, "and so on")
        plain = await asked(fleet, run)
    (made,) = found.made_by
    assert made.task == "join"
    (hole,) = made.holes
    assert (hole.task, hole.outcome, "part 2 is gone" in hole.reason) == ("half.1", "failed", True)
    assert plain.suspects[0].task.task == "join"


@agent(retries=2, backoff_seconds=1)
async def unsure(ctx: Context, topic: str) -> str:
    if ctx.attempt == 1:
        raise Retry(after_seconds=1)
    return f"{topic}: 12 pages" if ctx.attempt > 1 else f"{topic}: 10 pages"


retried = Pipeline("retried", takes=str, gives=str)
retried.returns(retried.step(unsure, retried.input))


async def test_who_retried_is_told_with_all_attempts() -> None:
    async with Fleet(retried) as fleet:
        run = await fleet.submit(retried, "seas")
        await fleet.advance(30)
        found = await asked(fleet, run, "12 pages")
        plain = await asked(fleet, run)
    (made,) = found.made_by
    assert [(each.attempt, each.outcome, each.has) for each in made.attempts] == [
        (1, "failed", None),
        (2, "succeeded", True),
    ]
    assert any(reason.startswith("attempt 1 failed") for reason in plain.suspects[0].reasons)
