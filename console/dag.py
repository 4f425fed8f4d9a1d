"""A pipeline's DAG as an indented tree: each step under its deepest parent, the other parents named beside it.

The steps of a map over a pipeline stand in it once, for all shards: `c.*/x`. So do those of a loop: `c~*/x`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import named, scope_of, shards_in, template_of
from argosy.schemas.contract import AgentContract
from argosy.schemas.pipeline import (
    ApprovalStep,
    CompiledPipeline,
    LoopStep,
    MapStep,
    PlanStep,
    SignalStep,
    SleepStep,
    Step,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A step under its name in the run: a step `x` of the pipeline that step `c` runs is `c/x`, of map `c` `c.*/x`."""

    name: str
    step: Step
    parents: tuple[str, ...]
    owner: str | None
    agents: Mapping[str, AgentContract]
    """The contracts that its pipeline has."""


def named_steps(pipeline: CompiledPipeline, owner: str | None = None) -> Iterator[Named]:
    """Yield all steps, in plan order; those of a child pipeline before the step that runs it."""
    lead = "" if owner is None else f"{owner}/"
    for step in pipeline.steps:
        name, parents = f"{lead}{step.name}", tuple(f"{lead}{parent}" for parent in step.parents())
        if step.pipeline is not None:
            yield from named_steps(step.pipeline, inside(step, name))
        yield Named(name, step, parents, owner, pipeline.agents)


def inside(step: Step, name: str) -> str:
    """Name who owns the steps of the pipeline that a step runs: the step, each shard of a map, each iteration."""
    if isinstance(step, LoopStep):
        return f"{name}~*"
    return f"{name}.*" if isinstance(step, MapStep) else name


def _waits(step: Step) -> Iterator[str]:
    match step:
        case SleepStep():
            yield f"{step.seconds:g} s"
        case ApprovalStep() | SignalStep():
            if isinstance(step, ApprovalStep):
                who = f" by {' or '.join(step.by)}" if step.by else ""
                yield f"of {next(iter(step.sources()), 'a constant')}{who}: {step.question}"
            yield f"within {step.within_seconds:g} s, else {'the run fails' if step.on_timeout == 'fail' else 'a hole'}"
        case _:
            pass


def in_run(step: Named, state: RunState) -> Iterator[Named]:
    """Yield a step as it stands in a run: once, but in a map over a pipeline for each shard that has ordered a task."""
    if "*" not in step.name:
        yield step
        return
    scope = scope_of(step.name)
    depth = scope.count("*")
    shards = {tuple(shards_in(local)[:depth]): None for local in state.tasks() if _is_in(local, scope)}
    for numbers in sorted(shards, key=lambda found: [int(number) for number in found]):
        yield replace(
            step,
            name=named(step.name, numbers),
            parents=tuple(named(parent, numbers) for parent in step.parents),
            owner=None if step.owner is None else named(step.owner, numbers),
        )


def _is_in(local: str, scope: str) -> bool:
    return template_of(scope_of(local)).startswith(scope)


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of the tree: what to draw before the step, and the parents that the drawing doesn't show."""

    name: str
    """In the run."""
    lead: str
    below: str
    """What to draw before further lines of the same step."""
    step: Step
    joins: tuple[str, ...]


def branches(pipeline: CompiledPipeline, lead: str = "", owner: str = "") -> Iterator[Branch]:
    """Yield the steps, each after the parent it stands under; those of a child pipeline under the step that runs it."""
    depth: dict[str, int] = {}
    under: dict[str, list[Step]] = {"": []}
    for step in pipeline.steps:
        parents = step.parents()
        home = max(parents, key=lambda name: depth[name], default="")
        depth[step.name] = depth.get(home, -1) + 1
        under.setdefault(home, []).append(step)
    yield from _under("", lead, owner, under)


def _under(home: str, lead: str, owner: str, under: dict[str, list[Step]]) -> Iterator[Branch]:
    steps = under.get(home, [])
    for step in steps:
        last = step is steps[-1]
        joins = tuple(name for name in step.parents() if name != home)
        below = lead + ("   " if last else "│  ")
        more = "│  " if under.get(step.name) else "   "
        name = f"{owner}{step.name}"
        yield Branch(name, lead + ("└─ " if last else "├─ "), below + more, step, joins)
        if step.pipeline is not None:
            yield from branches(step.pipeline, below + more, f"{inside(step, name)}/")
        yield from _under(step.name, below, owner, under)


def runs_of(step: Step) -> str:
    """Name what a step runs: an agent, a pipeline; of one that waits its kind."""
    if step.WAITS:
        return step.kind
    return step.agent or f"pipeline {step.pipeline.name if step.pipeline else ''}"


def in_words(step: Step) -> str:
    """Say what a step does: its agent or pipeline, map, join policy, conditions, deadline, what it waits for."""
    words = [runs_of(step), *_waits(step)]
    if isinstance(step, MapStep):
        words.append(f"for each of {step.over}, {step.max_parallel} at once")
    if isinstance(step, LoopStep):
        last = ", then its last value" if step.exhausted == "last" else ""
        words.append(f"again on {step.over} until {step.until}, {step.max_iterations} times at most{last}")
    if isinstance(step, PlanStep):
        words.append(
            f"plans {step.max_tasks} tasks at most for {', '.join(step.agents)}, {step.max_parallel} at once"
        )
    if (join := step.join) is not None:
        least = (
            join.count if join.count is not None else f"{join.share:.0%}" if join.share is not None else ""
        )
        within = f" within {join.within_seconds:g} s" if join.within_seconds is not None else ""
        words.append(f"join {join.policy}{f' {least}' if least else ''}{within}")
    conditions = [("when", step.when), ("unless", step.unless)]
    words += [f"{word} {pick.source}: {pick.select or 'it'}" for word, picks in conditions for pick in picks]
    if step.deadline_seconds is not None:
        words.append(f"deadline {step.deadline_seconds:g} s")
    return ", ".join(words)
