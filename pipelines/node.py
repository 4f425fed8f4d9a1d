"""A step as its author declared it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import Any, Protocol

from argosy.pipelines.agent import Agent
from argosy.pipelines.annotation import Annotation, union
from argosy.pipelines.join import Partial
from argosy.pipelines.port import Port
from argosy.pipelines.ref import Ref
from argosy.pipelines.wait import Wait
from argosy.schemas.errors import BuildError
from argosy.schemas.hole import Hole
from argosy.schemas.pipeline import CompiledPipeline, Exhausted
from argosy.schemas.planning import PlanResult


class Runnable(Protocol):
    """What a step runs: an agent, or a pipeline as one."""

    @property
    def name(self) -> str:
        """Its name, and the step's if that has none of its own."""
        ...

    @property
    def inputs(self) -> Mapping[str, Port[Any]]:
        """By name, in the order in which a step feeds them."""
        ...

    @property
    def defaults(self) -> Mapping[str, object]:
        """Of the inputs that a step may leave out."""
        ...

    @property
    def output(self) -> Port[Any]:
        """What it gives."""
        ...


class Whole(Runnable, Protocol):
    """A pipeline that a step runs."""

    def agents(self) -> Mapping[str, Agent[..., Any]]:
        """Give all agents that it needs."""
        ...

    def compile(self) -> CompiledPipeline:
        """Give it as data."""
        ...

    def revision(self) -> int:
        """Count its changes."""
        ...


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often a loop goes round."""

    until: Callable[[Any], bool]
    """Run on a recorder, as a pick."""
    max_iterations: int
    exhausted: Exhausted


@dataclass(frozen=True, slots=True)
class Planning:
    """What a planner may plan."""

    agents: tuple[Agent[..., Any], ...]
    max_tasks: int
    max_parallel: int
    max_depth: int


@dataclass(frozen=True, slots=True)
class Node:
    """A declared step."""

    name: str
    runs: Agent[..., Any] | Whole | Wait
    inputs: Mapping[str, Ref[Any]]
    after: tuple[Ref[Any], ...] = ()
    when: tuple[Ref[bool], ...] = ()
    unless: tuple[Ref[bool], ...] = ()
    join: Partial | None = None
    deadline_seconds: float | None = None
    max_parallel: int | None = None
    """Of a map; a plain step has none."""
    rounds: Rounds | None = None
    """Of a loop."""
    planning: Planning | None = None
    """Of a step whose agent plans."""

    @property
    def result(self) -> Annotation:
        """The declared type of what the step gives."""
        one = self.runs.output.annotation
        if self.planning is not None:
            return PlanResult.__class_getitem__(
                union(*(each.output.annotation for each in self.planning.agents))
            )
        if self.max_parallel is None:
            return one
        return GenericAlias(list, (one if self.join is None else union(one, Hole),))


def feed(name: str, runs: Runnable, refs: Sequence[Ref[Any]]) -> dict[str, Ref[Any]]:
    """Give each input its ref, by position."""
    names = list(runs.inputs)
    least = max(1, len(names) - len(runs.defaults))  # Python lets defaults stand only behind the others
    if not least <= len(refs) <= len(names):
        raise BuildError(
            what=f"step {name!r} got {len(refs)} input{'s' * (len(refs) != 1)}",
            why=f"{runs.name} takes {', '.join(names)}",
            do="pass one ref for each, in that order",
        )
    return dict(zip(names, refs, strict=False))
