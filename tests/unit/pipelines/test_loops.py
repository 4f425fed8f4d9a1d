"""Loops as authors write them, and what is wrong with one, in the line that declares it."""

# Mistakes are what a strict checker would refuse.
# pyright: basic

import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from argosy import BuildError, Context, Pipeline, agent, const
from argosy.schemas.pipeline import CompiledPipeline, LoopStep
from argosy.schemas.pipeline_checks import check, selections
from support.fold_pipelines import Data, looped, pipeline


class Build(BaseModel):
    """What is repaired."""

    passed: bool = False
    tries: int = 0


@agent
async def repair(ctx: Context, build: Build, goal: str = "") -> Build:  # noqa: ARG001
    return build


@agent
async def describe(ctx: Context, build: Build) -> str:  # noqa: ARG001
    return str(build)


def started() -> Pipeline[Build, Build]:
    return Pipeline("p", takes=Build, gives=Build)


def test_a_loop_is_data() -> None:
    p = started()
    p.returns(
        p.loop(repair, p.input, until=lambda b: b.passed | (b.tries > 3), max_iterations=5, exhausted="last")
    )
    (step,) = p.compile().steps
    assert isinstance(step, LoopStep)
    assert step.model_dump(mode="json") == {
        "name": "repair",
        "kind": "loop",
        "agent": "repair",
        "inputs": [{"name": "build", "from": "input"}],
        "over": "build",
        "until": "passed || (tries > `3`)",
        "max_iterations": 5,
        "exhausted": "last",
    }
    assert CompiledPipeline.model_validate_json(str(p)) == p.compile()
    assert p.compile().rules() == 2
    assert ("the condition of loop 'repair' of 'p'", step.until) in list(selections(p.compile()))


def test_a_loop_may_start_with_a_constant() -> None:
    p = started()
    p.returns(p.loop(repair, const(Build()), sharing=const("x"), until=lambda b: b.passed, max_iterations=1))
    assert isinstance(p.compile().steps[0], LoopStep)


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (
            lambda p: p.loop(describe, p.input, until=lambda _: True, max_iterations=1),
            "feeds str back into 'build'",
        ),
        (lambda p: p.loop(repair, p.input, until=lambda b: b.tries, max_iterations=1), "until=int"),
        (lambda p: p.loop(repair, p.input, until=lambda b: b.passed, max_iterations=0), "max_iterations=0"),
        (
            lambda p: p.loop(repair, p.input, until=lambda b: b.passed, max_iterations=True),
            "max_iterations=True",
        ),
        (lambda p: p.loop(repair, p.input, until=lambda b: b.passed, max_iterations=1_001), "at most 1000"),
        (
            lambda p: p.loop(repair, p.input, until=lambda b: b.passed, max_iterations=1, exhausted="stop"),
            "exhausted='stop'",
        ),
        (
            lambda p: p.loop(
                repair,
                p.step(repair, p.input, name="a").or_hole(),
                until=lambda b: b.passed,
                max_iterations=1,
            ),
            "is Build | Hole",
        ),
        (
            lambda p: p.loop(repair, const("x"), until=lambda b: b.passed, max_iterations=1),
            "input 'build' of step 'repair'",
        ),
    ],
)
def test_what_is_wrong_with_a_loop_is_said_where_it_is_declared(
    declare: Callable[[Any], object], said: str
) -> None:
    with pytest.raises(BuildError, match=re.escape(said)):
        declare(started())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"over": "p7"}, "feeds back into 'p7'"),
        ({"max_iterations": 1_001}, "at most 1000"),
        ({"inputs": [{"name": "p0", "from": "input", "hole": True}]}, "may be a hole"),
    ],
)
def test_so_it_is_for_one_from_json(fields: Data, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        check(pipeline(looped("l", "input", **fields)))


@pytest.mark.parametrize("fields", [{"join": {"policy": "any"}}, {"max_iterations": 0}, {"until": ""}])
def test_a_loop_that_can_not_be_one_is_not_read(fields: Data) -> None:
    with pytest.raises(ValidationError):
        pipeline(looped("l", "input", **fields))
