"""Mistakes that the table of the design leaves out: each is said all the same."""

# Mistakes are what a strict checker would refuse.
# pyright: basic

from collections.abc import Callable
from typing import Any

import pytest

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.join import any_of, by_deadline, quorum
from argosy.pipelines.pipeline import Pipeline
from argosy.pipelines.ref import const
from argosy.pipelines.tool import tool
from argosy.schemas.errors import BuildError
from support.briefing import (
    Brief,
    Document,
    research,
    summarise,
)


def pipeline() -> Any:  # noqa: ANN401 - most uses here are what a type checker would refuse
    return Pipeline("p", takes=Document, gives=Brief)


def error_of(build: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(BuildError) as caught:
        build()
    return caught.value.what, caught.value.why, caught.value.do


async def _no_input(_ctx: Context) -> str:
    return ""


async def _many(_ctx: Context, *xs: str) -> str:
    return "".join(xs)


async def _by_position(_ctx: Context, x: str, /) -> str:
    return x


async def _good(_ctx: Context, x: str) -> str:
    return x


@agent(name="merge")
async def _merge(_ctx: Context, xs: list[str]) -> str:
    return "".join(xs)


WRONG_AGENTS: dict[str, tuple[Callable[[], object], str]] = {
    "no input": (lambda: agent(name="f")(_no_input), "agent 'f' takes no input"),
    "any number": (lambda: agent(name="f")(_many), "agent 'f' takes any number of inputs (*xs: str)"),
    "by position": (lambda: agent(name="f")(_by_position), "agent 'f' takes 'x' by position only"),
    "name": (lambda: agent(name="Bad Name")(_good), "an agent named 'Bad Name'"),
    "term": (lambda: agent(name="f", concurrency=0)(_good), "agent 'f' has concurrency=0"),
    "seconds": (lambda: agent(name="f", timeout_seconds=-1)(_good), "agent 'f' has timeout_seconds=-1"),
    "endless": (
        lambda: agent(name="f", timeout_seconds=float("inf"))(_good),
        "agent 'f' has timeout_seconds=inf",
    ),
    "retries": (lambda: agent(name="f", retries=101)(_good), "agent 'f' has retries=101"),
    "threshold": (lambda: agent(name="f", threshold=1.5)(_good), "agent 'f' has threshold=1.5"),
    "page": (lambda: agent(name="f", page="y.text")(_good), "agent 'f' has page='y.text'"),
    "paginate": (lambda: agent(name="f", above="paginate")(_good), "agent 'f' paginates, but gives str"),
    "overlap": (lambda: agent(name="f", overlap=9)(_good), "agent 'f' has overlap=9"),
    "weights": (
        lambda: agent(name="f", above="paginate", merge=_merge, weights={"x": 2})(_good),
        "agent 'f' has weights={'x': 2}",
    ),
    "merge": (lambda: agent(name="f", merge=_merge)(_good), "agent 'f' has merge='merge'"),
    "tool": (lambda: tool(name="Bad")(_good), "a tool named 'Bad'"),
}


@pytest.mark.parametrize("case", WRONG_AGENTS)
def test_what_else_is_wrong_with_an_agent(case: str) -> None:
    build, expected = WRONG_AGENTS[case]
    what, why, do = error_of(build)
    assert what == expected
    assert why
    assert do


@pytest.mark.parametrize(
    ("given", "do"), [("windw", "write window="), ("tool", "write tools="), ("zzz", "there are above, ")]
)
def test_an_option_that_no_agent_has_is_named_with_what_was_meant(given: str, do: str) -> None:
    decorate: Any = agent
    what, why, told = error_of(lambda: decorate(name="f", **{given: 1})(_good))
    assert (what, why) == (f"agent 'f' has {given}=1", "an agent has no such option")
    assert told.startswith(do)


def _conditions(p: Any) -> dict[str, tuple[Callable[[], object], str]]:  # noqa: ANN401 - as in `pipeline`
    notes = p.step(research, p.input)
    hole = p.step(summarise, p.input).pick(lambda s: s.text == "").or_hole()
    return {
        "text": (
            lambda: p.step(research, p.input, name="x", when=p.input.pick(lambda d: d.title)),
            "step 'x' has when=str",
        ),
        "hole": (lambda: p.step(research, p.input, name="x", unless=hole), "step 'x' has unless=bool | Hole"),
        "constant": (
            lambda: p.step(research, p.input, name="x", when=const(True)),  # noqa: FBT003 - a constant
            "step 'x' has when=const(True): bool",
        ),
        "after the input": (
            lambda: p.step(research, p.input, name="x", after=[p.input]),
            "step 'x' waits for p.input: Document",
        ),
        "plain function": (lambda: p.step(_good, p.input), "a step of 'p' runs '_good'"),
        "constant of another type": (
            lambda: p.step(research, const(3), name="x"),
            "input 'document' of step 'x' is const(3): int (document is no Document: Input should be ",
        ),
        "reserved": (lambda: p.step(research, p.input, name="input"), "a step named 'input' in 'p'"),
        "name": (lambda: p.step(research, p.input, name="A b"), "a step named 'A b'"),
        "map": (lambda: p.map(research, over=p.input, name="x"), "map 'x' spreads Document"),
        "map over text": (
            lambda: p.map(text, over=p.input.pick(lambda d: d.title), name="x"),
            "map 'x' spreads str",
        ),
        "too many at once": (
            lambda: p.map(text, over=notes.pick(lambda n: n.facts), name="x", max_parallel=1_001),
            "map 'x' has max_parallel=1001",
        ),
        "none at once": (
            lambda: p.map(text, over=notes.pick(lambda n: n.facts), name="x", max_parallel=0),
            "map 'x' has max_parallel=0",
        ),
        "map of other items": (
            lambda: p.map(research, over=notes.pick(lambda n: n.facts), name="x"),
            "input 'document' of step 'x' is str",
        ),
        "returns another type": (lambda: p.returns(notes), "'p' returns Notes"),
        "returns its input": (lambda: p.returns(p.input), "'p' returns p.input: Document"),
        "quorum": (lambda: quorum(1.5), "quorum(1.5)"),
        "quorum of none": (lambda: quorum(0), "quorum(0)"),
        "deadline": (lambda: by_deadline(-1), "by_deadline: within_seconds=-1"),
        "any": (lambda: any_of(within_seconds=0), "any_of: within_seconds=0"),
        "pipeline": (lambda: Pipeline("No", takes=str, gives=str), "a pipeline named 'No'"),
        "types": (
            lambda: Pipeline("p", takes=type(lambda: 0), gives=str),
            "'p' has takes=function",
        ),
        "query": (lambda: notes.query("facts[", list), "the query 'facts[' is no JMESPath"),
        "pick of a hole": (
            lambda: notes.or_hole().pick(lambda n: n),
            ".pick(...) on p.research: Notes | Hole",
        ),
        "pick of a constant": (lambda: const([1]).pick(lambda n: n), ".pick(...) on a constant"),
        "constant of no JSON": (lambda: const(object), "const(<class 'object'>)"),
        "constant of no number": (lambda: const(float("nan")), "const(...) of a value of type float"),
        "constant of half a character": (lambda: const(["\ud800"]), "const("),
        "constant of too many digits": (lambda: const(10**5_000), "const(...) of a value of type int"),
        "if": (lambda: 1 if notes else 2, "`if`, `and`, `or` or `not` on p.research: Notes"),
    }


@agent
async def text(_ctx: Context, x: str) -> str:
    return x


CASES = list(_conditions(pipeline()))


@pytest.mark.parametrize("case", CASES)
def test_what_else_is_wrong_with_a_step(case: str) -> None:
    build, expected = _conditions(pipeline())[case]
    what, why, do = error_of(build)
    assert what.startswith(expected)
    assert why
    assert do
