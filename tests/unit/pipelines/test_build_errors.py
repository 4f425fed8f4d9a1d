"""Every mistake is said in three lines: what, why, what to do; in the line that is wrong."""

# Mistakes are what a strict checker would refuse.
# pyright: basic

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.join import quorum
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import BuildError
from argosy.schemas.hole import Hole
from support.briefing import (
    Brief,
    Critique,
    Document,
    Notes,
    Summary,
    criticise,
    research,
    summarise,
    synthesise,
)

if TYPE_CHECKING:
    from argosy.pipelines.ref import Ref


def pipeline() -> Any:  # noqa: ANN401 - most uses here are what a type checker would refuse
    return Pipeline("p", takes=Document, gives=Brief)


def error_of(build: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(BuildError) as caught:
        build()
    return caught.value.what, caught.value.why, caught.value.do


def test_two_steps_of_one_name() -> None:
    p = pipeline()
    p.step(research, p.input)
    assert error_of(lambda: p.step(research, p.input)) == (
        "two steps named 'research' in 'p'",
        "a step's name is part of its task ids",
        "pass name='...' to one of them",
    )


def test_an_input_of_another_type() -> None:
    p = pipeline()
    summary = p.step(summarise, p.input)
    assert error_of(lambda: p.step(research, summary, name="x")) == (
        "input 'document' of step 'x' is Summary",
        "research takes Document",
        "pass another ref, or .pick(...) the field that fits",
    )


def test_an_input_that_may_be_a_hole_where_none_is_taken() -> None:
    p = pipeline()
    summary = p.step(summarise, p.input).or_hole()
    assert error_of(lambda: p.step(criticise, summary, name="x"))[:2] == (
        "input 'summary' of step 'x' is Summary | Hole",
        "criticise takes Summary",
    )


def test_a_wrong_number_of_inputs() -> None:
    p = pipeline()
    notes = p.step(research, p.input)
    for refs in ([notes, notes], [], [notes] * 4):
        assert error_of(lambda refs=refs: p.step(synthesise, *refs, name="x")) == (  # type: ignore[misc]
            f"step 'x' got {len(refs)} inputs",
            "synthesise takes notes, summary, critique",
            "pass one ref for each, in that order",
        )


def test_a_join_that_has_nothing_to_count() -> None:
    p = pipeline()
    assert error_of(lambda: p.step(research, p.input, name="x", join=quorum(1))) == (
        "step 'x' has join=quorum but no input that may be a hole",
        "the join could fire before a required input is there",
        "mark what may be missing: ref.or_hole()",
    )


def test_a_join_that_asks_for_more_than_there_is() -> None:
    @agent
    async def either(_ctx: Context, a: Notes | Hole, b: Notes | Hole) -> Brief:
        return Brief(markdown=f"{a} {b}")

    p = pipeline()
    notes = p.step(research, p.input)
    what, _, do = error_of(lambda: p.step(either, notes.or_hole(), notes.or_hole(), join=quorum(3)))
    assert what == "step 'either' has a join of 3, but 2 inputs that may be a hole"
    assert do == "ask for 2 at most, or mark more of them: ref.or_hole()"


def test_a_map_that_orders_too_much_at_once() -> None:
    many = Pipeline("many", takes=list[Document], gives=list[Notes])
    assert error_of(lambda: many.map(research, over=many.input, max_parallel=100_000)) == (
        "map 'research' has max_parallel=100000",
        "one event of a run may order that many shards; at most 1000 are possible",
        "give 1 to 1000: workers take what they have room for, whatever is ordered",
    )


def test_maps_inside_maps_that_order_too_much_together() -> None:
    inner = Pipeline("inner", takes=list[Document], gives=list[Notes])
    inner.returns(inner.map(research, over=inner.input, max_parallel=200))
    outer = Pipeline("outer", takes=list[list[Document]], gives=list[list[Notes]])
    outer.returns(outer.map(inner, over=outer.input, max_parallel=100))
    assert error_of(outer.compile) == (
        "map 'research' of 'inner' has 200 shards in each of 100 at once",
        "maps inside maps multiply; at most 10000 shards may be under way together",
        "lower max_parallel of one of these maps",
    )


def test_an_agent_that_is_tried_too_often() -> None:
    async def f(_ctx: Context, x: str) -> str:
        return x

    assert error_of(lambda: agent(retries=1_000)(f)) == (
        "agent 'f' has retries=1000",
        "a task is tried 100 times more at most; what fails so often fails again",
        "give fewer, and a longer backoff_seconds for what takes its time to come back",
    )


def test_a_step_that_leads_nowhere() -> None:
    p = pipeline()
    notes = p.step(research, p.input)
    summary = p.step(summarise, p.input)
    p.returns(p.step(synthesise, notes, summary, p.step(criticise, summary)))
    p.step(research, p.input, name="extra")
    assert error_of(p.compile) == (
        "step 'extra' of 'p' leads nowhere",
        "its result is not used and nothing waits for it",
        "use it, return it, or name it in after= of a later step",
    )


def test_a_pipeline_that_returns_nothing() -> None:
    p = pipeline()
    p.step(research, p.input)
    assert error_of(p.compile) == (
        "'p' returns nothing",
        "a run ends with one result",
        "add p.returns(<the last step>)",
    )


def test_a_ref_of_another_pipeline() -> None:
    p = pipeline()
    q = Pipeline("q", takes=Document, gives=Brief)
    expected = (
        "a ref of pipeline 'p' in 'q'",
        "a step reads only its own run",
        "pass the value in through q.input",
    )
    assert error_of(lambda: q.step(research, p.input)) == expected
    assert error_of(lambda: q.returns(p.step(research, p.input))) == expected
    assert error_of(lambda: q.step(research, q.input, after=[p.step(summarise, p.input)])) == expected
    flag = p.input.pick(lambda d: d.title == "x")
    assert error_of(lambda: q.step(research, q.input, when=flag)) == expected


def test_an_agent_that_is_not_async() -> None:
    def f(_ctx: Context, x: str) -> str:
        return x

    anything: Any = f
    assert error_of(lambda: agent(anything)) == (
        "agent 'f' is not async",
        "a worker runs many tasks at once on one loop",
        "write `async def f(ctx: Context, ...)`",
    )


def test_an_agent_without_types() -> None:
    async def f(_ctx, x) -> str:  # type: ignore[no-untyped-def] # noqa: ANN001 - the mistake
        return str(x)

    async def g(_ctx: Context, _x: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - the mistake
        return 1

    why = "inputs and results are checked and described by JSON Schema"
    assert error_of(lambda: agent(f)) == (
        "agent 'f' has no type for 'x'",
        why,
        "annotate 'x' with a pydantic model or a JSON type",
    )
    assert error_of(lambda: agent(g)) == (
        "agent 'g' has no type for its result",
        why,
        "annotate its result with a pydantic model or a JSON type",
    )


def test_an_agent_of_a_type_that_is_no_json() -> None:
    async def f(_ctx: Context, x: Callable[[], int]) -> int:
        return x()

    what, why, _ = error_of(lambda: agent(f))
    assert what == "agent 'f' has no JSON type for 'x'"
    assert why.startswith("inputs and results are checked and described by JSON Schema (")


def test_an_agent_whose_type_cannot_be_found() -> None:
    async def f(_ctx: Context, x: "Nowhere") -> str:  # type: ignore[name-defined] # noqa: F821 - the mistake
        return str(x)

    what, _, do = error_of(lambda: agent(f))
    assert what == "agent 'f' has a type that can't be found: name 'Nowhere' is not defined"
    assert do.startswith("define or import it at the top of the module")


def test_an_agent_without_room_for_input() -> None:
    async def f(_ctx: Context, x: str) -> str:
        return x

    assert error_of(lambda: agent(window=4096, reserve=4000)(f)) == (
        "agent 'f' has no room for input",
        "reserve 4000 >= window 4096 x threshold 0.8",
        "lower reserve, or use a model with a larger window",
    )


def test_a_pipeline_returns_once() -> None:
    p = Pipeline("p", takes=Document, gives=Summary)
    summary = p.step(summarise, p.input)
    p.returns(summary)
    assert error_of(lambda: p.returns(summary))[0] == "'p' returns twice"


def test_a_hole_is_no_result() -> None:
    p: Any = Pipeline("p", takes=Document, gives=Summary)
    assert (
        error_of(lambda: p.returns(p.step(summarise, p.input).or_hole()))[0] == "'p' returns Summary | Hole"
    )


def test_two_agents_of_one_name() -> None:
    @agent(name="research")
    async def other(_ctx: Context, document: Document) -> Critique:
        return Critique(severity=0, points=[document.text])

    child = Pipeline("child", takes=Document, gives=Critique)
    child.returns(child.step(other, child.input))
    p = pipeline()
    p.step(research, p.input)
    expected = (
        "two agents named 'research' in 'p'",
        "an agent's name is its topic and its consumer group",
        "pass name='...' to one of them",
    )
    assert error_of(lambda: p.step(other, p.input, name="x")) == expected
    assert error_of(lambda: p.step(child, p.input)) == expected


def test_a_failed_step_leaves_the_pipeline_as_it_was() -> None:
    p = Pipeline("p", takes=Document, gives=Summary)
    error_of(lambda: p.step(summarise, p.input, name="input"))
    ref: Ref[Summary] = p.step(summarise, p.input)
    p.returns(ref)
    assert [step.name for step in p.compile().steps] == ["summarise"]


@agent
async def joins_text(ctx: Context, results: list[str]) -> str:
    return f"{ctx.run_id}{results}"


@agent
async def joins_briefs(ctx: Context, results: list[Brief]) -> str:
    return f"{ctx.run_id}{results}"


@agent
async def takes_one(ctx: Context, result: Brief) -> Brief:
    return Brief(markdown=f"{ctx.run_id}{result}")


@agent
async def takes_two(ctx: Context, results: list[Brief], style: str) -> Brief:
    return Brief(markdown=f"{ctx.run_id}{results}{style}")


@pytest.mark.parametrize(
    ("merge", "why"),
    [
        (joins_text, "it is given a list of Brief, and takes list[str]"),
        (takes_one, "it is given a list of Brief, and takes Brief"),
        (joins_briefs, "its result stands for Brief, and it gives str"),
        (takes_two, "nothing gives it style: it gets the results alone"),
        (joins_text.function, "that is no agent"),
    ],
)
def test_a_merge_that_can_not_take_or_make_the_results(merge: Any, why: str) -> None:  # noqa: ANN401 - wrong uses
    async def write(ctx: Context, document: Document) -> Brief:
        return Brief(markdown=f"{ctx.run_id}{document}")

    decorate: Any = agent
    what, told, do = error_of(lambda: decorate(above="paginate", merge=merge)(write))
    assert what.startswith("agent 'write' has merge=")
    assert (told, do) == (why, "pass merge=<an agent (ctx, list[Brief]) -> Brief>")
