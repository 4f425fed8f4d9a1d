"""The plan: a compiled pipeline with everything that fold looks up by name. Built once per process and pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argosy.coordinator.wants import wants_of
from argosy.schemas.contract import AgentContract
from argosy.schemas.facts import Want
from argosy.schemas.pipeline import INPUT, CompiledPipeline, MapStep, Step

PLANS: Final = 512
"""Plans kept in memory; one is a few times the size of its JSON."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step and its place in the DAG. Parents and children are in plan order, each once."""

    name: str
    step: Step
    agent: str
    contract: AgentContract
    parents: tuple[str, ...]
    required: tuple[str, ...]
    """Parents without which it can't run, in declared order."""
    needs: frozenset[str]
    """The same, to ask for one of them."""
    holes: Mapping[str, int]
    """By parent: how many inputs that may be holes read it."""
    children: tuple[str, ...]
    wants: tuple[Want, ...]

    @property
    def is_map(self) -> bool:
        """Say whether the step has shards."""
        return isinstance(self.step, MapStep)

    def local(self, shard: int | None) -> str:
        """Name a task of this step inside its run."""
        return self.name if shard is None else f"{self.name}.{shard}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole pipeline, indexed."""

    pipeline: CompiledPipeline
    steps: Mapping[str, StepPlan]
    """In plan order: parents first."""

    @property
    def title(self) -> str:
        """`name@version`."""
        return f"{self.pipeline.name}@{self.pipeline.version}"

    @property
    def returns(self) -> str:
        """The step whose value is the run's."""
        return self.pipeline.returns.source


def index(pipeline: CompiledPipeline) -> Plan:
    """Index a pipeline that `unsupported` has nothing against."""
    children: dict[str, list[str]] = {step.name: [] for step in pipeline.steps}
    for step in pipeline.steps:
        for parent in step.parents():
            children[parent].append(step.name)
    steps: dict[str, StepPlan] = {}
    for step in pipeline.steps:
        if step.agent is None:
            message = f"step {step.name!r} runs no agent"
            raise ValueError(message)
        required = _required(step)
        holes: dict[str, int] = {}
        for edge in step.edges:
            if edge.source != INPUT and edge.source not in required:
                holes[edge.source] = holes.get(edge.source, 0) + 1
        steps[step.name] = StepPlan(
            name=step.name,
            step=step,
            agent=step.agent,
            contract=pipeline.agents[step.agent],
            parents=step.parents(),
            required=required,
            needs=frozenset(required),
            holes=holes,
            children=tuple(children[step.name]),
            wants=wants_of(pipeline, step.name),
        )
    return Plan(pipeline, steps)


def _required(step: Step) -> tuple[str, ...]:
    """Name the parents that must succeed: an input or an `after` without `hole`, any condition, what a map spreads."""
    over = step.over if isinstance(step, MapStep) else None
    read = [edge.source for edge in step.edges if not edge.hole or edge.name == over]
    read += [after.source for after in step.after if not after.hole]
    read += [pick.source for pick in (*step.when, *step.unless)]
    return tuple(source for source in dict.fromkeys(read) if source != INPUT)


_plans: dict[str, Plan] = {}


def plan_of(identity: str, raw: bytes) -> Plan:
    """Return the plan of a document; one whose identity was met before comes from the cache."""
    plan = _plans.get(identity)
    if plan is None:
        if len(_plans) >= PLANS:
            del _plans[next(iter(_plans))]
        plan = _plans[identity] = index(CompiledPipeline.model_validate_json(raw))
    return plan
