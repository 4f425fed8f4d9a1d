"""Two runs side by side: where they part, and what follows from it."""

from argosy import Context, Pipeline, agent
from argosy.console.diff import diff
from argosy.console.diff_items import items_of
from argosy.console.lineage import lineage
from argosy.testing import Fleet
from support.told_runs import payloads_of, told


@agent
async def fetch(ctx: Context, title: str) -> str:  # noqa: ARG001
    return f"sources of {title}"


@agent
async def weigh(ctx: Context, text: str) -> str:
    return f"{text}, weighed{' wrongly' if ctx.run_id == 'b' else ''}"


@agent
async def count(ctx: Context, text: str) -> int:  # noqa: ARG001
    return len(text)


@agent
async def write(ctx: Context, text: str, number: int) -> str:  # noqa: ARG001
    return f"{text} ({number})"


brief = Pipeline("brief", takes=str, gives=str)
_found = brief.step(fetch, brief.input)
brief.returns(brief.step(write, brief.step(weigh, _found), brief.step(count, _found)))


async def test_the_first_task_with_another_output_for_the_same_input_is_named_and_what_follows() -> None:
    async with Fleet(brief) as fleet:
        for run_id in "abc":
            await fleet.submit(brief, "seas" if run_id != "c" else "lakes", run_id=run_id)
        await fleet.settle()
        runs = {run_id: told(fleet, run_id) for run_id in "abc"}
    found = diff(runs["a"], runs["b"])
    assert found.first is not None
    assert found.first.task == "weigh"
    assert {each.task: (each.how, each.because) for each in found.tasks} == {
        "fetch": ("same", ()),
        "weigh": ("differs", ()),
        "count": ("same", ()),
        "write": ("follows", ("weigh",)),
    }
    assert (found.same_input, found.same_outcome, found.steps) == (True, False, [])
    other = diff(runs["a"], runs["c"])
    assert (other.first, other.same_input) == (None, False)
    assert {each.task: each.because for each in other.tasks}["fetch"] == ("input",)
    same = diff(runs["a"], runs["a"])
    assert {each.how for each in same.tasks} == {"same"}
    assert same.same_outcome


many = Pipeline("many", takes=list[str], gives=list[str])
many.returns(many.map(weigh, over=many.input, max_parallel=3))


async def test_a_shard_is_compared_by_its_own_item_of_the_list() -> None:
    async with Fleet(many) as fleet:
        await fleet.submit(many, ["one", "two", "three"], run_id="a")
        await fleet.submit(many, ["one", "2", "three"], run_id="c")
        await fleet.settle()
        one, two = told(fleet, "a"), told(fleet, "c")
        items = await items_of(one, two, payloads=payloads_of(fleet))
    assert {each.task: each.how for each in diff(one, two, items).tasks} == {
        "weigh.0": "same",
        "weigh.1": "follows",
        "weigh.2": "same",
    }
    assert {each.how for each in diff(one, two).tasks} == {"agrees", "follows"}


async def test_each_input_is_told_with_the_task_that_made_it() -> None:
    async with Fleet(brief) as fleet:
        run = await fleet.submit(brief, "seas")
        await fleet.settle()
        found = lineage(told(fleet, run))
    assert {name: [fed.sources for fed in node.inputs] for name, node in found.nodes.items()} == {
        "fetch": [("input",)],
        "weigh": [("fetch",)],
        "count": [("fetch",)],
        "write": [("weigh",), ("count",)],
    }
    assert [part.source for part in found.outcome] == ["write"]
