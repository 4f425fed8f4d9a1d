"""What is told of tasks that were too large: what each got, against its window; its pages in people's words."""

import pytest

from argosy.agents.page_plan import plan_pages
from argosy.agents.summary_plan import Limits, plan_summaries
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.console.context_view import context_of, drawn
from argosy.console.run_history import History, Logged, take
from argosy.console.run_tree import tree
from argosy.console.system_words import said
from argosy.console.task_table import rows
from argosy.pipelines.terms import make_contract
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import NotFound
from argosy.schemas.facts import Facts, ValueFact
from argosy.schemas.pages import PLAN_WANTS, SUMMARY_WANTS, PagePlan, SummaryPlan
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import LogMessage, TaskSettled
from support.fold_pipelines import accepted, contract, pipeline, succeeded, task

TEXT = "One sentence of some words. " * 20
WINDOW = 200  # x 0.8 - 10: room for 150 characters


def history_of(above: str, *messages: LogMessage) -> History:
    agents = {"ag": contract(above=above, window=WINDOW, model="fake:m")}
    compiled = pipeline(task("a", "input"), agents=agents)
    given = Inline(value=TEXT, bytes=len(TEXT) + 2, tokens=len(TEXT))
    first = accepted(compiled, rules=2, input=given, windows={"ag": WINDOW})
    found = History("r")
    for offset, message in enumerate((first, *messages), start=1):
        envelope = Envelope(kind=message.KIND, id=f"id-{offset}", source="argosy/worker/w", subject="r")
        take(found, Logged(0, offset, 1_000 * offset, envelope, message))
    return found


def settled(local: str, value: object, facts: Facts | None = None) -> TaskSettled:
    text = str(value)
    made = Inline(value=text, bytes=len(text) + 2, tokens=len(text))
    return succeeded(local, facts=facts).model_copy(update={"result": made})


def planned(local: str, plan: PagePlan | SummaryPlan) -> TaskSettled:
    document = plan.model_dump(mode="json")
    wants = PLAN_WANTS if isinstance(plan, PagePlan) else SUMMARY_WANTS
    facts: Facts = {
        want.key: ValueFact(
            kind="value",
            value=len(plan.pages) if want.select == "length(pages)" else document[want.select or ""],
        )
        for want in wants
    }
    made = Inline(value=document, bytes=9, tokens=9)
    return succeeded(local, facts=facts).model_copy(update={"result": made})


def pages() -> History:
    terms = make_contract("ag", {"above": "paginate"}, merge=None)
    plan = plan_pages({"p0": TEXT}, terms, 150, len)
    assert len(plan.pages) == 4
    return history_of("paginate", planned("a/p0", plan), settled("a/p1.1", "of page 2"))


def summaries() -> History:
    terms = make_contract("ag", {"above": "summarise", "model": "fake:m"}, merge=None)
    plan = plan_summaries({"p0": TEXT}, terms, Limits(143, 200, 100), len)
    made = [settled(f"a/p1.{number}", "s" * page.budget) for number, page in enumerate(plan.pages)]
    return history_of("summarise", planned("a/p0", plan), *made)


async def test_a_page_is_drawn_against_the_window_with_what_it_is_a_page_of() -> None:
    shown, room = await context_of(pages(), "a/p1.2", MemoryPayloads())
    (given,) = shown.inputs
    assert (given.how, given.original_tokens, given.exact) == ("page 3 of 4", len(TEXT), True)
    assert 100 < given.tokens <= 150
    assert (room, shown.left(150)) == (150, 150 - given.tokens)
    lines = list(drawn(shown, room))
    assert lines[0] == "r/a/p1.2: page 3 of 4 of a; agent ag, fake:m"
    assert lines[1].startswith(f"p0     [{'#' * (given.tokens * 40 // 200)}.")
    assert lines[2] == f"reserve [##{'.' * 38}] 10 tokens for the answer"
    assert lines[4] == f"unused [{'#' * 8}{'.' * 32}] 40 tokens above 80 %"
    assert lines[5] == f"window [{'#' * 40}] 200 tokens of the model, factor 1"
    assert lines[6].startswith(
        f"paginate: p0: {len(TEXT)} tokens in 4 pages of at most 150 (factor 1, sha256 "
    )


