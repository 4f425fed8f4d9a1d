"""Whether the DAG of a compiled pipeline is right: the same checks for one from Python and one from JSON."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from argosy.schemas.contract_checks import check_agents
from argosy.schemas.edges import INPUT, InputEdge, Pick
from argosy.schemas.errors import BuildError
from argosy.schemas.loop_checks import check_loop
from argosy.schemas.pipeline import (
    MOST_PARALLEL,
    MOST_PARALLEL_INSIDE,
    CompiledPipeline,
    LoopStep,
    MapStep,
    SignalStep,
    Step,
)
from argosy.schemas.planning_checks import check_planning
from argosy.schemas.step_checks import check_inputs
from argosy.schemas.wait_checks import check_waits

if TYPE_CHECKING:
    from pydantic import JsonValue

    from argosy.schemas.contract import JsonSchema

MAX_DEPTH = 8
"""Pipelines inside pipelines; a task id grows with each."""


def check(pipeline: CompiledPipeline, *, depth: int = 1, around: int = 1) -> None:
    """Raise a BuildError for the first thing that is wrong in this pipeline or in one inside it.

    `depth` and `around` say how deep it lies, and in how many shards at once. What is left to the caller: the syntax of
    the JMESPath expressions (`selections` lists them).
    """
    if depth > MAX_DEPTH:
        raise BuildError(
            what=f"pipeline {pipeline.name!r} lies {depth} pipelines deep",
            why=f"a task's id holds the steps above it; at most {MAX_DEPTH} fit",
            do="put its steps into the pipeline that uses it",
        )
    _check_names(pipeline)
    _check_order(pipeline)
    for step in pipeline.steps:
        _check_runs(pipeline, step)
        check_inputs(pipeline, step)
        check_loop(step, pipeline.name)
        check_planning(step, pipeline)
        _check_join(step)
        _check_parallel(step, pipeline.name, around)
    check_waits(pipeline)
    _check_ends(pipeline)
    _check_schemas(pipeline)
    for step in pipeline.steps:
        if step.pipeline is not None:
            shards = step.max_parallel if isinstance(step, MapStep) else 1
            check(step.pipeline, depth=depth + 1, around=around * shards)
    if depth == 1:
        check_agents(pipeline)


def selections(pipeline: CompiledPipeline) -> Iterator[tuple[str, str]]:
    """List every JMESPath expression as (where it is, expression), also of the pipelines inside."""
    for inner in pipeline.whole():
        for step in inner.steps:
            picks: list[InputEdge | Pick] = [*step.edges, *step.when, *step.unless]
            for pick in picks:
                if pick.select is not None:
                    yield f"step {step.name!r} of {inner.name!r}", pick.select
            if isinstance(step, LoopStep):
                yield f"the condition of loop {step.name!r} of {inner.name!r}", step.until
        if inner.returns.select is not None:
            yield f"the result of {inner.name!r}", inner.returns.select


def two_steps_named(name: str, pipeline: str) -> BuildError:
    """Say that a step's name is taken."""
    return BuildError(
        what=f"two steps named {name!r} in {pipeline!r}",
        why="a step's name is part of its task ids",
        do="pass name='...' to one of them",
    )


def reserved_name(name: str, pipeline: str) -> BuildError:
    """Say that a step can't have this name."""
    return BuildError(
        what=f"a step named {name!r} in {pipeline!r}",
        why=f"{INPUT!r} is the run's own input wherever a step reads something",
        do="pass another name='...'",
    )


def returns_nothing(pipeline: str) -> BuildError:
    """Say that a pipeline has no result."""
    return BuildError(
        what=f"{pipeline!r} returns nothing",
        why="a run ends with one result",
        do=f"add {pipeline.replace('-', '_')}.returns(<the last step>)",
    )


def _check_names(pipeline: CompiledPipeline) -> None:
    seen: set[str] = set()
    for step in pipeline.steps:
        if step.name == INPUT:
            raise reserved_name(step.name, pipeline.name)
        if step.name in seen:
            raise two_steps_named(step.name, pipeline.name)
        seen.add(step.name)


def _check_order(pipeline: CompiledPipeline) -> None:
    steps = {step.name: step for step in pipeline.steps}
    declared: set[str] = set()
    for step in pipeline.steps:
        for parent in step.parents():
            if parent not in steps:
                raise BuildError(
                    what=f"step {step.name!r} of {pipeline.name!r} reads {parent!r}",
                    why="there is no such step",
                    do=f"name one of {', '.join(('input', *sorted(steps)))}",
                )
            if parent not in declared:
                raise _out_of_order(pipeline, step, parent)
        declared.add(step.name)


def _out_of_order(pipeline: CompiledPipeline, step: Step, parent: str) -> BuildError:
    cycle = _path(pipeline, start=parent, end=step.name)
    if cycle is None:
        return BuildError(
            what=f"step {step.name!r} of {pipeline.name!r} comes before {parent!r}, which it waits for",
            why="steps stand in declared order, parents first",
            do=f"put {parent!r} before {step.name!r}",
        )
    return BuildError(
        what=f"the steps {' -> '.join((step.name, *cycle))} of {pipeline.name!r} wait for each other",
        why="a pipeline has no cycles: none of them could ever run",
        do="take one of these edges out",
    )


def _path(pipeline: CompiledPipeline, *, start: str, end: str) -> tuple[str, ...] | None:
    """Find a way from a step up through its parents to another one, both included."""
    parents = {step.name: step.parents() for step in pipeline.steps}
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop()
        if way[-1] == end:
            return way
        for parent in parents.get(way[-1], ()):
            if parent not in seen:
                seen.add(parent)
                ways.append((*way, parent))
    return None


def _check_runs(pipeline: CompiledPipeline, step: Step) -> None:
    if step.agent is not None and step.agent not in pipeline.agents:
        raise BuildError(
            what=f"step {step.name!r} of {pipeline.name!r} runs the agent {step.agent!r}",
            why=f"the pipeline pins the contracts of {', '.join(pipeline.agents) or 'no agents'} only",
            do=f"add {step.agent!r} to agents",
        )


def join_without_holes(step: str, join: str) -> BuildError:
    """Say that a join has nothing to count."""
    return BuildError(
        what=f"step {step!r} has join={join} but no input that may be a hole",
        why="the join could fire before a required input is there",
        do="mark what may be missing: ref.or_hole()",
    )


def join_too_large(step: str, count: int, holes: int) -> BuildError:
    """Say that a join can never be met."""
    return BuildError(
        what=f"step {step!r} has a join of {count}, but {holes} input{'s' * (holes != 1)} that may be a hole",
        why="the join counts only inputs that may be holes: it could never be met",
        do=f"ask for {holes} at most, or mark more of them: ref.or_hole()",
    )


def _check_join(step: Step) -> None:
    if step.join is None or isinstance(step, MapStep):
        return
    holes = sum(edge.hole for edge in step.edges)
    if not holes:
        raise join_without_holes(step.name, step.join.policy)
    if step.join.count is not None and step.join.count > holes:
        raise join_too_large(step.name, step.join.count, holes)


def too_parallel(step: str, shards: int) -> BuildError:
    """Say that a map would have too many shards under way."""
    return BuildError(
        what=f"map {step!r} has max_parallel={shards}",
        why=f"one event of a run may order that many shards; at most {MOST_PARALLEL} are possible",
        do=f"give 1 to {MOST_PARALLEL}: workers take what they have room for, whatever is ordered",
    )


def _check_parallel(step: Step, pipeline: str, around: int) -> None:
    if not isinstance(step, MapStep):
        return
    if step.max_parallel > MOST_PARALLEL:
        raise too_parallel(step.name, step.max_parallel)
    if step.max_parallel * around > MOST_PARALLEL_INSIDE:
        raise BuildError(
            what=f"map {step.name!r} of {pipeline!r} has {step.max_parallel} shards in each of {around} at once",
            why=f"maps inside maps multiply; at most {MOST_PARALLEL_INSIDE} shards may be under way together",
            do="lower max_parallel of one of these maps",
        )


def _check_ends(pipeline: CompiledPipeline) -> None:
    names = {step.name for step in pipeline.steps}
    if pipeline.returns.source not in names:
        raise returns_nothing(pipeline.name)
    used = {parent for step in pipeline.steps for parent in step.parents()} | {pipeline.returns.source}
    for step in pipeline.steps:
        if step.name not in used:
            raise leads_nowhere(step.name, pipeline.name)


def leads_nowhere(step: str, pipeline: str) -> BuildError:
    """Say that a step's work is for nothing."""
    return BuildError(
        what=f"step {step!r} of {pipeline!r} leads nowhere",
        why="its result is not used and nothing waits for it",
        do="use it, return it, or name it in after= of a later step",
    )


def _check_schemas(pipeline: CompiledPipeline) -> None:
    roots: list[tuple[str, JsonSchema]] = [("takes", pipeline.takes), ("gives", pipeline.gives)]
    roots += list(pipeline.schemas.items())
    for name, contract in pipeline.agents.items():
        roots += [(f"input {given!r} of {name!r}", schema) for given, schema in contract.inputs.items()]
        roots.append((f"the output of {name!r}", contract.output))
    roots += [(f"step {step.name!r}", step.takes) for step in pipeline.steps if isinstance(step, SignalStep)]
    known = {f"#/schemas/{name}" for name in pipeline.schemas}
    for where, schema in roots:
        for reference in _references(schema):
            if reference not in known:
                raise BuildError(
                    what=f"{where} in {pipeline.name!r} refers to {reference!r}",
                    why=f"schemas holds {', '.join(pipeline.schemas) or 'nothing'}",
                    do="add the schema, or refer to '#/schemas/<name>'",
                )


def _references(schema: "JsonValue") -> Iterator[str]:
    match schema:
        case dict():
            for key, value in schema.items():
                if key == "$ref" and isinstance(value, str):
                    yield value
                else:
                    yield from _references(value)
        case list():
            for value in schema:
                yield from _references(value)
        case _:
            return