async def test_a_page_is_one_of_as_many_also_once_the_merges_have_run() -> None:
    plan = plan_pages({"p0": TEXT}, make_contract("ag", {"above": "paginate"}, merge=None), 150, len)
    ended = [settled(f"a/p1.{number}", "of a page") for number in range(4)]
    shown, _ = await context_of(
        history_of("paginate", planned("a/p0", plan), *ended), "a/p1.3", MemoryPayloads()
    )
    assert (shown.what, shown.inputs[0].how) == ("page 4 of 4 of a", "page 4 of 4")


async def test_a_task_that_was_cut_says_so_and_where_its_parts_are() -> None:
    shown, room = await context_of(pages(), "a", MemoryPayloads())
    assert shown.cut == "too large: cut into 4 pages, r/a/p1.0 to r/a/p1.3; now: pages: 3 out, 1 done"
    assert shown.cut in list(drawn(shown, room))
    shown, _ = await context_of(summaries(), "a", MemoryPayloads())
    assert shown.cut.startswith(
        "too large: 3 pages of it summarised, r/a/p1.0 to r/a/p1.2; now: the task with"
    )
    shown, _ = await context_of(pages(), "a/p1.1", MemoryPayloads())
    assert shown.cut == ""


async def test_the_whole_with_summaries_is_drawn_too() -> None:
    shown, room = await context_of(summaries(), "a/p2.0", MemoryPayloads())
    (given,) = shown.inputs
    assert given.how == "summary of 3 pages"
    assert 120 < given.tokens <= 150
    assert shown.what == "a with its inputs summarised"
    assert [record.method for record in shown.reduced] == ["summarise"]
    assert shown.reduced[0].after == given.tokens
    assert room == 150


async def test_what_was_planned_shows_all_of_its_input() -> None:
    shown, _ = await context_of(pages(), "a/p0", MemoryPayloads())
    assert (shown.inputs[0].how, shown.inputs[0].tokens) == ("whole", len(TEXT))


async def test_a_task_that_was_never_ordered_has_no_context() -> None:
    with pytest.raises(NotFound, match="has ordered no task"):
        await context_of(pages(), "a/p3.0", MemoryPayloads())


def test_rows_and_the_tree_tell_of_pages_in_words() -> None:
    found = pages()
    assert [(row.task, row.state, row.what) for row in rows(found)] == [
        ("a", "in pages", ""),
        ("a/p0", "succeeded", "plan of the pages of a"),
        ("a/p1.0", "out", "page 1 of 4 of a"),
        ("a/p1.1", "succeeded", "page 2 of 4 of a"),
        ("a/p1.2", "out", "page 3 of 4 of a"),
        ("a/p1.3", "out", "page 4 of 4 of a"),
    ]
    drawn_tree = tree(found, 10_000)
    assert "p0: 560 tokens in 4 pages of at most 150" in drawn_tree
    assert "pages: 3 out, 1 done" in drawn_tree
    assert "the task with summaries: 1 out" in tree(summaries(), 10_000)
    assert said(found, "a/p1.0") == "a/p1.0 (page 1 of 4 of a)"
    assert said(found, "a") == "a"


async def test_a_part_of_a_value_is_counted_where_that_is_asked_for() -> None:
    report = {"title": "one two three", "text": TEXT}
    agents = {"ag": contract(window=WINDOW, model="fake:m")}
    step = task("a", {"from": "input", "select": "title"})
    given = Inline.model_validate({"value": report, "bytes": 9, "tokens": len(TEXT)})
    found = History("r")
    first = accepted(pipeline(step, agents=agents), rules=2, input=given, windows={"ag": WINDOW * 10})
    take(found, Logged(0, 1, 1_000, Envelope(kind=first.KIND, id="i", source="s", subject="r"), first))
    bound, _ = await context_of(found, "a", MemoryPayloads())
    assert (bound.inputs[0].tokens, bound.inputs[0].exact) == (len(TEXT), False)
    shown, _ = await context_of(found, "a", MemoryPayloads(), counted=True)
    assert (shown.inputs[0].tokens, shown.inputs[0].exact) == (3, True)


async def test_a_run_is_no_task() -> None:
    with pytest.raises(NotFound, match="r names a run, no task"):
        await context_of(pages(), "", MemoryPayloads())
